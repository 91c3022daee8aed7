#include "agents/mqtt/queue.h"

#include <busbar/check.h>

void queue_init(struct queue *queue, struct queue_slot *slots, size_t capacity, size_t bytes_max)
{
    *queue = (struct queue){.slots = slots, .capacity = capacity, .bytes_max = bytes_max};
}

static struct queue_slot *slot(const struct queue *queue, size_t at)
{
    return &queue->slots[(queue->head + at) % queue->capacity];
}

bool queue_fits(const struct queue *queue, size_t size)
{
    return queue->count < queue->capacity && size <= queue->bytes_max - queue->bytes;
}

void queue_put(struct queue *queue, void *entry, size_t size)
{
    CHECK(queue_fits(queue, size));
    *slot(queue, queue->count++) = (struct queue_slot){entry, size};
    queue->bytes += size;
}

void *queue_at(const struct queue *queue, size_t at)
{
    return at < queue->count ? slot(queue, at)->entry : NULL;
}

void *queue_next(const struct queue *queue)
{
    return queue_at(queue, queue->sent);
}

void queue_sent(struct queue *queue)
{
    CHECK(queue->sent < queue->count);
    queue->sent++;
}

void *queue_pop(struct queue *queue)
{
    if (queue->count == 0)
        return NULL;
    struct queue_slot first = *slot(queue, 0);
    queue->head = (queue->head + 1) % queue->capacity;
    queue->count--;
    queue->bytes -= first.size;
    if (queue->sent > 0)
        queue->sent--;
    return first.entry;
}

void *queue_drop(struct queue *queue)
{
    if (queue->sent == queue->count)
        return queue_pop(queue);
    /* Those under way move up by one over the place of the one that goes; they are few. */
    struct queue_slot dropped = *slot(queue, queue->sent);
    for (size_t i = queue->sent; i > 0; i--)
        *slot(queue, i) = *slot(queue, i - 1);
    *slot(queue, 0) = dropped;
    size_t sent = queue->sent;
    void *entry = queue_pop(queue);
    queue->sent = sent;
    return entry;
}

void queue_again(struct queue *queue)
{
    queue->sent = 0;
}
