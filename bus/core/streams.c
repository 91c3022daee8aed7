#include "bus/core/streams.h"

#include <busbar/wide.h>

#define FACTOR 0x9e3779b97f4a7c15u

static uint64_t step(uint64_t hash, uint64_t word, uint64_t factor)
{
    return bb_wide_fold(hash ^ word, factor);
}

/* Goes over eight bytes at a step, because it runs for every message of the door. The factor is secret, so
 * that nobody can choose texts that collide; the size, a step of its own, tells the last bytes from zeros. */
static uint64_t mix(uint64_t hash, struct bytes text, uint64_t factor)
{
    hash = step(hash, text.size, factor);
    for (size_t at = 0; at < text.size; at += sizeof hash) {
        uint64_t word = 0;
        size_t left = text.size - at;
        memcpy(&word, text.data + at, left < sizeof word ? left : sizeof word);
        hash = step(hash, word, factor);
    }
    return hash;
}

uint32_t streams_next(struct streams *streams, struct bytes sender, struct bytes topic)
{
    uint64_t factor = (streams->seed ^ FACTOR) | 1;
    uint64_t hash = mix(mix(streams->seed, sender, factor), topic, factor) | 1;
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
