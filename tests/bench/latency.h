/* A histogram of times with 3 % of resolution. */
#ifndef TESTS_BENCH_LATENCY_H
#define TESTS_BENCH_LATENCY_H

#include <stdint.h>

#define LATENCY_STEPS 32

struct latency {
    uint64_t count;
    uint64_t buckets[60 * LATENCY_STEPS];
};

/* Adds a time in ns. */
void latency_add(struct latency *latency, uint64_t ns);

/* The time in µs that the part `quantile` (0 … 1) of all does not exceed; 0 when there are none. */
double latency_us(const struct latency *latency, double quantile);

#endif
