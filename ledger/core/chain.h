/* The chain as a state machine over the contract: checks a transaction's envelope, executes it, seals a
 * block, or takes a block from elsewhere and checks everything in it. Deterministic: the same transactions
 * with the same times and sealer give the same block bytes on any machine. This header: opening and reading
 * it; sealing.h makes the next block, following.h takes one from elsewhere. */
#ifndef LEDGER_CORE_CHAIN_H
#define LEDGER_CORE_CHAIN_H

#include "ledger/core/block.h"
#include "ledger/core/genesis.h"
#include "ledger/core/merkle.h"
#include "ledger/core/receipt.h"

struct chain;

/* Says whether a transaction with this id is in a block below the present one (for Correction). */
typedef bool chain_known(void *context, const struct hash *id);

struct chain_head {
    uint64_t height;
    struct hash hash;    /* of the last block; at height 0 the genesis hash */
    struct hash changes; /* its state-change digest; zero at height 0 */
    struct wall time;
    uint64_t transactions; /* in all blocks */
};

/* Makes a chain at height 0 out of its genesis' bytes (copied). BB_MALFORMED, BB_RANGE, BB_IO (no memory). */
BB_MUST_CHECK enum status chain_open(struct bytes genesis, struct bb_reason *reason, struct chain **out);

/* The same with an empty market, to be filled from a checkpoint: a big genesis is not opened in vain. */
BB_MUST_CHECK enum status chain_open_empty(struct bytes genesis, struct bb_reason *reason,
                                           struct chain **out);
void chain_close(struct chain *chain);

/* Whom to ask about earlier transactions; without it none is known. */
void chain_ask(struct chain *chain, chain_known *known, void *context);

/* Its parts. Borrowed. */
const struct genesis *chain_genesis(const struct chain *chain);
const struct hash *chain_separator(const struct chain *chain);
struct market *chain_market(struct chain *chain);
void chain_head(const struct chain *chain, struct chain_head *out);

/* Continues from a checkpoint: chain_open_empty, then market_load of all rows and market_loaded, then
 * chain_resume sets the head: the checkpoint block's header, the edge of its history (chain_history as it was
 * at that height) and the number of transactions so far. BB_MALFORMED when the state's root or the history's
 * is not the header's; then the chain can only be closed. */
BB_MUST_CHECK enum status chain_resume(struct chain *chain, struct bytes header,
                                       const struct merkle_edge *history, uint64_t transactions);

/* The edge of the tree over the hashes of all blocks below the head, whose root is the head's `history`; its
 * size is the head's height. For the store's checkpoint. */
const struct merkle_edge *chain_history(const struct chain *chain);

/* Makes the sealed or accepted block the head, or forgets it to the last byte. */
void chain_commit(struct chain *chain);
void chain_rollback(struct chain *chain);

#endif
