#include "tests/bench/latency.h"

/* Times below LATENCY_STEPS have a bucket each; above, each power of two has LATENCY_STEPS. */
static uint32_t bucket_of(uint64_t ns)
{
    if (ns < LATENCY_STEPS)
        return (uint32_t)ns;
    unsigned shift = 58 - (unsigned)__builtin_clzll(ns);
    return shift * LATENCY_STEPS + (uint32_t)(ns >> shift);
}

static uint64_t upper_bound(uint32_t bucket)
{
    if (bucket < 2 * LATENCY_STEPS)
        return bucket;
    uint32_t shift = bucket / LATENCY_STEPS - 1;
    return ((uint64_t)(bucket % LATENCY_STEPS + LATENCY_STEPS) + 1) << shift;
}

void latency_add(struct latency *latency, uint64_t ns)
{
    latency->buckets[bucket_of(ns)]++;
    latency->count++;
}

double latency_us(const struct latency *latency, double quantile)
{
    uint64_t rank = (uint64_t)(quantile * (double)latency->count);
    uint64_t below = 0;
    for (uint32_t i = 0; i < sizeof latency->buckets / sizeof *latency->buckets; i++) {
        below += latency->buckets[i];
        if (below > rank || (below == latency->count && below > 0))
            return (double)upper_bound(i) / 1e3;
    }
    return 0;
}
