/* The genesis as people write it: ledger/genesis.json (docs/architecture.md, busbar-genesis(5)). */
#ifndef LEDGER_GENESIS_FILE_H
#define LEDGER_GENESIS_FILE_H

#include "ledger/core/genesis.h"

#define GENESIS_FILE_MAX (256 * 1024 * 1024)

/* Reads the JSON text of a genesis and gives its canonical bytes, malloc'd. BB_MALFORMED, BB_RANGE: the
 * reason names the member. */
BB_MUST_CHECK enum status genesis_file_read(struct bytes json, struct bb_reason *reason, uint8_t **bytes_out,
                                            size_t *size_out);

/* The same from a file. BB_NOT_FOUND, BB_IO, BB_FULL (larger than GENESIS_FILE_MAX); the reason names it. */
BB_MUST_CHECK enum status genesis_file_load(const char *path, struct bb_reason *reason, uint8_t **bytes_out,
                                            size_t *size_out);

#endif
