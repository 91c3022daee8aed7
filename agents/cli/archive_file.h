/* Reading an exported chain block by block:
 * "BEX1" · u64 size, genesis · (u32 size, block) × height · u32 0 · 32 hash of the last block, little-endian.
 */
#ifndef AGENTS_CLI_ARCHIVE_FILE_H
#define AGENTS_CLI_ARCHIVE_FILE_H

#include <busbar/address.h>
#include <busbar/bytes.h>
#include <busbar/reason.h>
#include <busbar/status.h>
#include <stdio.h>

struct archive_file {
    FILE *file;
    const char *path; /* borrowed */
    uint64_t size, read;
    uint8_t *data; /* of the last part read */
    size_t capacity;
};

/* Opens it and reads the genesis, borrowed until the next read. BB_NOT_FOUND, BB_IO, BB_MALFORMED, with the
 * reason; nothing is to be closed then. */
BB_MUST_CHECK enum status archive_file_open(const char *path, struct bb_reason *reason,
                                            struct archive_file *out, struct bytes *genesis_out);
void archive_file_close(struct archive_file *archive);

/* The next block, borrowed until the next read; empty after the last one. BB_MALFORMED: cut off. */
BB_MUST_CHECK enum status archive_file_next(struct archive_file *archive, struct bb_reason *reason,
                                            struct bytes *block_out);

/* After the last block: the hash that the file ends with. BB_MALFORMED: cut off, or something follows. */
BB_MUST_CHECK enum status archive_file_end(struct archive_file *archive, struct bb_reason *reason,
                                           struct hash *hash_out);

#endif
