#include "node-fw/sim/queue.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

static bool earlier(const struct happening *a, const struct happening *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

static void swap(struct happening *a, struct happening *b)
{
    struct happening kept = *a;
    *a = *b;
    *b = kept;
}

enum status queue_push(struct queue *q, struct happening h)
{
    if (q->count == q->capacity) {
        size_t capacity = q->capacity == 0 ? 256 : 2 * q->capacity;
        struct happening *heap = realloc(q->heap, capacity * sizeof *heap);
        if (heap == NULL)
            return BB_FULL;
        q->heap = heap;
        q->capacity = capacity;
    }
    h.order = q->pushed++;
    size_t at = q->count++;
    q->heap[at] = h;
    while (at > 0 && earlier(&q->heap[at], &q->heap[(at - 1) / 2])) {
        swap(&q->heap[at], &q->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    return BB_OK;
}

const struct happening *queue_first(const struct queue *q)
{
    return q->count > 0 ? &q->heap[0] : NULL;
}

struct happening queue_pop(struct queue *q)
{
    CHECK(q->count > 0);
    struct happening first = q->heap[0];
    q->heap[0] = q->heap[--q->count];
    for (size_t at = 0;;) {
        size_t least = at, left = 2 * at + 1;
        for (size_t child = left; child <= left + 1 && child < q->count; child++) {
            if (earlier(&q->heap[child], &q->heap[least]))
                least = child;
        }
        if (least == at)
            return first;
        swap(&q->heap[at], &q->heap[least]);
        at = least;
    }
}

struct packet *queue_packet(struct queue *q, const uint8_t *payload, size_t size)
{
    CHECK(size <= BB_LINK_PAYLOAD_MAX);
    struct packet *packet = q->free_packets;
    if (packet != NULL)
        q->free_packets = packet->next_free;
    else if ((packet = malloc(sizeof *packet)) == NULL)
        return NULL;
    packet->holders = 0;
    packet->size = (uint16_t)size;
    memcpy(packet->payload, payload, size);
    return packet;
}

void queue_release(struct queue *q, struct packet *packet)
{
    if (packet->holders > 0 && --packet->holders > 0)
        return;
    packet->next_free = q->free_packets;
    q->free_packets = packet;
}

void queue_free(struct queue *q)
{
    while (q->count > 0) {
        struct happening h = queue_pop(q);
        if (h.packet != NULL)
            queue_release(q, h.packet);
    }
    while (q->free_packets != NULL) {
        struct packet *next = q->free_packets->next_free;
        free(q->free_packets);
        q->free_packets = next;
    }
    free(q->heap);
}
