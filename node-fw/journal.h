/* Log lines of the board's program: logfmt, at most a few a second, without allocation; on standard error, or
 * wherever they are sent. */
#ifndef NODE_FW_JOURNAL_H
#define NODE_FW_JOURNAL_H

#include <busbar/units.h>

/* Writes `event=<event> ` and the formatted rest as one line. Beyond 20 lines at once and 5 a second, lines
 * are dropped, counted, and the count is said with the next line. */
void journal_say(struct mono now, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Where lines go from now on, each without its end; NULL: standard error. */
void journal_to(void (*sink)(void *context, const char *line), void *context);

/* Writes one line to standard error. */
void journal_print(const char *line);

#endif
