/* A small market with keys of its own, for tests of the chain: a genesis, random signed transactions, and the
 * rows of a chain to compare. One seed, one world. */
#ifndef TESTS_LEDGER_CORE_WORLD_H
#define TESTS_LEDGER_CORE_WORLD_H

#include "ledger/core/chain.h"
#include "ledger/core/refusal.h"
#include "ledger/core/transaction.h"

/* Who is who: index of the key and of the account. The last key is the first sealer's and has no account; the
 * one before it is nobody's. */
enum {
    WORLD_OPERATOR,
    WORLD_DISTRIBUTION,
    WORLD_P1,
    WORLD_P2,
    WORLD_P3,
    WORLD_C1,
    WORLD_C2,
    WORLD_METER,
    WORLD_ACCOUNTS,
    WORLD_STRANGER = WORLD_ACCOUNTS,
    WORLD_SEALER,
    WORLD_KEYS
};

#define WORLD_TIME INT64_C(1750000000000) /* of the genesis, ms */

struct world {
    uint64_t seed;
    struct signer *signer;
    struct secret secrets[WORLD_KEYS];
    struct address addresses[WORLD_KEYS];
    uint8_t *genesis;
    size_t genesis_size;
    struct hash separator;
};

/* Keys are 1, 2, 3, … so that everything can be repeated by hand. Failures end the test. */
void world_open(struct world *world, uint64_t seed);
void world_close(struct world *world);

/* A fresh chain of this world's genesis. */
struct chain *world_chain(const struct world *world);

/* Signs an action of account `who` (the actor is filled in) with key `who`. */
void world_sign(struct world *world, unsigned who, struct action action, uint64_t nonce, uint64_t deadline,
                struct transaction *out);

/* A random action of a random account, likely to be accepted; its actor's index. */
unsigned world_action(struct world *world, struct chain *chain, struct action *out);

/* The nonce that the chain expects of `who`. */
uint64_t world_nonce(struct world *world, struct chain *chain, unsigned who);

/* Signs and executes with the right nonce, in the open block. */
enum refusal world_execute(struct world *world, struct chain *chain, unsigned who, struct action action,
                           struct receipt *out);

/* Seals and commits the open block; its bytes, malloc'd. */
uint8_t *world_finish(struct world *world, struct chain *chain, bool checkpoint, size_t *size_out);

/* Opens a block at `time`, fills it with `count` random transactions, seals it and commits it; a copy of its
 * bytes, malloc'd. */
uint8_t *world_block(struct world *world, struct chain *chain, int64_t time, unsigned count, bool checkpoint,
                     size_t *size_out);

/* All rows of the chain's market one after the other, malloc'd. */
uint8_t *world_rows(struct chain *chain, size_t *size_out);

/* Fails the test when two chains differ in head or rows. */
void world_compare(struct chain *a, struct chain *b);

#endif
