/* The index from a transaction's id to its place, as sorted runs: one run a checkpoint, eight of a size made
 * into one of the next. Random ids are never put into a B-tree one by one (measured: that doubles its cost at
 * 2·10^5 rows); an entry is written once a level, and 10^7 transactions are a few dozen runs.
 *
 * A run's entries lie in buckets by the leading bits of the id, about 256 in each, so that a look-up reads
 * one row a run. An entry holds 8 bytes of the id; who asks checks against the block itself. Derived: made
 * again from the blocks when anything in it is not as it should be. Source: O'Neil et al., The log-structured
 * merge-tree, 1996. */
#ifndef LEDGER_RUNS_H
#define LEDGER_RUNS_H

#include "ledger/database.h"

#include <busbar/address.h>

struct runs;

/* One transaction: the first 8 bytes of its id, and where it is: height << 12 | index. */
struct run_entry {
    uint64_t prefix, place;
};

/* The entry of a transaction. */
struct run_entry runs_entry(const struct hash *id, uint64_t height, uint32_t index);

/* The two halves of a place. */
static inline uint64_t runs_height(uint64_t place)
{
    return place >> 12;
}
static inline uint32_t runs_index(uint64_t place)
{
    return place & 4095;
}

/* Says whether the transaction that was looked for is at that place. */
typedef bool runs_match(void *context, uint64_t height, uint32_t index);

/* The runs of a database. BB_MALFORMED: their list makes no sense. */
BB_MUST_CHECK enum status runs_open(struct database *database, struct bb_reason *reason, struct runs **out);

/* Accepts NULL. */
void runs_close(struct runs *runs);

/* Adds the transactions of blocks `first` to `last` as one run (sorts `entries`), and merges what is due.
 * Within the caller's transaction. After a failure the runs must be closed and opened again. */
BB_MUST_CHECK enum status runs_add(struct runs *runs, struct run_entry *entries, size_t count, uint64_t first,
                                   uint64_t last, struct bb_reason *reason);

/* Looks for a prefix, newest run first, and asks `match` about each hit. BB_NOT_FOUND; BB_MALFORMED: a bucket
 * is damaged; BB_IO. */
BB_MUST_CHECK enum status runs_find(struct runs *runs, uint64_t prefix, runs_match *match, void *context,
                                    struct bb_reason *reason);

/* Reads everything: BB_MALFORMED when a bucket is damaged, an entry out of place, or the runs are not one
 * after the other from block 1. How many entries there are. */
BB_MUST_CHECK enum status runs_check(struct runs *runs, struct bb_reason *reason, uint64_t *entries_out);

/* Forgets all of them, within the caller's transaction. */
BB_MUST_CHECK enum status runs_clear(struct runs *runs, struct bb_reason *reason);

/* How many runs there are, how many entries in them, and the last block that they cover (0: none). */
size_t runs_count(const struct runs *runs, uint64_t *entries_out, uint64_t *last_out);

#endif
