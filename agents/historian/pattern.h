/* Patterns of topics: a regular expression of the simplest kind, matched in time that is bounded by the
 * lengths. A character stands for itself in either case, `.` for any, `*` behind one for any number of it, ^
 * and $ for the beginning and the end, \ takes the meaning of what follows. */
#ifndef AGENTS_HISTORIAN_PATTERN_H
#define AGENTS_HISTORIAN_PATTERN_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <stdbool.h>
#include <stddef.h>

#define PATTERN_MAX 255

struct pattern {
    struct {
        char c;
        bool any, many;
    } steps[PATTERN_MAX];
    size_t count;
    bool from_start, to_end;
};

/* BB_MALFORMED: too long, or one of ( ) [ ] { } | + ?, which it does not know; the reason says which. */
BB_MUST_CHECK enum status pattern_parse(const char *text, struct bb_reason *reason, struct pattern *out);

/* True when the pattern stands somewhere in the text. */
bool pattern_matches(const struct pattern *pattern, const char *text);

#endif
