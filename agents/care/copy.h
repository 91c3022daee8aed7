/* Plain files: copied whole and forced to the disk, and their hashes. */
#ifndef AGENTS_CARE_COPY_H
#define AGENTS_CARE_COPY_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <stdint.h>

/* 64 hexadecimal digits and the NUL. */
#define COPY_HASH_ROOM 65

/* Copies `from` to the new file `to`, mode 0600 until somebody changes it. A file that is written meanwhile
 * is copied again, three times at most. BB_NOT_FOUND, BB_EXISTS, BB_IO, BB_TIMEOUT (it never stood still). */
BB_MUST_CHECK enum status copy_file(const char *from, const char *to, struct bb_reason *reason);

/* The SHA-256 of a plain file, and its size. hash_out[COPY_HASH_ROOM]. BB_NOT_FOUND, BB_IO (also: no plain
 * file). */
BB_MUST_CHECK enum status copy_hash(const char *path, struct bb_reason *reason, char *hash_out,
                                    uint64_t *size_out);

#endif
