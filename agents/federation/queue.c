#include "agents/federation/queue.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

static char *copy(const char *text)
{
    char *out = strdup(text);
    CHECK(out != NULL);
    return out;
}

struct cargo *queue_cargo(const char *topic, const char *sender, const char *headers, const char *message)
{
    struct cargo *cargo = calloc(1, sizeof *cargo);
    CHECK(cargo != NULL);
    cargo->uses = 1;
    cargo->topic = copy(topic);
    cargo->sender = copy(sender);
    cargo->headers = copy(headers);
    cargo->message = copy(message);
    cargo->size = sizeof *cargo + strlen(topic) + strlen(sender) + strlen(headers) + strlen(message);
    return cargo;
}

void queue_release(struct cargo *cargo)
{
    if (cargo == NULL || --cargo->uses > 0)
        return;
    free(cargo->topic);
    free(cargo->sender);
    free(cargo->headers);
    free(cargo->message);
    free(cargo);
}

void queue_open(struct queue *queue, size_t limit, size_t bytes_limit)
{
    *queue = (struct queue){.limit = limit, .bytes_limit = bytes_limit};
    queue->slots = calloc(limit, sizeof *queue->slots);
    CHECK(queue->slots != NULL);
}

static void drop_first(struct queue *queue)
{
    struct cargo *cargo = queue->slots[queue->first];
    queue->first = (queue->first + 1) % queue->limit;
    queue->count--;
    queue->bytes -= cargo->size;
    if (queue->taken > 0)
        queue->taken--;
    queue_release(cargo);
}

void queue_close(struct queue *queue)
{
    while (queue->count > 0)
        drop_first(queue);
    free(queue->slots);
    *queue = (struct queue){.limit = 0};
}

void queue_push(struct queue *queue, struct cargo *cargo)
{
    while (queue->count > 0 &&
           (queue->count == queue->limit || queue->bytes + cargo->size > queue->bytes_limit)) {
        drop_first(queue);
        queue->dropped++;
    }
    cargo->uses++;
    queue->slots[(queue->first + queue->count++) % queue->limit] = cargo;
    queue->bytes += cargo->size;
}

const struct cargo *queue_peek(const struct queue *queue)
{
    return queue->taken == queue->count ? NULL : queue->slots[(queue->first + queue->taken) % queue->limit];
}

struct cargo *queue_take(struct queue *queue)
{
    if (queue->taken == queue->count)
        return NULL;
    return queue->slots[(queue->first + queue->taken++) % queue->limit];
}

void queue_done(struct queue *queue)
{
    while (queue->taken > 0)
        drop_first(queue);
}

void queue_again(struct queue *queue)
{
    queue->taken = 0;
}
