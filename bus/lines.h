/* All connections of the vip door: listening sockets, one epoll instance, and what the connections share. The
 * owner is called when a key asks to come in, when a message is whole, and when a connection is gone.
 *
 * Nothing is kept for a connection that has not spoken, but its place: it has HANDSHAKE time for the
 * handshake and a generous time for its first message, and when places run out the oldest of them goes. */
#ifndef BUS_LINES_H
#define BUS_LINES_H

#include "bus/client/config.h"
#include "bus/line.h"
#include "bus/listener.h"

#define LINES_LISTENERS    16
#define LINES_MAX          (BB_PEERS_MAX + 512)
#define LINES_HANDSHAKE_MS 10000
#define LINES_SILENCE_MS   60000
/* Messages that are not whole yet, of all connections together, in bytes: beyond that the largest goes. */
#define LINES_INPUT_MAX (256u * 1024 * 1024)
#define LINES_BUFFER    (64 * 1024)
/* What is put before it is sent without waiting for the end of the turn. */
#define LINES_UNSENT_MAX (4 * 1024 * 1024)

struct lines_owner {
    void *context;
    /* The key (zeros without security) under line->identity asks to come in: writes line->user. False: it may
     * not, and is told so. */
    bool (*asked)(void *context, struct line *line, const uint8_t key[ZMTP_KEY]);
    /* A message: the routing id and its frames, borrowed. May close the line or hold the message back. */
    void (*message)(void *context, struct line *line, const struct bytes *frames, size_t count);
    /* A message had too many frames, and was left out. */
    void (*excess)(void *context, struct line *line);
    /* A line is gone. */
    void (*closed)(void *context, struct line *line);
    /* A connection was refused by its session; the reason ends a sentence. */
    void (*refused)(void *context, struct line *line, const char *why);
};

struct lines {
    struct lines_owner owner;
    const struct zmtp_pair *pair; /* NULL: no security */
    struct listener listeners[LINES_LISTENERS];
    size_t listener_count;
    int epoll;
    struct line *first, *last; /* open, the oldest first */
    struct line *dead;         /* closed since the turn began */
    uint32_t count, spoken;
    uint32_t doomed; /* lines with a due_ms */
    struct outbox_pool pool;
    struct line *dirty[LINES_MAX];
    uint32_t dirty_count;
    size_t unsent; /* bytes that were put since the last flush */
    size_t input_bytes;
    uint64_t ids; /* routing ids made for peers that brought none */
    int64_t now_ms, ticked_ms;
    bool full; /* no descriptors: nothing is accepted until the next tick */
    uint64_t accepted, evicted;
    struct zmtp_parts parts;
    uint8_t buffer[LINES_BUFFER];
};

/* Binds every endpoint. `pair` is borrowed, NULL without security; *lines is zeroed. As listener_open; the
 * reason names the endpoint. */
BB_MUST_CHECK enum status lines_open(struct lines *lines, const struct setting_list *endpoints,
                                     const struct zmtp_pair *pair, const struct lines_owner *owner,
                                     struct bb_reason *reason);

/* Closes everything, telling nobody. Accepts zeroed lines. */
void lines_close(struct lines *lines);

/* Accepts, reads and writes what can be without waiting. */
void lines_serve(struct lines *lines, int64_t now_ms);

/* Sends what was put since the last flush. */
void lines_flush(struct lines *lines);

/* Closes the lines whose time is over. */
void lines_tick(struct lines *lines, int64_t now_ms);

/* Notes that `size` bytes were put to a line, to be sent with the next flush. */
void lines_dirty(struct lines *lines, struct line *line, size_t size);

/* Makes room for the input of a line when there is too much of it in all. */
void lines_shed(struct lines *lines);

#endif
