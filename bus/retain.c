#include "bus/retain.h"

#include <busbar/check.h>
#include <stdlib.h>

/* A kept message: headers, then the message. */
struct value {
    uint8_t *data; /* NULL: nothing */
    size_t headers_size, size, capacity;
};

struct retain {
    const struct setting_list *prefixes;
    size_t most, message_most, bytes, messages;
    struct topics topics;
    struct value values[TOPICS_MAX + 1];
};

struct retain *retain_open(const struct setting_list *prefixes, size_t most, size_t message_most,
                           uint64_t seed)
{
    struct retain *retain = calloc(1, sizeof *retain);
    CHECK(retain != NULL);
    retain->prefixes = prefixes;
    retain->most = most;
    retain->message_most = message_most;
    topics_init(&retain->topics, seed);
    return retain;
}

static void forget(struct retain *retain, uint32_t slot)
{
    struct value *value = &retain->values[slot];
    if (value->data == NULL)
        return;
    retain->bytes -= value->capacity;
    retain->messages--;
    free(value->data);
    *value = (struct value){.data = NULL};
}

void retain_close(struct retain *retain)
{
    if (retain == NULL)
        return;
    for (uint32_t slot = 1; slot <= TOPICS_MAX; slot++)
        forget(retain, slot);
    free(retain);
}

static bool is_kept(const struct retain *retain, struct bytes topic, size_t size)
{
    if (size > retain->message_most || size > retain->most)
        return false;
    for (size_t i = 0; i < retain->prefixes->count; i++) {
        struct bytes prefix = bytes_of(retain->prefixes->items[i]);
        if (topic.size >= prefix.size && memcmp(topic.data, prefix.data, prefix.size) == 0)
            return true;
    }
    return retain->prefixes->count == 0;
}

/* Makes room for `size` bytes under `slot`, whose topic was used just now. */
static void make_room(struct retain *retain, uint32_t slot, size_t size)
{
    struct value *value = &retain->values[slot];
    if (value->data != NULL && size <= value->capacity && size >= value->capacity / 4)
        return;
    forget(retain, slot);
    size_t capacity = (size + 63) & ~(size_t)63;
    while (retain->bytes + capacity > retain->most && retain->topics.oldest != slot) {
        uint32_t oldest = retain->topics.oldest;
        forget(retain, oldest);
        topics_remove(&retain->topics, oldest);
        retain->topics.evicted++;
    }
    value->data = malloc(capacity);
    CHECK(value->data != NULL);
    value->capacity = capacity;
    retain->bytes += capacity;
    retain->messages++;
}

void retain_publish(struct retain *retain, struct bytes topic, struct bytes sender,
                    const struct envelope *envelope, int64_t now_ms)
{
    bool fresh;
    size_t size = envelope->headers.size + envelope->message.size;
    uint32_t slot = topics_count(&retain->topics, topic, sender, size, now_ms, &fresh);
    struct value *value = &retain->values[slot];
    if (fresh)
        forget(retain, slot);
    if (size == 0 || !is_kept(retain, topic, size)) {
        /* The one before is not the last any more. */
        forget(retain, slot);
        return;
    }
    make_room(retain, slot, size);
    value->headers_size = envelope->headers.size;
    value->size = size;
    if (envelope->headers.size > 0)
        memcpy(value->data, envelope->headers.data, envelope->headers.size);
    if (envelope->message.size > 0)
        memcpy(value->data + value->headers_size, envelope->message.data, envelope->message.size);
}

const struct topics *retain_topics(const struct retain *retain)
{
    return &retain->topics;
}

bool retain_find(const struct retain *retain, uint32_t slot, struct retained *out)
{
    const struct value *value = &retain->values[slot];
    if (value->data == NULL)
        return false;
    *out = (struct retained){{value->data, value->headers_size},
                             {value->data + value->headers_size, value->size - value->headers_size}};
    return true;
}

size_t retain_bytes(const struct retain *retain)
{
    return retain->bytes;
}

size_t retain_messages(const struct retain *retain)
{
    return retain->messages;
}
