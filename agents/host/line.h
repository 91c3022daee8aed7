/* An agent's output as lines: bytes come in pieces, lines of valid text go out. Pure. */
#ifndef AGENTS_HOST_LINE_H
#define AGENTS_HOST_LINE_H

#include <busbar/bytes.h>

/* A longer line becomes several. */
#define LINE_MAX_BYTES 2048

struct line {
    char text[LINE_MAX_BYTES + 1];
    size_t size;
    bool within; /* a piece of the present line has been given already */
};

/* Called with each line, NUL-terminated, without its end, borrowed: UTF-8 with no control characters but
 * tabs; whatever else was there has become U+FFFD. */
typedef void line_on_line(void *context, const char *text, size_t size);

/* Takes a piece. */
void line_take(struct line *line, struct bytes piece, line_on_line *on_line, void *context);

/* The output has ended: gives what has no end of line. */
void line_end(struct line *line, line_on_line *on_line, void *context);

/* How much may pass in a time: so many tokens a second, at most `burst` at once. */
struct allowance {
    double tokens, per_s, burst;
    int64_t at_ms;
    uint64_t refused; /* so far */
};

/* Full at the beginning. */
void allowance_init(struct allowance *allowance, double per_s, double burst, int64_t now_ms);

/* Takes `tokens` of it; false, and counted, when there are not so many. */
bool allowance_take(struct allowance *allowance, double tokens, int64_t now_ms);

#endif
