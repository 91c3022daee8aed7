/* The history at a target: batches go in, questions are answered, old readings go, aggregates follow.
 *
 * Aggregates are made from the stored readings alone. Writing a reading marks the periods that hold it, in
 * the same transaction; a step of maintenance takes marks of periods that are over, makes their aggregates
 * anew and removes the marks, in one transaction. So a late reading, a repeated one and a crash at any moment
 * end with the same aggregates. Readings older than the retention are not taken, and whole days are removed,
 * after their marks are worked off: an aggregate is never made of a part of its readings. */
#ifndef AGENTS_HISTORIAN_HISTORY_H
#define AGENTS_HISTORIAN_HISTORY_H

#include "agents/historian/target.h"

struct history {
    const struct target_ops *ops;
    const struct target_settings *settings;
    const struct rules *rules;
    void *target; /* NULL: away */
    struct series_table series;
    size_t backfill, trim; /* the next series to be looked at */
    struct point *points;  /* of the batches under way */
    size_t point_capacity;
    uint64_t written, too_old, too_many; /* readings: stored; beyond the retention; of a series too many */
    uint64_t aggregated, trimmed;
};

/* Nothing is opened yet. All but `series_max` is borrowed. */
void history_init(struct history *history, const struct target_ops *ops,
                  const struct target_settings *settings, const struct rules *rules, size_t series_max,
                  uint64_t seed);
void history_free(struct history *history);

/* Opens the target and learns which series it has. As target_ops.open. */
BB_MUST_CHECK enum status history_connect(struct history *history, struct bb_reason *reason);
void history_disconnect(struct history *history);

/* Writes batches as a whole. BB_MALFORMED: the target will never take them (or they are damaged); anything
 * else but BB_OK: it is away. Not to be retried before history_connect, after any failure. */
BB_MUST_CHECK enum status history_write(struct history *history, const struct bytes *batches, size_t count,
                                        int64_t now_us, struct bb_reason *reason);

/* One small step of aggregation or retention; *more_out: there is more to do at once. */
BB_MUST_CHECK enum status history_maintain(struct history *history, int64_t now_us, bool *more_out,
                                           struct bb_reason *reason);

/* The time before which readings of the series are not kept; 0: all are. */
int64_t history_horizon(const struct series *series, int64_t now_us);

#endif
