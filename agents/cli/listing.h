/* Lists of the ledger's JSON objects as tables: a column is a member with its kind, which says the unit. */
#ifndef AGENTS_CLI_LISTING_H
#define AGENTS_CLI_LISTING_H

#include "agents/cli/format.h"

#include <jansson.h>

enum listing_kind {
    LISTING_TEXT,
    LISTING_COUNT, /* a whole number */
    LISTING_KWH,
    LISTING_CENTS_PER_KWH,
    LISTING_CENTS,
    LISTING_ORDER,    /* "b1" for a bid */
    LISTING_INTERVAL, /* seconds; people see nothing for 0 */
    LISTING_TIME_MS,
    LISTING_HASH, /* people see its beginning */
    LISTING_YES   /* true: "yes"; people see nothing for false, CSV has "no" */
};

struct listing_column {
    const char *title, *key; /* as in table.h */
    const char *member;
    enum listing_kind kind;
};

/* An integer of the ledger's JSON: a decimal string or a number. False when it is neither, or does not fit.
 */
bool listing_int(const json_t *object, const char *member, int64_t *out);
bool listing_uint(const json_t *object, const char *member, uint64_t *out);

#define LISTING_TEXT_MAX 320 /* room for the longest text of the ledger; longer ones are cut */

/* Writes a member of `object` as its kind to text[LISTING_TEXT_MAX]; nothing when it is not there. Control
 * characters become "?": whoever wrote the text must not write to the reader's terminal. Returns `text`. */
char *listing_text(const json_t *object, const char *member, enum listing_kind kind, enum format format,
                   char *text);

/* Prints a JSON list of objects as a table for people or as CSV. */
void listing_print(enum format format, const struct listing_column *columns, size_t count,
                   const json_t *rows);

#endif
