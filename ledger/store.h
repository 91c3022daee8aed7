/* The chain in one SQLite database: STRICT tables, WAL, synchronous=FULL. What is durable is the block, one
 * BLOB a row; the rows of the state and the index from transaction to place are derived, written at
 * checkpoints (checkpoint.h) together with the height they stand for, and made again from the blocks when
 * they are missing or wrong.
 *
 * One process writes: a second store_open for writing is BB_EXISTS. Readers (backup, export, verify) may open
 * it beside the writer. Any failure of the database (full disk, read-only, corrupt) is a status with the
 * database's own sentence in the reason; the store is then read-only (store_failed) and what can be read
 * still is. Source: SQLite documentation: WAL, PRAGMA synchronous, backup API. */
#ifndef LEDGER_STORE_H
#define LEDGER_STORE_H

#include "ledger/core/block.h"

#include <busbar/reason.h>

struct store;

enum store_mode { STORE_WRITE, STORE_READ };

/* Opens the database at `path`; with STORE_WRITE it is made when it is not there, and `genesis` (canonical
 * bytes) is put into a new one; an old one must have the same: BB_MALFORMED otherwise. `genesis` empty: take
 * what is there (BB_NOT_FOUND when nothing is). BB_EXISTS (held by another process), BB_VERSION (a newer
 * schema), BB_IO, BB_MALFORMED (corrupt), BB_DENIED. */
BB_MUST_CHECK enum status store_open(const char *path, enum store_mode mode, struct bytes genesis,
                                     struct bb_reason *reason, struct store **out);
void store_close(struct store *store);

/* The genesis' canonical bytes, borrowed until store_close. */
struct bytes store_genesis(const struct store *store);

/* Appends the block of that height, durably: BB_OK means it is on the disk. The height after the last only (a
 * repeated last block with the same bytes is BB_OK too). BB_EXISTS: another block is there. BB_IO: nobody
 * knows whether it is on the disk: append the same bytes again, it is looked up then. BB_FULL (the disk),
 * BB_TIMEOUT (locked by another program), BB_DENIED, BB_MALFORMED: it is not. */
BB_MUST_CHECK enum status store_append(struct store *store, uint64_t height, const struct hash *hash,
                                       struct bytes block, struct bb_reason *reason);

/* The height of the last block, 0 when there is none. */
uint64_t store_height(const struct store *store);

/* The bytes of a block, malloc'd, as they were written: a damaged one is BB_MALFORMED, with the height in the
 * reason. BB_NOT_FOUND, BB_IO. */
BB_MUST_CHECK enum status store_block(struct store *store, uint64_t height, struct bb_reason *reason,
                                      uint8_t **bytes_out, size_t *size_out);

/* The hash of a block as stored beside it. BB_NOT_FOUND, BB_IO. */
BB_MUST_CHECK enum status store_block_hash(struct store *store, uint64_t height, struct hash *out);

/* Where a transaction is, as its block says. BB_NOT_FOUND; BB_IO, BB_MALFORMED: nobody knows. */
BB_MUST_CHECK enum status store_find(struct store *store, const struct hash *id, uint64_t *height_out,
                                     uint32_t *index_out);

/* A consistent copy into a new file while the writer goes on. BB_EXISTS: the file is there. */
BB_MUST_CHECK enum status store_backup(struct store *store, const char *path, struct bb_reason *reason);

/* True when a write has failed and the store takes no more; why, in the database's own words ("" when not).
 */
bool store_failed(const struct store *store);
const char *store_trouble(const struct store *store);

/* After a failure: tries whether the database can be written again, and takes blocks again when it can. While
 * the outcome of the last store_append is not known (BB_IO) only the same block settles it, by store_append
 * itself: BB_EXISTS then. */
BB_MUST_CHECK enum status store_probe(struct store *store, struct bb_reason *reason);

#endif
