/* Proofs over the tree of all block hashes (leaf 0 is the genesis' hash), for receipts and for "the history
 * of block 3 is a prefix of that of block 9". The roots of every 256 leaves are kept in memory as they are
 * first needed, so that a proof costs hundreds of hashes and not a million. Source: RFC 6962 §2.1. */
#ifndef LEDGER_HISTORY_H
#define LEDGER_HISTORY_H

#include "ledger/core/merkle.h"
#include "ledger/store.h"

struct history;

/* Over the blocks of a store, which is borrowed. */
struct history *history_open(struct store *store);

/* Accepts NULL. */
void history_close(struct history *history);

/* The proof that the block at `height` (0: the genesis) is in the history of a block at `later` > height, the
 * tree of `later` leaves. BB_NOT_FOUND: no such blocks. BB_MALFORMED, BB_IO: a hash cannot be read. */
BB_MUST_CHECK enum status history_inclusion(struct history *history, uint64_t height, uint64_t later,
                                            struct merkle_proof *out);

/* The proof that the tree of `first` leaves is a prefix of that of `second`, 1 ≤ first ≤ second ≤ height + 1.
 * The same errors. */
BB_MUST_CHECK enum status history_consistency(struct history *history, uint64_t first, uint64_t second,
                                              struct merkle_proof *out);

/* The root over the first `size` leaves. */
BB_MUST_CHECK enum status history_root(struct history *history, uint64_t size, struct hash *out);

#endif
