/* A file that appears whole or not at all: written beside its place under another name, put there at the end,
 * and never over something else. */
#ifndef LEDGER_NEW_FILE_H
#define LEDGER_NEW_FILE_H

#include <busbar/limits.h>
#include <busbar/reason.h>
#include <busbar/status.h>

/* The name to write under: `path`.part. What an earlier attempt left there is removed. BB_EXISTS: `path` is
 * there already. BB_RANGE, BB_IO. */
BB_MUST_CHECK enum status new_file_begin(const char *path, char part_out[BB_PATH_MAX],
                                         struct bb_reason *reason);

/* Makes what was written durable, under its own name. BB_EXISTS: something else has come there. BB_IO. */
BB_MUST_CHECK enum status new_file_finish(const char *part, const char *path, struct bb_reason *reason);

#endif
