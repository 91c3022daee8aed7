/* One line: a port and the link session over it. Opens the port when it is there, with a pause that grows
 * from 50 ms to 2 s; closes it at once when it fails. Reads and writes are bounded in every turn, so that a
 * line that babbles or does not read delays nobody else. The port is given no more than the wire carries in
 * the next 20 ms: what waits in the link can still be overtaken by something newer, in the kernel it cannot.
 */
#ifndef AGENTS_UART_LINE_H
#define AGENTS_UART_LINE_H

#include "agents/uart/port.h"
#include "node-fw/link/session.h"

#include <busbar/loop.h>
#include <stdbool.h>
#include <stdint.h>

struct line;

/* Who is told what happens on a line. `on_message`: a message came; it is borrowed. `on_down`: the link was
 * up and is not any more, because the port failed or the board fell silent. `on_turn`: bytes or time have
 * moved something. */
struct line_owner {
    void *context;
    void (*on_message)(void *context, struct line *line, const struct link_message *message);
    void (*on_down)(void *context, struct line *line, const char *why);
    void (*on_turn)(void *context);
};

struct line {
    char spec[PORT_SPEC_MAX];
    struct bb_loop *loop;
    const struct line_owner *owner;
    struct port port;
    struct link link;
    bool up;              /* what the owner was told last */
    bool output_watched;  /* the port was full */
    int64_t wire_free_us; /* when the wire has carried all that the port was given */
    int64_t opened_ms, retry_at_ms;
    uint32_t backoff_ms;
    uint32_t opened;               /* times */
    uint32_t dropped;              /* messages that found the output full */
    struct bb_reason trouble;      /* why it is closed; "" when open */
    struct bb_reason told_trouble; /* why it cannot be opened, as the log was told, when */
    int64_t told_trouble_ms;
    uint32_t told_echo; /* frames that came back, as the log was told, when */
    int64_t told_echo_ms;
    uint16_t doubted_board; /* the owner's: this id was here and on another line, too */
    uint16_t told_board;    /* the owner's: an alert about this id was given, when */
    int64_t told_ms;
    void *peer;          /* the owner's: the board behind it; NULL: none yet */
    void *stranger;      /* the owner's: the board behind it that is not enrolled; NULL: none so far */
    uint16_t seen_board; /* the id that answered here last; 0: none yet */
};

/* A closed line; `spec` as for port_open. The owner is borrowed. */
void line_init(struct line *line, const char *spec, struct bb_loop *loop, const struct line_owner *owner);

/* Opens the port when it is time, lets the link's time pass, writes what waits. */
void line_tick(struct line *line, int64_t now_ms);

/* When line_tick has something to do. */
int64_t line_due(const struct line *line);

/* Queues a message and writes what fits at once. link_send's statuses, and BB_CLOSED when the port is closed;
 * what does not fit is dropped and counted. */
BB_MUST_CHECK enum status line_send(struct line *line, const struct link_message *message);

/* Closes the port and opens it no sooner than in `pause_ms`. */
void line_close(struct line *line, const char *why, uint32_t pause_ms);

#endif
