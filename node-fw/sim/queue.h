/* What is to happen in a world, by virtual time; broadcasts in flight are held once, however many copies. */
#ifndef NODE_FW_SIM_QUEUE_H
#define NODE_FW_SIM_QUEUE_H

#include <busbar/limits.h>
#include <busbar/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packet {
    struct packet *next_free;
    uint32_t holders;
    uint16_t size;
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
};

enum happening_kind { HAPPEN_SCRIPT, HAPPEN_WAKE, HAPPEN_ARRIVE, HAPPEN_DELIVER };

struct happening {
    int64_t at_us;
    uint64_t order; /* of two at the same time the older goes first */
    struct packet *packet;
    uint32_t index; /* of the script's event */
    uint16_t board;
    uint8_t kind;
};

struct queue {
    struct happening *heap;
    size_t count, capacity;
    uint64_t pushed;
    struct packet *free_packets;
};

/* Adds `h` (its order is set here). BB_FULL: no memory. */
BB_MUST_CHECK enum status queue_push(struct queue *q, struct happening h);

/* The earliest happening, without taking it; NULL when there is none. Valid until the next call. */
const struct happening *queue_first(const struct queue *q);

/* Takes the earliest happening; there must be one. */
struct happening queue_pop(struct queue *q);

/* A packet with the payload copied in and no holder yet; NULL: no memory. size ≤ BB_LINK_PAYLOAD_MAX. */
struct packet *queue_packet(struct queue *q, const uint8_t *payload, size_t size);

/* One holder less (0 counts as the last); the last one gives the packet back. */
void queue_release(struct queue *q, struct packet *packet);

/* Frees everything inside. */
void queue_free(struct queue *q);

#endif
