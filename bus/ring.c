#include "bus/ring.h"

#include <busbar/check.h>
#include <stdlib.h>

size_t ring_cost(const struct packet *packet)
{
    return packet->wire + sizeof *packet;
}

struct packet *ring_first(const struct ring *ring)
{
    return ring->count == 0 ? NULL : ring->slots[ring->first];
}

/* An empty ring holds nothing: most peers are never behind again. */
static void let_go(struct ring *ring)
{
    free(ring->slots);
    *ring = (struct ring){.slots = NULL};
}

struct packet *ring_pop(struct ring *ring)
{
    CHECK(ring->count > 0);
    struct packet *packet = ring->slots[ring->first];
    ring->first = (ring->first + 1) % RING_MESSAGES;
    ring->count--;
    ring->size -= packet->size;
    ring->cost -= ring_cost(packet);
    if (ring->count == 0)
        let_go(ring);
    return packet;
}

uint32_t ring_push(struct ring *ring, struct packet *packet)
{
    uint32_t dropped = 0;
    while (ring->count > 0 && (ring->count == RING_MESSAGES || ring->cost + ring_cost(packet) > RING_BYTES)) {
        packet_free(ring_pop(ring));
        dropped++;
    }
    if (ring->slots == NULL) {
        ring->slots = malloc(RING_MESSAGES * sizeof(struct packet *));
        CHECK(ring->slots != NULL);
    }
    ring->slots[(ring->first + ring->count++) % RING_MESSAGES] = packet;
    ring->size += packet->size;
    ring->cost += ring_cost(packet);
    return dropped;
}

void ring_clear(struct ring *ring)
{
    while (ring->count > 0)
        packet_free(ring_pop(ring));
    let_go(ring);
}
