/* The last lines of a board's log, for who asks over the link. */
#ifndef NODE_FW_CARD_RING_H
#define NODE_FW_CARD_RING_H

#include "node-fw/link/message.h"

struct ring_line {
    uint8_t severity; /* syslog's */
    uint8_t size;     /* bytes */
    char text[LINK_TEXT_MAX];
};

/* All zero: empty. */
struct ring {
    unsigned next, count;
    struct ring_line lines[LINK_LOG_LINES_MAX];
};

/* Adds `text` behind its uptime: "12.345 text", one clean line, cut at LINK_TEXT_MAX bytes; over the oldest
 * when the ring is full. */
void ring_add(struct ring *ring, int64_t uptime_ms, uint8_t severity, const char *text);

/* The line that is `back` lines before the newest, as a message; `back` is below ring->count. */
struct link_log ring_log(const struct ring *ring, unsigned back);

#endif
