/* Bytes in and out: whole files, and the hexadecimal texts of the ledger's JSON. */
#ifndef AGENTS_CLI_BLOB_H
#define AGENTS_CLI_BLOB_H

#include "agents/cli/call.h"

#include <busbar/bytes.h>
#include <jansson.h>

/* The canonical bytes of a genesis with a million participants. */
#define BLOB_GENESIS_MAX ((size_t)128 * 1024 * 1024)

/* Reads a file of at most `limit` bytes whole; *data_out is malloc'd. BB_NOT_FOUND, BB_IO, BB_RANGE (longer).
 */
BB_MUST_CHECK enum status blob_read(const char *path, size_t limit, struct bb_reason *reason,
                                    uint8_t **data_out, size_t *size_out);

/* The bytes of a text "0x…", malloc'd. BB_MALFORMED: it is none. */
BB_MUST_CHECK enum status blob_of_json(const json_t *text, uint8_t **data_out, size_t *size_out);

/* The other way: a JSON text "0x…". */
json_t *blob_to_json(struct bytes bytes);

/* Whether blob_write would have a place at `path`: a file that is there and may be written, or a folder in
 * which one may be made. The disk may still be full then. Otherwise it has been told. */
enum exit_code blob_writable(const struct call *call, const char *path);

/* Writes to a file, or with NULL to standard output unless that is a terminal. Failures are told. */
enum exit_code blob_write(const struct call *call, const char *path, struct bytes bytes);

#endif
