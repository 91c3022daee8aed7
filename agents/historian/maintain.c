/* Aggregation and retention, in small steps. */
#include "agents/historian/history.h"

#include "agents/historian/iso.h"

#include <busbar/check.h>
#include <stdlib.h>

/* Of one step. */
#define STEP_MARKS    64
#define STEP_READINGS 2000
#define STEP_NUMBERS  100000 /* that aggregates are made of; the last mark may go beyond */
#define STEP_SERIES   256
#define STEP_PERIODS  256
/* A period is over so long after its end: readings on their way have arrived by then, mostly. */
#define GRACE_US INT64_C(2000000)

static bool on_sum(void *context, int64_t time_us, const struct value *value)
{
    double number;
    (void)time_us;
    if (aggregate_number(value, &number))
        aggregate_add(context, number);
    return true;
}

/* *read_out grows by the numbers that it was made of. */
static enum status aggregate_one(struct history *h, const struct mark *mark, uint64_t *read_out,
                                 struct bb_reason *reason)
{
    struct aggregate a = {.start_us = mark->start_us};
    const struct target_range range = {mark->series, mark->start_us,
                                       mark->start_us + AGGREGATE_PERIOD_US[mark->period], false, UINT32_MAX};
    enum status status = h->ops->readings_get(h->target, &range, on_sum, &a, reason);
    *read_out += a.count;
    if (status == BB_OK)
        status = h->ops->aggregate_put(h->target, mark, &a, reason);
    if (status == BB_OK)
        status = h->ops->marks_remove(h->target, mark, 1, reason);
    return status;
}

/* Works off some marks of periods that are over. */
static enum status aggregate_step(struct history *h, int64_t now_us, bool *more_out, struct bb_reason *reason)
{
    struct mark marks[STEP_MARKS];
    enum status status = BB_OK;
    for (int p = 0; p < AGGREGATE_PERIODS && status == BB_OK && !*more_out; p++) {
        size_t count = 0, done = 0;
        uint64_t read = 0;
        int64_t before = now_us - GRACE_US - AGGREGATE_PERIOD_US[p] + 1;
        status = h->ops->marks_get(h->target, p, 0, before, STEP_MARKS, marks, &count, reason);
        if (status != BB_OK || count == 0)
            continue;
        status = h->ops->begin(h->target, reason);
        for (; done < count && read < STEP_NUMBERS && status == BB_OK; done++)
            status = aggregate_one(h, &marks[done], &read, reason);
        *more_out = count == STEP_MARKS || done < count;
        if (status == BB_OK)
            status = h->ops->commit(h->target, reason);
        else
            h->ops->rollback(h->target);
        h->aggregated += status == BB_OK ? done : 0;
    }
    return status;
}

static bool on_first(void *context, int64_t time_us, const struct value *value)
{
    (void)value;
    *(int64_t *)context = time_us;
    return false;
}

/* Marks the next periods of readings that were there before the rule. */
static enum status cover(struct history *h, struct series *s, int period, struct bb_reason *reason)
{
    int64_t position = s->position[period] < 0 ? 0 : s->position[period];
    int64_t length = AGGREGATE_PERIOD_US[period];
    enum status status = h->ops->begin(h->target, reason);
    for (int i = 0; i < STEP_PERIODS && position != SERIES_COVERED && status == BB_OK; i++) {
        int64_t first = -1;
        const struct target_range range = {s->id, position, ISO_US_MAX + 1, false, 1};
        status = h->ops->readings_get(h->target, &range, on_first, &first, reason);
        if (status == BB_OK && first >= 0) {
            const struct mark mark = {s->id, period, aggregate_start(first, length)};
            status = h->ops->marks_put(h->target, &mark, 1, reason);
            position = mark.start_us + length;
        } else {
            position = SERIES_COVERED;
        }
    }
    if (status == BB_OK)
        status = h->ops->position_put(h->target, s->id, period, position, reason);
    if (status == BB_OK)
        status = h->ops->commit(h->target, reason);
    else
        h->ops->rollback(h->target);
    if (status == BB_OK)
        s->position[period] = position;
    return status;
}

static enum status cover_step(struct history *h, bool *more_out, struct bb_reason *reason)
{
    for (int looked = 0; looked < STEP_SERIES && h->backfill < h->series.count; looked++) {
        struct series *s = h->series.all[h->backfill];
        for (int p = 0; p < AGGREGATE_PERIODS; p++)
            if ((s->periods >> p & 1) != 0 && s->id != 0 && s->position[p] != SERIES_COVERED) {
                *more_out = true;
                return cover(h, s, p, reason);
            }
        h->backfill++;
    }
    *more_out = *more_out || h->backfill < h->series.count;
    return BB_OK;
}

/* True when marks of the series before a time wait still. */
static enum status has_marks(struct history *h, const struct series *s, int64_t before_us, bool *has_out,
                             struct bb_reason *reason)
{
    enum status status = BB_OK;
    *has_out = false;
    for (int p = 0; p < AGGREGATE_PERIODS && status == BB_OK && !*has_out; p++) {
        struct mark mark;
        size_t count = 0;
        if ((s->periods >> p & 1) == 0)
            continue;
        status = h->ops->marks_get(h->target, p, s->id, before_us, 1, &mark, &count, reason);
        *has_out = count > 0 || s->position[p] != SERIES_COVERED;
    }
    return status;
}

static enum status trim_one(struct history *h, struct series *s, int64_t horizon, bool *more_out,
                            struct bb_reason *reason)
{
    bool waits = false;
    uint32_t removed = 0;
    enum status status = has_marks(h, s, horizon, &waits, reason);
    if (status != BB_OK || waits)
        return status;
    status = h->ops->readings_trim(h->target, s->id, horizon, STEP_READINGS, &removed, reason);
    if (status != BB_OK)
        return status;
    h->trimmed += removed;
    *more_out = *more_out || removed == STEP_READINGS;
    if (removed < STEP_READINGS)
        s->trimmed_us = horizon;
    return BB_OK;
}

/* Looks at some series, and removes what is too old of at most one. */
static enum status trim_step(struct history *h, int64_t now_us, bool *more_out, struct bb_reason *reason)
{
    for (int looked = 0; looked < STEP_SERIES && h->trim < h->series.count; looked++) {
        struct series *s = h->series.all[h->trim];
        int64_t horizon = history_horizon(s, now_us);
        bool again = false;
        if (s->id == 0 || horizon <= s->trimmed_us) {
            h->trim++;
            continue;
        }
        enum status status = trim_one(h, s, horizon, &again, reason);
        h->trim += !again;
        *more_out = true;
        return status;
    }
    if (h->trim >= h->series.count)
        h->trim = 0;
    else
        *more_out = true;
    return BB_OK;
}

enum status history_maintain(struct history *h, int64_t now_us, bool *more_out, struct bb_reason *reason)
{
    bool more = false;
    enum status status = BB_OK;
    if (h->ops->marks_get != NULL) {
        status = cover_step(h, &more, reason);
        if (status == BB_OK)
            status = aggregate_step(h, now_us, &more, reason);
        if (status == BB_OK && !more)
            status = trim_step(h, now_us, &more, reason);
    }
    if (status == BB_OK)
        *more_out = more;
    return status;
}
