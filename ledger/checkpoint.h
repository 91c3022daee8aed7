/* What is derived, written now and then: the rows of the state, the edge of the history tree, the index of
 * the transactions; all for one block, in one transaction of the database. A restart begins there. Nothing of
 * it is trusted: the root over the rows must be the one in the block's header. */
#ifndef LEDGER_CHECKPOINT_H
#define LEDGER_CHECKPOINT_H

#include "ledger/core/chain.h"
#include "ledger/store.h"

/* Notes which rows the block changes that is about to be committed: once before each chain_commit. */
void checkpoint_note(struct store *store, struct chain *chain);

/* Writes what is derived for the chain's head, the store's last block, which must be a checkpoint. After a
 * failure the last one stands, and what has changed since is still known. */
BB_MUST_CHECK enum status checkpoint_write(struct store *store, struct chain *chain,
                                           struct bb_reason *reason);

/* Fills a chain that was opened empty from the last checkpoint; BB_NOT_FOUND: there is none, replay from the
 * start. A checkpoint that does not fit the block it stands for is BB_MALFORMED: replay instead, into another
 * chain. */
BB_MUST_CHECK enum status checkpoint_resume(struct store *store, struct chain *chain,
                                            struct bb_reason *reason);

/* The height of the last checkpoint, 0: none, and the transactions up to there. */
uint64_t checkpoint_height(struct store *store, uint64_t *transactions_out);

/* Compares what is kept with `chain`, which stands at that height: every row, the edge, and the index as far
 * as it goes. BB_MALFORMED: the reason says what differs. */
BB_MUST_CHECK enum status checkpoint_compare(struct store *store, struct chain *chain,
                                             struct bb_reason *reason);

#endif
