/* The whole chain as one file, to keep or to hand on:
 *
 *   "BEX1" · u64 size, genesis · (u32 size, block) × height · u32 0 · 32 hash of the last block
 *
 * little-endian. It holds nothing that is derived: who imports it checks every signature, verdict and
 * balance. */
#ifndef LEDGER_ARCHIVE_H
#define LEDGER_ARCHIVE_H

#include "ledger/store.h"

/* Told now and then; `of` is 0 when nobody knows. */
typedef void archive_progress(void *context, uint64_t height, uint64_t of);

/* Writes the chain into a new file; the file is there when it is whole. BB_EXISTS, BB_IO, BB_MALFORMED: a
 * damaged block, the reason names its height. `height_out`: of the last block. */
BB_MUST_CHECK enum status archive_export(struct store *store, const char *path, archive_progress *progress,
                                         void *context, struct bb_reason *reason, uint64_t *height_out);

/* Makes a new database at `path` out of such a file, checking everything in it with `threads` threads (0: one
 * a core); the database is there when all of it was right. `known`, unless it is empty, are the canonical
 * bytes of the genesis that the chain must have. BB_EXISTS: the database is there. BB_MALFORMED: another
 * chain, cut off or altered; the reason names the height. BB_NOT_FOUND, BB_IO, BB_FULL. */
BB_MUST_CHECK enum status archive_import(const char *file, const char *path, struct bytes known,
                                         uint32_t threads, archive_progress *progress, void *context,
                                         struct bb_reason *reason, uint64_t *height_out);

#endif
