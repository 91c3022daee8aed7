/* Log lines of the board's program: logfmt on standard error, at most a few a second, without allocation. */
#ifndef NODE_FW_JOURNAL_H
#define NODE_FW_JOURNAL_H

#include <busbar/units.h>

/* Writes `event=<event> ` and the formatted rest as one line. Beyond 20 lines at once and 5 a second, lines
 * are dropped, counted, and the count is said with the next line. */
void journal_say(struct mono now, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
