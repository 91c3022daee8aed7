/* Batches on the disk until the target has them: in order, bounded, across crashes. Two threads may use one
 * spool at a time: it has a lock of its own. */
#ifndef AGENTS_HISTORIAN_SPOOL_H
#define AGENTS_HISTORIAN_SPOOL_H

#include <busbar/bytes.h>
#include <busbar/reason.h>
#include <busbar/status.h>

struct spool;

struct spool_counts {
    uint64_t batches, readings, bytes; /* that wait */
    uint64_t dropped;                  /* readings that had to go, ever */
};

/* A batch that waits; data is malloc'd. */
struct spool_batch {
    int64_t id;
    uint32_t readings;
    uint8_t *data;
    size_t size;
};

/* Opens or makes the file, mode 0600. Beyond `bytes_max` the oldest batches go. BB_IO, BB_FULL,
 * BB_MALFORMED (another program's file), BB_VERSION, BB_EXISTS (another process has it open). */
BB_MUST_CHECK enum status spool_open(const char *path, uint64_t bytes_max, struct spool **out,
                                     struct bb_reason *reason);

/* Accepts NULL. */
void spool_close(struct spool *spool);

/* Adds a batch; BB_OK: it is on the disk. *dropped_out: readings that went for it. BB_IO, BB_FULL (the disk):
 * nothing has changed. */
BB_MUST_CHECK enum status spool_append(struct spool *spool, struct bytes batch, uint32_t readings,
                                       uint64_t *dropped_out, struct bb_reason *reason);

/* The oldest batches, at most `max` of them and about `bytes_max` bytes, at least one; *count_out may be 0.
 * Each batch's data is to be freed. BB_IO. */
BB_MUST_CHECK enum status spool_oldest(struct spool *spool, size_t max, size_t bytes_max,
                                       struct spool_batch *batches_out, size_t *count_out,
                                       struct bb_reason *reason);

/* The target has all batches up to `id`. BB_IO, BB_FULL: they stay. */
BB_MUST_CHECK enum status spool_remove(struct spool *spool, int64_t id, struct bb_reason *reason);

/* What waits. */
struct spool_counts spool_counts(struct spool *spool);

#endif
