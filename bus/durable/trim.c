/* Letting go what is beyond the bounds of its policy. */
#include "bus/durable/log_state.h"

static void count_lost(struct durable_log *log, uint64_t offset, struct bytes topic, bool *changed)
{
    for (size_t i = 0; i < log->name_count; i++) {
        struct durable_name *name = &log->names[i];
        if (name->acknowledged >= offset || !durable_prefixes_match(&name->prefixes, topic))
            continue;
        name->lost++;
        changed[i] = true;
    }
}

/* Finds how far a stream is beyond its bounds and counts what that takes from names. */
static enum status find_excess(struct durable_log *log, struct durable_stream *stream, int64_t now_ms,
                               uint32_t most, uint64_t *last_out, uint32_t *count_out, bool *changed,
                               struct bb_reason *reason)
{
    sqlite3_stmt *query = log->queries[OLDEST_OF];
    int code;
    sqlite3_bind_int64(query, 1, stream->id);
    sqlite3_bind_int64(query, 2, most);
    while ((code = sqlite3_step(query)) == SQLITE_ROW) {
        if ((int64_t)stream->bytes <= stream->policy.keep_bytes &&
            sqlite3_column_int64(query, 1) >= now_ms - stream->policy.keep_ms)
            break;
        *last_out = (uint64_t)sqlite3_column_int64(query, 0);
        ++*count_out;
        stream->messages--;
        stream->bytes -= (uint64_t)sqlite3_column_int64(query, 2);
        stream->trimmed++;
        count_lost(log, *last_out, durable_log_column(query, 3), changed);
    }
    enum status status = code == SQLITE_ROW || code == SQLITE_DONE ? BB_OK : durable_log_failed(log, reason);
    sqlite3_reset(query);
    return status;
}

static enum status trim_stream(struct durable_log *log, struct durable_stream *stream, int64_t now_ms,
                               uint32_t *trimmed, bool *changed, struct bb_reason *reason)
{
    uint64_t last = 0;
    uint32_t count = 0;
    enum status status =
        find_excess(log, stream, now_ms, DURABLE_TRIM_MAX - *trimmed, &last, &count, changed, reason);
    if (status != BB_OK || count == 0)
        return status;
    *trimmed += count;
    sqlite3_bind_int64(log->queries[DELETE_OF], 1, stream->id);
    sqlite3_bind_int64(log->queries[DELETE_OF], 2, (sqlite3_int64)last);
    status = durable_log_finish(log, DELETE_OF, reason);
    if (status != BB_OK)
        return status;
    sqlite3_bind_int64(log->queries[SET_TRIMMED], 1, stream->id);
    sqlite3_bind_int64(log->queries[SET_TRIMMED], 2, (sqlite3_int64)stream->trimmed);
    return durable_log_finish(log, SET_TRIMMED, reason);
}

enum status durable_log_trim(struct durable_log *log, int64_t now_ms, uint32_t *trimmed_out,
                             struct bb_reason *reason)
{
    bool changed[DURABLE_NAMES_MAX] = {false};
    uint32_t trimmed = 0;
    enum status status = BB_OK;
    for (size_t i = 0; i < log->stream_count && status == BB_OK && trimmed < DURABLE_TRIM_MAX; i++)
        status = trim_stream(log, &log->streams[i], now_ms, &trimmed, changed, reason);
    for (size_t i = 0; i < log->name_count && status == BB_OK; i++)
        if (changed[i])
            status = durable_log_write_name(log, &log->names[i], reason);
    if (status == BB_OK)
        *trimmed_out = trimmed;
    return status;
}
