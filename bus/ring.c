#include "bus/ring.h"

#include <busbar/check.h>

struct packet *ring_packet(uint32_t count)
{
    struct packet *packet = malloc(sizeof *packet + count * sizeof *packet->frames);
    CHECK(packet != NULL);
    packet->count = count;
    packet->size = 0;
    return packet;
}

void ring_packet_free(struct packet *packet)
{
    for (uint32_t i = 0; i < packet->count; i++)
        zmq_msg_close(&packet->frames[i]);
    free(packet);
}

size_t ring_cost(const struct packet *packet)
{
    return packet->size + sizeof *packet + packet->count * sizeof *packet->frames;
}

struct packet *ring_first(const struct ring *ring)
{
    return ring->count == 0 ? NULL : ring->slots[ring->first];
}

struct packet *ring_pop(struct ring *ring)
{
    CHECK(ring->count > 0);
    struct packet *packet = ring->slots[ring->first];
    ring->first = (ring->first + 1) % RING_MESSAGES;
    ring->count--;
    ring->size -= packet->size;
    ring->cost -= ring_cost(packet);
    return packet;
}

uint32_t ring_push(struct ring *ring, struct packet *packet)
{
    uint32_t dropped = 0;
    if (ring->slots == NULL) {
        ring->slots = malloc(RING_MESSAGES * sizeof(struct packet *));
        CHECK(ring->slots != NULL);
    }
    while (ring->count > 0 && (ring->count == RING_MESSAGES || ring->cost + ring_cost(packet) > RING_BYTES)) {
        ring_packet_free(ring_pop(ring));
        dropped++;
    }
    ring->slots[(ring->first + ring->count++) % RING_MESSAGES] = packet;
    ring->size += packet->size;
    ring->cost += ring_cost(packet);
    return dropped;
}

void ring_clear(struct ring *ring)
{
    while (ring->count > 0)
        ring_packet_free(ring_pop(ring));
    free(ring->slots);
    *ring = (struct ring){.slots = NULL};
}
