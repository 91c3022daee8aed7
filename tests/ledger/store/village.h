/* People with keys, their genesis, and signed transactions of theirs that mostly succeed. Everything follows
 * from numbers, so that two processes have the same village. */
#ifndef TESTS_LEDGER_STORE_VILLAGE_H
#define TESTS_LEDGER_STORE_VILLAGE_H

#include "ledger/core/transaction.h"

struct village {
    uint32_t people; /* with keys: 0 the operator, 1 the distribution company, the rest prosumers */
    uint32_t others; /* accounts that never act */
    struct signer *signer;
    struct secret sealer;
    struct address *addresses; /* of the people */
    uint64_t *nonces;          /* of their next transactions */
    uint8_t *genesis;
    size_t genesis_size;
    struct hash separator;
};

/* Makes `people` ≥ 4 with 5000 $ and 5 MWh each. */
void village_open(struct village *village, uint32_t people, uint32_t others);
void village_close(struct village *village);

/* Signs an action of person `who` with that nonce to out[TRANSACTION_BYTES_MAX]; the size. */
size_t village_sign(struct village *village, uint32_t who, struct action *action, uint64_t nonce,
                    uint8_t *out);

/* The next random transaction, of a random person, with that person's next nonce. */
size_t village_random(struct village *village, uint64_t *seed, uint8_t *out);

/* Order number `number` of a benchmark, with its actor; who it is. */
uint32_t village_plan(const struct village *village, uint64_t number, struct action *action_out);

/* The same signed: an order that stays in the book or one that takes from it, in turn: what a benchmark
 * sends. */
size_t village_order(struct village *village, uint64_t number, uint8_t *out);

#endif
