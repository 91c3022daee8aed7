/* A reader of comma-separated values that knows its line, for files that people write. Source: RFC 4180. */
#ifndef AGENTS_MODBUS_CSV_H
#define AGENTS_MODBUS_CSV_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <stddef.h>

#define CSV_FIELDS_MAX 32
#define CSV_FIELD_MAX  1024

struct csv {
    const char *at;                                /* what is left of the text; NUL-terminated, borrowed */
    int line;                                      /* of `at` */
    int row_line;                                  /* where the last row began */
    size_t count;                                  /* fields of the last row */
    char field[CSV_FIELDS_MAX][CSV_FIELD_MAX + 1]; /* without blanks at both ends */
};

/* At the start of a text; a byte-order mark is skipped. */
void csv_begin(struct csv *csv, const char *text);

/* The next row that is not empty. BB_CLOSED at the end; BB_MALFORMED (a text between quotes that does not
 * end), BB_FULL (more fields or longer ones than there is room for), with the line in `reason`. */
BB_MUST_CHECK enum status csv_next(struct csv *csv, struct bb_reason *reason);

#endif
