/* How often an address may do something: leaky buckets in a table of fixed size. Pure. */
#ifndef AGENTS_WEB_LIMITS_H
#define AGENTS_WEB_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LIMITS_ADDRESSES 1024

struct limits_bucket {
    uint64_t address; /* hash of it; 0: free */
    int64_t level;    /* thousandths of what was done and has not leaked out */
    int64_t at_ms;
};

struct limits {
    int64_t rate_per_s, burst; /* what leaks out in a second; what fits */
    struct limits_bucket buckets[LIMITS_ADDRESSES];
};

/* Takes `cost` for `address` (for IPv6 the network of 64 bits counts): true when it fits. A table that is
 * full of others gives the place of the one that waits least: memory is bounded, and whom it forgets may
 * begin anew. */
bool limits_take(struct limits *limits, const char *address, unsigned cost, int64_t now_ms);

/* Whether so much would fit, taking nothing. */
bool limits_fits(const struct limits *limits, const char *address, unsigned cost, int64_t now_ms);

#endif
