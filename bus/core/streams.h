/* Sequence numbers of the `sub` door: one count per sender and topic, by which a plain subscriber can see a
 * gap. The table is bounded; when it is full the stream that was quiet for longest starts again at 1. */
#ifndef BUS_CORE_STREAMS_H
#define BUS_CORE_STREAMS_H

#include <busbar/bytes.h>

#define STREAMS_MAX 65536
/* Slots that one stream may fall into. */
#define STREAMS_WAYS 8

struct streams_slot {
    uint64_t hash; /* 0: free */
    uint32_t sequence;
    uint32_t used; /* the count of messages when it was last used */
};

struct streams {
    struct streams_slot slots[STREAMS_MAX];
    uint64_t seed;
    uint32_t messages;
};

/* The next number of the stream of `sender` on `topic`, from 1. `streams` is zeroed before its first use, but
 * for the seed, which is unpredictable. */
uint32_t streams_next(struct streams *streams, struct bytes sender, struct bytes topic);

#endif
