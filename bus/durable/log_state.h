/* The members of a durable log, shared by its two halves: log.c, and letting go (trim.c). */
#ifndef BUS_DURABLE_LOG_STATE_H
#define BUS_DURABLE_LOG_STATE_H

#include "bus/durable/log.h"

#include <sqlite3.h>

/* Streams that were configured once and still hold messages are kept, too. */
#define STREAMS_MAX (4 * DURABLE_POLICIES_MAX)

enum query {
    BEGIN,
    COMMIT,
    ROLLBACK,
    APPEND,
    STATE,
    SET_STATE,
    STREAMS,
    SET_STREAM,
    TOTALS,
    SET_TRIMMED,
    NAMES,
    SET_NAME,
    DROP_NAME,
    OLDEST_OF,
    DELETE_OF,
    TIME_OF,
    QUERIES
};

struct durable_log {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *queries[QUERIES];
    uint64_t last;
    int64_t last_ms;
    struct durable_stream streams[STREAMS_MAX];
    size_t stream_count, policy_count;
    struct durable_policy policies[DURABLE_POLICIES_MAX];
    int stream_of[DURABLE_POLICIES_MAX]; /* the place of each policy's stream */
    struct durable_name names[DURABLE_NAMES_MAX];
    size_t name_count;
};

/* The status and the reason of what SQLite said last. */
enum status durable_log_failed(const struct durable_log *log, struct bb_reason *reason);

/* Ends a statement that gives no rows. BB_IO, BB_FULL, BB_MALFORMED. */
BB_MUST_CHECK enum status durable_log_finish(struct durable_log *log, enum query which,
                                             struct bb_reason *reason);

/* A column of the present row, borrowed until the next. */
struct bytes durable_log_column(sqlite3_stmt *query, int index);

/* Writes a name's row. As durable_log_finish. */
BB_MUST_CHECK enum status durable_log_write_name(struct durable_log *log, const struct durable_name *name,
                                                 struct bb_reason *reason);

#endif
