/* The aggregates of one series over a range, from what is kept and, where that is not enough, from the
 * readings themselves. */
#ifndef AGENTS_HISTORIAN_BUCKETS_H
#define AGENTS_HISTORIAN_BUCKETS_H

#include "agents/historian/history.h"

/* Aggregates of one answer, before skip and count. */
#define BUCKETS_MAX 200000

struct buckets {
    struct aggregate *all; /* malloc'd; by their starts, none empty */
    size_t count, capacity;
    int64_t period_us;
    bool too_many;
};

/* Collects them: of every period that begins from from_us (its period's start) on and before until_us.
 * BB_RANGE: more than BUCKETS_MAX. On any status `out->all` is to be freed. */
BB_MUST_CHECK enum status buckets_collect(struct history *history, const struct series *series,
                                          int64_t period_us, int64_t from_us, int64_t until_us,
                                          struct buckets *out, struct bb_reason *reason);

#endif
