/* What one connection is about to send: bytes in parts of a few kilobytes, and large packets by reference.
 * Bounded: a connection whose outbox is full takes nothing more until its peer has read. */
#ifndef BUS_OUTBOX_H
#define BUS_OUTBOX_H

#include "bus/packet.h"

#include <busbar/status.h>
#include <stdbool.h>

#define OUTBOX_MESSAGES 512
#define OUTBOX_BYTES    (1024 * 1024)
/* Of all outboxes together. */
#define OUTBOX_ALL_BYTES (256u * 1024 * 1024)
/* Packets up to this size are copied, larger ones referred to. */
#define OUTBOX_COPY_MAX 4096
/* A part in memory: the first of an outbox, which one turn fills for most, and those behind it. */
#define OUTBOX_FIRST 1024
#define OUTBOX_PART  8192
/* Empty parts of both sizes that are kept for the next connection. */
#define OUTBOX_SPARE_BYTES (1024 * 1024)

struct outbox_part {
    struct outbox_part *next;
    struct packet *packet;       /* what it refers to; NULL: its own bytes */
    size_t start, end, capacity; /* of data, or of the packet's */
    uint32_t messages;           /* that end in it */
    uint8_t data[];
};

/* Shared by the outboxes of a process; all zero is empty. */
struct outbox_pool {
    struct outbox_part *spare[2]; /* of OUTBOX_FIRST and OUTBOX_PART */
    size_t spare_bytes[2];
    size_t bytes; /* that wait in all outboxes */
};

/* All zero is empty. */
struct outbox {
    struct outbox_part *first, *last;
    size_t bytes;
    uint32_t messages;
};

/* True while it takes another message. */
bool outbox_has_room(const struct outbox *outbox, const struct outbox_pool *pool);

/* Room for `size` bytes in one piece, to be written at once and then kept with outbox_add. */
uint8_t *outbox_reserve(struct outbox *outbox, struct outbox_pool *pool, size_t size);

/* Keeps `size` bytes of what was reserved last; `messages`: how many end with them. */
void outbox_add(struct outbox *outbox, struct outbox_pool *pool, size_t size, uint32_t messages);

/* Appends a packet by reference: a message. */
void outbox_refer(struct outbox *outbox, struct outbox_pool *pool, struct packet *packet);

/* Writes to a socket that does not block: BB_OK (all is gone), BB_FULL (the socket takes no more for now),
 * BB_CLOSED. */
BB_MUST_CHECK enum status outbox_write(struct outbox *outbox, struct outbox_pool *pool, int fd);

/* Frees everything. */
void outbox_clear(struct outbox *outbox, struct outbox_pool *pool);

/* Frees the spare parts. */
void outbox_pool_clear(struct outbox_pool *pool);

#endif
