/* Sends what the router core decided through the vip door: each message is made once, however many get it. A
 * peer whose outbox is full gets its messages from a bounded ring here, the oldest dropped first and counted.
 */
#ifndef BUS_POST_H
#define BUS_POST_H

#include "bus/core/router.h"
#include "bus/line.h"
#include "bus/ring.h"

/* What waits in the rings of all peers together, in bytes. */
#define POST_BYTES_MAX (256u * 1024 * 1024)

/* What the process knows about a peer, by the core's index. All zero is a new peer. */
struct receiver {
    struct ring ring;
    uint64_t dropped, dropped_bytes; /* pushed out of the ring by newer ones */
    uint64_t returned;               /* for a full queue: their senders were told */
    uint64_t out_bytes;
    char address[LINE_ADDRESS_SIZE]; /* where it connects from; "" over ipc */
    struct line *line;               /* its connection; NULL: gone */
    char user[ACCESS_KEY_SIZE + 1];
    int64_t pinged_ms;
    bool backlogged; /* in post.backlog */
    bool leaving;    /* in post.leaving */
};

struct post {
    struct router *router;
    struct packet *scratch;                   /* for messages that nobody keeps by reference */
    struct receiver *receivers;               /* [BB_PEERS_MAX + 1] */
    uint32_t backlog[BB_PEERS_MAX + 1];       /* peers whose ring is not empty */
    uint32_t leaving[2 * (BB_PEERS_MAX + 1)]; /* peers that cannot be reached any more */
    uint32_t backlog_count, leaving_count;
    uint64_t dropped;
    size_t waiting;     /* bytes in all rings */
    uint64_t discarded; /* what still waited for peers that went */
};

/* Sends every parcel of `out`; `in` are the frames that it refers to. 0, EAGAIN or EHOSTUNREACH for a forward
 * that did not get through (everything else is taken care of). */
int post_send(struct post *post, const struct router_out *out, const struct bytes *in);

/* Sends frames of the process's own to a connection that is no peer's. */
void post_say(struct post *post, struct line *line, const struct bytes *frames, size_t count);

/* Tries what waits in the rings again; true if something was sent. */
bool post_flush(struct post *post);

/* Marks a peer as gone; post_next_leaving gives it out once. */
void post_leave(struct post *post, uint32_t peer);

/* A peer that left, its ring freed; 0: none. The caller tells the core. */
uint32_t post_next_leaving(struct post *post);

/* Frees what is kept for a peer that the core forgot. */
void post_forget(struct post *post, uint32_t peer);

#endif
