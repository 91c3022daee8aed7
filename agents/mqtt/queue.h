/* A bounded queue whose first entries may be under way: sent, and not yet acknowledged. Pure: the slots and
 * the entries belong to the caller. */
#ifndef AGENTS_MQTT_QUEUE_H
#define AGENTS_MQTT_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue_slot {
    void *entry;
    size_t size; /* bytes that it counts for */
};

struct queue {
    struct queue_slot *slots; /* [capacity] */
    size_t capacity, bytes_max;
    size_t head, count, sent; /* sent <= count: the first ones */
    size_t bytes;
};

/* An empty queue over slots[capacity], for at most `bytes_max` bytes. */
void queue_init(struct queue *queue, struct queue_slot *slots, size_t capacity, size_t bytes_max);

/* True when an entry of `size` bytes has room. */
bool queue_fits(const struct queue *queue, size_t size);

/* Puts an entry at the end; it must fit. */
void queue_put(struct queue *queue, void *entry, size_t size);

/* The entry at place `at` from the front; NULL behind the last. */
void *queue_at(const struct queue *queue, size_t at);

/* The first entry that is not under way, NULL: none; and that it now is. */
void *queue_next(const struct queue *queue);
void queue_sent(struct queue *queue);

/* Takes the first entry out; NULL when empty. */
void *queue_pop(struct queue *queue);

/* Takes out the oldest entry that is not under way, or else the oldest; NULL when empty. */
void *queue_drop(struct queue *queue);

/* What was under way is lost: everything is to be sent again, in its order. */
void queue_again(struct queue *queue);

#endif
