/* Blocks that exist already, run through a chain one after the other, their signatures recovered by the pool
 * while the contract works on earlier ones: what opening, verification and import have in common. */
#ifndef LEDGER_REPLAY_H
#define LEDGER_REPLAY_H

#include "ledger/core/chain.h"
#include "ledger/pool.h"
#include "ledger/store.h"

/* Gives the block of that height, malloc'd. BB_NOT_FOUND: there are no more. */
typedef enum status replay_next(void *context, uint64_t height, struct bb_reason *reason, uint8_t **bytes_out,
                                size_t *size_out);

/* Told of each block that was right: `accepted` before the chain commits it, `committed` (may be NULL)
 * afterwards, when the market shows the state of that block. Any failure ends the replay. */
typedef enum status replay_told(void *context, uint64_t height, struct bytes block, struct bb_reason *reason);

struct replay {
    struct chain *chain;
    struct pool *pool;
    bool trusted; /* the seals stand for the signatures: for blocks that this installation has checked before
                   */
    replay_next *next;
    replay_told *accepted, *committed;
    void *context;
};

/* Runs it from the chain's head on until there are no more blocks. BB_MALFORMED: a block is not right, the
 * reason names its height; the chain then stands before it. */
BB_MUST_CHECK enum status replay_run(const struct replay *replay, struct bb_reason *reason);

/* What a chain knows of earlier transactions: those of the store, below the chain's present block. */
struct replay_known {
    struct store *store;
    struct chain *chain;
    bool failed; /* a look-up could not be answered: what was executed since must not stand */
};

/* A chain at height 0 over the genesis of `store`, which it asks; `known` must outlive it. `empty`: for
 * checkpoint_resume. */
BB_MUST_CHECK enum status replay_chain(struct store *store, bool empty, struct replay_known *known,
                                       struct bb_reason *reason, struct chain **out);

/* Opens the chain of a store at its last block: from the last checkpoint, or from the genesis when there is
 * none or it does not fit; `how` says in one sentence what was done. Rows that change are noted
 * (checkpoint_note). BB_MALFORMED: a block is not right. Chain and pool are the caller's to close. */
BB_MUST_CHECK enum status replay_open(struct store *store, uint32_t threads, struct replay_known *known,
                                      struct bb_reason *reason, struct bb_reason *how,
                                      struct chain **chain_out, struct pool **pool_out);

#endif
