/* Where readings go: one table of functions for each kind of target. A target is used by one thread. Its
 * functions may take as long as the target does, within the limits that each sets itself; after any failure
 * but BB_MALFORMED it is closed and opened again. */
#ifndef AGENTS_HISTORIAN_TARGET_H
#define AGENTS_HISTORIAN_TARGET_H

#include "agents/historian/series.h"

#include <stdatomic.h>

/* How a target is found. All texts are borrowed while it is open. */
struct target_settings {
    const char *path;                  /* sqlite: the file */
    const char *connection;            /* postgres: a libpq connection string, without a password */
    const char *url;                   /* influx: http://host:8086 */
    const char *database;              /* influx: of version 1 */
    const char *bucket, *organisation; /* influx: of version 2 */
    const char *username;              /* influx: of version 1 */
    const char *secret;                /* influx: the token or password; postgres: the password; "": none */
    uint32_t timeout_ms;               /* for one step of a remote target */
    const atomic_bool *stop;           /* true: whatever waits for a remote target is to give up */
};

/* A reading whose series is known. */
struct point {
    struct series *series;
    int64_t time_us;
    size_t order; /* of its coming */
    struct value value;
};

/* A period of a series whose readings have changed since its aggregate was made. */
struct mark {
    int64_t series;
    int period; /* index into AGGREGATE_PERIOD_US */
    int64_t start_us;
};

/* From ≤ time < until. */
struct target_range {
    int64_t series, from_us, until_us;
    bool backwards;
    uint32_t max;
};

typedef void target_on_series(void *context, int64_t id, const char *name, const char *meta);
typedef void target_on_position(void *context, int64_t series, int period, int64_t position);
/* False: enough. */
typedef bool target_on_reading(void *context, int64_t time_us, const struct value *value);
typedef bool target_on_aggregate(void *context, const struct aggregate *aggregate);

/* Every function returns BB_OK, or: BB_MALFORMED, the target will never take this; anything else, it is away
 * or full and may take it later. `reason` says why. The functions from series_all on are NULL for a target
 * that can only be written. */
struct target_ops {
    const char *name;
    enum status (*open)(const struct target_settings *settings, void **out, struct bb_reason *reason);
    void (*close)(void *target);
    /* What stands between begin and commit is done as a whole, or not at all after rollback. */
    enum status (*begin)(void *target, struct bb_reason *reason);
    enum status (*commit)(void *target, struct bb_reason *reason);
    void (*rollback)(void *target);
    /* Writes readings; the same series and time again replaces the value. Sorted by series and time. */
    enum status (*readings_put)(void *target, const struct point *points, size_t count,
                                struct bb_reason *reason);
    /* In the order of their numbers. */
    enum status (*series_all)(void *target, target_on_series *on_series, void *context,
                              struct bb_reason *reason);
    /* Makes the series, or writes its meta anew; its number. */
    enum status (*series_put)(void *target, const struct series *series, int64_t *id_out,
                              struct bb_reason *reason);
    enum status (*readings_get)(void *target, const struct target_range *range, target_on_reading *on_reading,
                                void *context, struct bb_reason *reason);
    /* Removes the oldest readings before a time, at most `max`. */
    enum status (*readings_trim)(void *target, int64_t series, int64_t before_us, uint32_t max,
                                 uint32_t *removed_out, struct bb_reason *reason);
    enum status (*marks_put)(void *target, const struct mark *marks, size_t count, struct bb_reason *reason);
    enum status (*marks_remove)(void *target, const struct mark *marks, size_t count,
                                struct bb_reason *reason);
    /* The first marks of a period that start before a time; of one series unless `series` is 0. */
    enum status (*marks_get)(void *target, int period, int64_t series, int64_t before_us, uint32_t max,
                             struct mark *marks_out, size_t *count_out, struct bb_reason *reason);
    /* Writes the aggregate of a mark's period; an empty one is removed. */
    enum status (*aggregate_put)(void *target, const struct mark *mark, const struct aggregate *aggregate,
                                 struct bb_reason *reason);
    enum status (*aggregates_get)(void *target, int period, const struct target_range *range,
                                  target_on_aggregate *on_aggregate, void *context, struct bb_reason *reason);
    enum status (*positions_all)(void *target, target_on_position *on_position, void *context,
                                 struct bb_reason *reason);
    enum status (*position_put)(void *target, int64_t series, int period, int64_t position,
                                struct bb_reason *reason);
};

extern const struct target_ops TARGET_SQLITE, TARGET_POSTGRES, TARGET_INFLUX;

#endif
