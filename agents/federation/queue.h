/* What waits to cross one link: bounded in number and bytes, the oldest dropped first and counted. The first
 * messages may be on their way (queue_take): they stay until the other side has taken them (queue_done), and
 * are taken again when the way was cut (queue_again). Messages are shared between the queues of several
 * links. */
#ifndef AGENTS_FEDERATION_QUEUE_H
#define AGENTS_FEDERATION_QUEUE_H

#include "agents/federation/rules.h"

#include <stdint.h>

/* A message with the way that it has gone; all texts are owned. */
struct cargo {
    size_t uses;
    size_t size; /* bytes of the texts */
    char origin[RULES_NAME_SIZE];
    uint64_t incarnation, number;
    struct rules_way way;
    char *topic, *sender, *headers, *message;
};

struct queue {
    struct cargo **slots; /* [limit] */
    size_t limit, first, count, taken;
    size_t bytes, bytes_limit;
    uint64_t dropped;
};

/* A message with one use, the texts copied. Aborts without memory. */
struct cargo *queue_cargo(const char *topic, const char *sender, const char *headers, const char *message);

/* Gives one use back. Accepts NULL. */
void queue_release(struct cargo *cargo);

/* An empty queue of at most `limit` ≥ 1 messages with `bytes_limit` bytes. Aborts without memory. */
void queue_open(struct queue *queue, size_t limit, size_t bytes_limit);

/* Frees everything. */
void queue_close(struct queue *queue);

/* Appends a message and takes a use of it. What has to go for it goes, the oldest first, also when it is on
 * its way. */
void queue_push(struct queue *queue, struct cargo *cargo);

/* The next message that is not on its way yet, now on its way; borrowed; NULL: none. */
struct cargo *queue_take(struct queue *queue);

/* The message of the next queue_take, borrowed; NULL: none. */
const struct cargo *queue_peek(const struct queue *queue);

/* The messages on their way have arrived, up to those that queue_push dropped meanwhile. */
void queue_done(struct queue *queue);

/* They have not: they are taken again. */
void queue_again(struct queue *queue);

#endif
