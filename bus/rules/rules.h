/* Reads access.json into the core's access rules. */
#ifndef BUS_RULES_RULES_H
#define BUS_RULES_RULES_H

#include "bus/core/access.h"

#include <busbar/reason.h>

/* A larger file is none of ours. */
#define RULES_FILE_MAX (4 * 1024 * 1024)

/* Fills *out (any contents) from the file. BB_NOT_FOUND, BB_IO (also: no plain file), BB_DENIED (everybody
 * may write it), BB_MALFORMED, BB_RANGE, BB_EXISTS, BB_FULL; the reason names the file, the line and what is
 * expected. *digest_out is rules_digest of what was read, also when that is refused; 0 when nothing was. */
BB_MUST_CHECK enum status rules_load(const char *path, struct access *out, uint64_t *digest_out,
                                     struct bb_reason *reason);

/* The same from text[size], which a NUL follows; `name` is for the reason. */
BB_MUST_CHECK enum status rules_parse(const char *name, const char *text, size_t size, struct access *out,
                                      struct bb_reason *reason);

/* Tells one version of the file from another; never 0. No protection against people who make two that agree:
 * who writes the file makes the rules. Source: FNV-1a, 64 bits. */
uint64_t rules_digest(const char *text, size_t size);

#endif
