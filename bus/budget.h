/* How much of the broker's time the calls of one key may take: a bucket of microseconds that fills with time.
 * Calls run in the loop that serves everybody; without this a few peers that ask for whole lists in batches
 * would be waited for by all others. Pure: no clock. */
#ifndef BUS_BUDGET_H
#define BUS_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

/* A quarter of the time, and what was not used of it for a second. */
#define BUDGET_PER_MS 250
#define BUDGET_MAX    250000

/* All zero is a full bucket. */
struct budget {
    int64_t spent; /* microseconds, as of `at_ms` */
    int64_t at_ms;
};

/* True when there is something left. */
bool budget_allows(struct budget *budget, int64_t now_ms);

/* The same, when no more than `row` ≤ BUDGET_MAX microseconds may be taken in a row. */
bool budget_allows_row(struct budget *budget, int64_t now_ms, int64_t row);

/* Takes what a call took; it may have taken more than was left. */
void budget_spend(struct budget *budget, int64_t microseconds);

#endif
