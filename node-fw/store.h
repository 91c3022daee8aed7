/* A board's two files: its own settings and its boot counter. Every write is whole or not at all: a temporary
 * file, fsync, rename, fsync of the folder. */
#ifndef NODE_FW_STORE_H
#define NODE_FW_STORE_H

#include "node-fw/node/settings.h"

#include <busbar/limits.h>
#include <busbar/status.h>
#include <stdint.h>

struct store {
    char board[BB_PATH_MAX]; /* the board's own file, without links */
    char state[BB_PATH_MAX]; /* the boot counter's */
};

/* Reads and checks the board's file at `path`. BB_NOT_FOUND, BB_IO, BB_RANGE (path too long): error->text
 * says so; BB_MALFORMED, BB_RANGE of the content: as settings_parse. */
BB_MUST_CHECK enum status store_open(const char *path, struct store *s, struct settings_error *error,
                                     struct settings *out);

/* Counts one boot: reads the counter (a missing file counts as 0), adds one, writes it. BB_MALFORMED: the
 * file holds no number 0 … 65534; BB_IO. */
BB_MUST_CHECK enum status store_next_boot(const struct store *s, uint16_t *counter_out);

/* Writes the counter. BB_IO. */
BB_MUST_CHECK enum status store_counter(const struct store *s, uint16_t counter);

/* Writes other values of the curve into the board's own file; all else in it stays. BB_IO, BB_FULL. */
BB_MUST_CHECK enum status store_parameters(const struct store *s, const struct curve_parameters *parameters);

#endif
