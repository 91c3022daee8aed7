#include "bus/core/streams.h"

static uint64_t mix(uint64_t hash, struct bytes text)
{
    for (size_t i = 0; i < text.size; i++) {
        hash = (hash ^ text.data[i]) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return hash;
}

uint32_t streams_next(struct streams *streams, struct bytes sender, struct bytes topic)
{
    uint64_t hash = mix(mix(streams->seed, sender) * 31 + sender.size, topic) | 1;
    size_t home = (hash >> 20) % STREAMS_MAX & ~(size_t)(STREAMS_WAYS - 1);
    struct streams_slot *oldest = &streams->slots[home];
    uint32_t now = ++streams->messages;
    for (size_t i = 0; i < STREAMS_WAYS; i++) {
        struct streams_slot *slot = &streams->slots[home + i];
        if (slot->hash == hash) {
            slot->used = now;
            return ++slot->sequence;
        }
        if (slot->hash == 0 || (oldest->hash != 0 && now - slot->used > now - oldest->used))
            oldest = slot;
        if (slot->hash == 0)
            break;
    }
    *oldest = (struct streams_slot){hash, 1, now};
    return 1;
}
