/* The topics that were published lately: how much, how often, by whom last. The table is bounded: when it is
 * full, the topic that was quiet for longest goes. A topic's slot stays its own until then, so that the
 * process can keep more about it in a table beside this one. */
#ifndef BUS_CORE_TOPICS_H
#define BUS_CORE_TOPICS_H

#include "bus/core/pool.h"

#include <busbar/limits.h>

#define TOPICS_MAX     8192
#define TOPICS_BUCKETS 16384
/* The blocks of each size class that topics and senders can ever need: 16 + … + 1024 and 16 + … + 256. */
#define TOPICS_TEXTS (TOPICS_MAX * (2032 + 496))
/* A rate is a mean over this long, at least, and twice as long at most. */
#define TOPICS_WINDOW_MS 10000
/* Topics of one page. */
#define TOPICS_PAGE_MAX 256

struct topic {
    uint64_t hash;
    uint32_t text, sender;
    uint16_t size;
    uint8_t sender_size;
    bool live;
    uint32_t next;         /* in the bucket or in the free list */
    uint32_t older, newer; /* by last use; 0: none */
    uint64_t messages, bytes;
    int64_t first_ms, last_ms;
    int64_t window_ms; /* when the present window began */
    uint32_t window, before;
};

/* Slots are 1 … TOPICS_MAX. */
struct topics {
    uint64_t seed, evicted;
    uint32_t top, free, count, oldest, newest;
    uint32_t buckets[TOPICS_BUCKETS];
    struct topic table[TOPICS_MAX + 1];
    struct pool texts;
    uint8_t memory[TOPICS_TEXTS];
};

/* An empty table over zeroed memory. `seed`: unpredictable, against crafted collisions. */
void topics_init(struct topics *topics, uint64_t seed);

/* Counts a message of `size` bytes on `topic` (≤ BB_TOPIC_MAX) by `sender` (≤ BB_IDENTITY_MAX). The topic's
 * slot; *fresh_out: it is new, and what was kept under the slot is over. */
uint32_t topics_count(struct topics *topics, struct bytes topic, struct bytes sender, size_t size,
                      int64_t now_ms, bool *fresh_out);

/* Forgets the topic of a slot. */
void topics_remove(struct topics *topics, uint32_t slot);

/* The topic of a slot, which lives; borrowed. */
const struct topic *topics_at(const struct topics *topics, uint32_t slot);

/* Its text and who published it last, borrowed until the next change. */
struct bytes topics_text(const struct topics *topics, uint32_t slot);
struct bytes topics_sender(const struct topics *topics, uint32_t slot);

/* Thousandths of messages a second, over the last 10 to 20 s (since the first message, if that is later). */
uint64_t topics_rate(const struct topics *topics, uint32_t slot, int64_t now_ms);

/* True for the slots that a page is to have. */
typedef bool topics_filter(void *context, uint32_t slot);

/* The first topics behind `after` (none: from the start) that begin with `prefix` and that `filter` (may be
 * NULL) lets through, in the order of their bytes. slots_out[max], max ≤ TOPICS_PAGE_MAX; the number found.
 */
uint32_t topics_page(const struct topics *topics, struct bytes prefix, const struct bytes *after,
                     topics_filter *filter, void *context, uint32_t max, uint32_t *slots_out);

#endif
