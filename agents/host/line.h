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

#endif
