/* Which messages of durable topics have been taken lately, whatever way they came: known by the platform
 * where they were published, and their offset and time in the durable log there. The last RECENT_MAX are
 * kept; what is older is taken for new: a message may come twice so, but is never lost. Pure. */
#ifndef AGENTS_FEDERATION_RECENT_H
#define AGENTS_FEDERATION_RECENT_H

#include <stdbool.h>
#include <stdint.h>

#define RECENT_MAX   65536
#define RECENT_SLOTS (2 * RECENT_MAX)

struct recent_mark {
    uint64_t origin, offset; /* the platform's name as a number; offset 0: none */
    uint64_t time_ms;
};

/* All zero: nothing was taken. */
struct recent {
    struct recent_mark marks[RECENT_MAX]; /* a ring, by age */
    uint32_t slots[RECENT_SLOTS];         /* the place of a mark, plus 1; 0: free */
    uint32_t next;
};

/* True when the message was taken. */
bool recent_has(const struct recent *recent, const char *origin, uint64_t offset, uint64_t time_ms);

/* Notes a message with an offset ≥ 1; the oldest is forgotten for it. */
void recent_add(struct recent *recent, const char *origin, uint64_t offset, uint64_t time_ms);

#endif
