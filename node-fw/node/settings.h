/* A board's own file: one `key value` a line, # starts a comment (docs/architecture.md). Pure: text in,
 * settings out. */
#ifndef NODE_FW_NODE_SETTINGS_H
#define NODE_FW_NODE_SETTINGS_H

#include "node-fw/dispatch/curve.h"

#include <busbar/bytes.h>
#include <busbar/limits.h>
#include <busbar/status.h>
#include <stdbool.h>
#include <stdint.h>

#define SETTINGS_TEXT_MAX  4096  /* bytes of the file */
#define SETTINGS_STATE_MAX 256   /* the path of the boot counter's file, with its NUL */
#define SETTINGS_ID_MAX    65534 /* 65535 is said by boards that are not enrolled */

/* What a board does when nobody can tell it what to do. */
enum link_loss { LINK_LOSS_HOLD, LINK_LOSS_ZERO, LINK_LOSS_FIXED };

struct settings {
    uint16_t id; /* 1 … SETTINGS_ID_MAX */
    char name[BB_NAME_MAX];
    struct curve_parameters parameters; /* curve_of has accepted them */
    enum link_loss on_link_loss;
    uint32_t fixed_mw;              /* ≤ parameters.pmax */
    uint32_t ramp_mw_per_s;         /* 0: no limit */
    char state[SETTINGS_STATE_MAX]; /* relative to the file; "": not given, as on a card */
};

/* Why a file was refused, for people: "omega: 17,17 is not a number 0 … 4294.967295". */
struct settings_error {
    unsigned line; /* from 1; 0: the file as a whole */
    char text[160];
};

/* Reads a whole file. BB_MALFORMED: unknown, repeated, missing or unreadable key; BB_RANGE: a value outside
 * its range; both fill *error, which is untouched otherwise. */
BB_MUST_CHECK enum status settings_parse(struct bytes text, struct settings_error *error,
                                         struct settings *out);

/* Writes the settings as a file that settings_parse reads back equal. BB_FULL when `w` is too small. */
BB_MUST_CHECK enum status settings_format(const struct settings *settings, struct writer *w);

/* Copies the file `text` to `w` with the three values of the curve replaced; comments, order and spaces stay.
 * `text` must be one that settings_parse accepts. BB_FULL when `w` is too small. */
BB_MUST_CHECK enum status settings_rewrite(struct bytes text, const struct curve_parameters *parameters,
                                           struct writer *w);

/* The file that `changes` make of `text`: when their first line is `+`, each further line takes the place of
 * the one with its key, or comes after the last; else they are the file. What comes out may be none that
 * settings_parse accepts. BB_FULL when `w` is too small. */
BB_MUST_CHECK enum status settings_merge(struct bytes text, struct bytes changes, struct writer *w);

/* Whether each line of `text`, a file or changes for settings_merge, whose key is `key` gives it `value`;
 * true when there is no such line. */
bool settings_agree(struct bytes text, const char *key, const char *value);

#endif
