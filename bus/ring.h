/* Messages that wait for one slow peer: bounded in number and bytes, the oldest dropped first. */
#ifndef BUS_RING_H
#define BUS_RING_H

#include "bus/packet.h"

#define RING_MESSAGES 1024
#define RING_BYTES    (16u * 1024 * 1024)

/* All zero is an empty ring. */
struct ring {
    struct packet **slots; /* RING_MESSAGES, while something is there */
    uint32_t first, count;
    size_t size; /* of the frames */
    size_t cost; /* in memory, which is what RING_BYTES bounds; as if nobody shared */
};

/* Appends a packet, whose share the ring owns from here; the number of older ones that had to go. */
uint32_t ring_push(struct ring *ring, struct packet *packet);

/* The oldest packet, borrowed; NULL: empty. */
struct packet *ring_first(const struct ring *ring);

/* Takes the oldest packet out; the caller owns its share. */
struct packet *ring_pop(struct ring *ring);

/* What a packet takes in memory. */
size_t ring_cost(const struct packet *packet);

/* Frees everything; the ring can be used again. */
void ring_clear(struct ring *ring);

#endif
