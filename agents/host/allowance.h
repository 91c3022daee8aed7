/* A bucket of tokens: what may pass in a time. Pure. */
#ifndef AGENTS_HOST_ALLOWANCE_H
#define AGENTS_HOST_ALLOWANCE_H

#include <stdbool.h>
#include <stdint.h>

/* How much may pass in a time: so many tokens a second, at most `burst` at once. */
struct allowance {
    double tokens, per_s, burst;
    int64_t at_ms;
    uint64_t refused; /* so far */
};

/* Full at the beginning. */
void allowance_init(struct allowance *allowance, double per_s, double burst, int64_t now_ms);

/* Takes `tokens` of it; false, and counted, when there are not so many. */
bool allowance_take(struct allowance *allowance, double tokens, int64_t now_ms);

#endif
