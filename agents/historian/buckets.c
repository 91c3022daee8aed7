#include "agents/historian/buckets.h"

#include "agents/historian/iso.h"

#include <busbar/check.h>
#include <stdlib.h>

/* Marks of one question. */
#define MARKS_MAX 4096

static struct aggregate *add(struct buckets *b, int64_t start_us)
{
    if (b->count == BUCKETS_MAX) {
        b->too_many = true;
        return NULL;
    }
    if (b->count == b->capacity) {
        b->capacity = b->capacity == 0 ? 256 : b->capacity * 2;
        b->all = realloc(b->all, b->capacity * sizeof *b->all);
        CHECK(b->all != NULL);
    }
    b->all[b->count] = (struct aggregate){.start_us = start_us};
    return &b->all[b->count++];
}

static bool on_reading(void *context, int64_t time_us, const struct value *value)
{
    struct buckets *b = context;
    double number;
    int64_t start = aggregate_start(time_us, b->period_us);
    if (!aggregate_number(value, &number))
        return true;
    struct aggregate *last =
        b->count > 0 && b->all[b->count - 1].start_us == start ? &b->all[b->count - 1] : add(b, start);
    if (last == NULL)
        return false;
    aggregate_add(last, number);
    return true;
}

static enum status from_readings(struct history *h, const struct series *s, int64_t from_us, int64_t until_us,
                                 struct buckets *out, struct bb_reason *reason)
{
    const struct target_range range = {s->id, from_us, until_us, false, UINT32_MAX};
    return h->ops->readings_get(h->target, &range, on_reading, out, reason);
}

static bool on_aggregate(void *context, const struct aggregate *aggregate)
{
    struct aggregate *to = add(context, aggregate->start_us);
    if (to != NULL)
        *to = *aggregate;
    return to != NULL;
}

static int by_start(const void *a, const void *b)
{
    const struct aggregate *left = a, *right = b;
    return left->start_us < right->start_us ? -1 : left->start_us > right->start_us;
}

/* Empties the aggregates of the marked periods: they are of old readings. */
static void blank(struct buckets *b, const struct mark *marks, size_t count)
{
    for (size_t i = 0; i < count && b->count > 0; i++) {
        const struct aggregate key = {.start_us = marks[i].start_us};
        struct aggregate *found = bsearch(&key, b->all, b->count, sizeof *b->all, by_start);
        if (found != NULL)
            found->count = 0;
    }
}

static void drop_empty(struct buckets *b)
{
    size_t kept = 0;
    for (size_t i = 0; i < b->count; i++)
        if (b->all[i].count > 0)
            b->all[kept++] = b->all[i];
    b->count = kept;
}

/* What is kept, and the marked periods anew. */
static enum status from_aggregates(struct history *h, const struct series *s, int period, int64_t from_us,
                                   int64_t until_us, struct buckets *out, struct bb_reason *reason)
{
    struct mark *marks = malloc(MARKS_MAX * sizeof *marks);
    size_t count = 0;
    CHECK(marks != NULL);
    const struct target_range range = {s->id, from_us, until_us, false, BUCKETS_MAX + 1};
    enum status status =
        h->ops->marks_get(h->target, period, s->id, until_us, MARKS_MAX, marks, &count, reason);
    if (status == BB_OK && count == MARKS_MAX)
        status = from_readings(h, s, from_us, until_us, out, reason);
    else if (status == BB_OK)
        status = h->ops->aggregates_get(h->target, period, &range, on_aggregate, out, reason);
    if (status == BB_OK && count < MARKS_MAX) {
        blank(out, marks, count);
        drop_empty(out);
        for (size_t i = 0; i < count && status == BB_OK; i++)
            if (marks[i].start_us >= from_us)
                status =
                    from_readings(h, s, marks[i].start_us, marks[i].start_us + out->period_us, out, reason);
        if (out->count > 0)
            qsort(out->all, out->count, sizeof *out->all, by_start);
    }
    free(marks);
    return status;
}

enum status buckets_collect(struct history *h, const struct series *s, int64_t period_us, int64_t from_us,
                            int64_t until_us, struct buckets *out, struct bb_reason *reason)
{
    int period = aggregate_period_index(period_us);
    *out = (struct buckets){.period_us = period_us};
    from_us = aggregate_start(from_us, period_us);
    if (until_us <= ISO_US_MAX)
        until_us = aggregate_start(until_us + period_us - 1, period_us);
    bool kept = period >= 0 && (s->periods >> period & 1) != 0 && s->position[period] == SERIES_COVERED;
    enum status status = kept ? from_aggregates(h, s, period, from_us, until_us, out, reason)
                              : from_readings(h, s, from_us, until_us, out, reason);
    if (status == BB_OK && out->too_many) {
        bb_reason_say(reason, "more than %d periods; ask for a shorter time or longer periods", BUCKETS_MAX);
        status = BB_RANGE;
    }
    return status;
}
