#include "bus/durable/log_state.h"

#include <busbar/check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WAIT_MS 2000
/* What a message costs beside its texts, roughly. */
#define OVERHEAD 64
static const char OPENING[] = "PRAGMA journal_mode = WAL;"
                              "PRAGMA synchronous = FULL;"
                              "PRAGMA cache_size = -1024;"
                              "PRAGMA wal_autocheckpoint = 1000;";
static const char SCHEMA[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS messages(offset INTEGER PRIMARY KEY, stream INTEGER NOT NULL,"
    " time_ms INTEGER NOT NULL, size INTEGER NOT NULL, topic BLOB NOT NULL, sender BLOB NOT NULL,"
    " headers BLOB NOT NULL, message BLOB NOT NULL) STRICT;"
    "CREATE INDEX IF NOT EXISTS messages_of_stream ON messages(stream, offset, size);"
    "CREATE TABLE IF NOT EXISTS streams(id INTEGER PRIMARY KEY, prefix BLOB NOT NULL UNIQUE,"
    " keep_ms INTEGER NOT NULL, keep_bytes INTEGER NOT NULL, trimmed INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS names(name TEXT PRIMARY KEY, key TEXT NOT NULL, prefixes BLOB NOT NULL,"
    " acknowledged INTEGER NOT NULL, lost INTEGER NOT NULL, created_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS state(id INTEGER PRIMARY KEY CHECK(id = 1), last INTEGER NOT NULL,"
    " time_ms INTEGER NOT NULL) STRICT;"
    "INSERT OR IGNORE INTO state VALUES(1, 0, 0);"
    "PRAGMA application_id = 0x42426475;"
    "PRAGMA user_version = 1;"
    "COMMIT;";
/* "BBdu" */
#define APPLICATION 0x42426475
#define VERSION     1

static const char *const TEXTS[QUERIES] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [APPEND] = "INSERT INTO messages VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [STATE] = "SELECT last, time_ms FROM state",
    [SET_STATE] = "UPDATE state SET last = ?1, time_ms = ?2",
    [STREAMS] = "SELECT id, prefix, keep_ms, keep_bytes, trimmed FROM streams ORDER BY id",
    [SET_STREAM] = "INSERT INTO streams(prefix, keep_ms, keep_bytes, trimmed) VALUES(?1, ?2, ?3, 0)"
                   " ON CONFLICT(prefix) DO UPDATE SET keep_ms = excluded.keep_ms,"
                   " keep_bytes = excluded.keep_bytes",
    [TOTALS] = "SELECT count(*), coalesce(sum(size), 0) FROM messages WHERE stream = ?1",
    [SET_TRIMMED] = "UPDATE streams SET trimmed = ?2 WHERE id = ?1",
    [NAMES] = "SELECT name, key, prefixes, acknowledged, lost, created_ms FROM names ORDER BY name",
    [SET_NAME] = "INSERT INTO names VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(name) DO UPDATE SET"
                 " key = excluded.key, prefixes = excluded.prefixes, acknowledged = excluded.acknowledged,"
                 " lost = excluded.lost",
    [DROP_NAME] = "DELETE FROM names WHERE name = ?1",
    [OLDEST_OF] =
        "SELECT offset, time_ms, size, topic FROM messages WHERE stream = ?1 ORDER BY offset LIMIT ?2",
    [DELETE_OF] = "DELETE FROM messages WHERE stream = ?1 AND offset <= ?2",
    [TIME_OF] = "SELECT offset, time_ms FROM messages WHERE offset >= ?1 ORDER BY offset LIMIT 1"};

enum status durable_log_failed(const struct durable_log *log, struct bb_reason *reason)
{
    int code = sqlite3_errcode(log->db);
    bb_reason_say(reason, "%s: %s", log->path, sqlite3_errmsg(log->db));
    return code == SQLITE_FULL                               ? BB_FULL
           : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? BB_MALFORMED
                                                             : BB_IO;
}

enum status durable_log_finish(struct durable_log *log, enum query which, struct bb_reason *reason)
{
    sqlite3_stmt *query = log->queries[which];
    enum status status = sqlite3_step(query) == SQLITE_DONE ? BB_OK : durable_log_failed(log, reason);
    sqlite3_reset(query);
    sqlite3_clear_bindings(query);
    return status;
}

static void bind_bytes(sqlite3_stmt *query, int index, struct bytes bytes)
{
    sqlite3_bind_blob64(query, index, bytes.size == 0 ? (const void *)"" : bytes.data, bytes.size,
                        SQLITE_STATIC);
}

struct bytes durable_log_column(sqlite3_stmt *query, int index)
{
    const void *data = sqlite3_column_blob(query, index);
    return (struct bytes){data, (size_t)sqlite3_column_bytes(query, index)};
}

static void column_text(sqlite3_stmt *query, int index, char *text, size_t size)
{
    const char *from = (const char *)sqlite3_column_text(query, index);
    snprintf(text, size, "%s", from == NULL ? "" : from);
}

/* -- what is in memory ---------------------------------------------------------------------------------- */

static enum status load_state(struct durable_log *log, struct bb_reason *reason)
{
    sqlite3_stmt *query = log->queries[STATE];
    enum status status = sqlite3_step(query) == SQLITE_ROW ? BB_OK : durable_log_failed(log, reason);
    if (status == BB_OK) {
        log->last = (uint64_t)sqlite3_column_int64(query, 0);
        log->last_ms = sqlite3_column_int64(query, 1);
    }
    sqlite3_reset(query);
    return status;
}

static enum status load_totals(struct durable_log *log, struct durable_stream *stream,
                               struct bb_reason *reason)
{
    sqlite3_stmt *query = log->queries[TOTALS];
    sqlite3_bind_int64(query, 1, stream->id);
    enum status status = sqlite3_step(query) == SQLITE_ROW ? BB_OK : durable_log_failed(log, reason);
    if (status == BB_OK) {
        stream->messages = (uint64_t)sqlite3_column_int64(query, 0);
        stream->bytes = (uint64_t)sqlite3_column_int64(query, 1);
    }
    sqlite3_reset(query);
    return status;
}

static enum status load_streams(struct durable_log *log, struct bb_reason *reason)
{
    sqlite3_stmt *query = log->queries[STREAMS];
    int code;
    log->stream_count = 0;
    while ((code = sqlite3_step(query)) == SQLITE_ROW && log->stream_count < STREAMS_MAX) {
        struct durable_stream *stream = &log->streams[log->stream_count];
        struct bytes prefix = durable_log_column(query, 1);
        *stream = (struct durable_stream){.id = sqlite3_column_int64(query, 0)};
        stream->policy.size = prefix.size < BB_TOPIC_MAX ? prefix.size : BB_TOPIC_MAX;
        if (stream->policy.size > 0)
            memcpy(stream->policy.prefix, prefix.data, stream->policy.size);
        stream->policy.keep_ms = sqlite3_column_int64(query, 2);
        stream->policy.keep_bytes = sqlite3_column_int64(query, 3);
        stream->trimmed = (uint64_t)sqlite3_column_int64(query, 4);
        log->stream_count++;
    }
    enum status status = code == SQLITE_DONE ? BB_OK : durable_log_failed(log, reason);
    sqlite3_reset(query);
    for (size_t i = 0; i < log->stream_count && status == BB_OK; i++)
        status = load_totals(log, &log->streams[i], reason);
    for (size_t i = 0; i < log->policy_count; i++) {
        const struct durable_policy *policy = &log->policies[i];
        log->stream_of[i] = 0;
        for (size_t k = 0; k < log->stream_count; k++)
            if (bytes_equal((struct bytes){policy->prefix, policy->size},
                            (struct bytes){log->streams[k].policy.prefix, log->streams[k].policy.size}))
                log->stream_of[i] = (int)k;
    }
    return status;
}

static enum status load_names(struct durable_log *log, struct bb_reason *reason)
{
    sqlite3_stmt *query = log->queries[NAMES];
    int code;
    enum status status = BB_OK;
    log->name_count = 0;
    while ((code = sqlite3_step(query)) == SQLITE_ROW && log->name_count < DURABLE_NAMES_MAX &&
           status == BB_OK) {
        struct durable_name *name = &log->names[log->name_count++];
        column_text(query, 0, name->name, sizeof name->name);
        column_text(query, 1, name->key, sizeof name->key);
        status = durable_prefixes_load(&name->prefixes, durable_log_column(query, 2));
        name->acknowledged = (uint64_t)sqlite3_column_int64(query, 3);
        name->lost = (uint64_t)sqlite3_column_int64(query, 4);
        name->created_ms = sqlite3_column_int64(query, 5);
    }
    if (status != BB_OK)
        bb_reason_say(reason, "%s: the prefixes of a subscriber are damaged", log->path);
    else if (code != SQLITE_DONE)
        status = durable_log_failed(log, reason);
    sqlite3_reset(query);
    return status;
}

static enum status load(struct durable_log *log, struct bb_reason *reason)
{
    enum status status = load_state(log, reason);
    if (status == BB_OK)
        status = load_streams(log, reason);
    if (status == BB_OK)
        status = load_names(log, reason);
    return status;
}

/* -- opening -------------------------------------------------------------------------------------------- */

static enum status ask_number(struct durable_log *log, const char *sql, int64_t *out,
                              struct bb_reason *reason)
{
    sqlite3_stmt *query = NULL;
    int code = sqlite3_prepare_v2(log->db, sql, -1, &query, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(query);
    enum status status = code == SQLITE_ROW ? BB_OK : durable_log_failed(log, reason);
    if (status == BB_OK)
        *out = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    return status;
}

/* Refuses a file that is another program's or of a newer version. */
static enum status check_file(struct durable_log *log, struct bb_reason *reason)
{
    int64_t application = 0, version = 0, tables = 0;
    enum status status = ask_number(log, "PRAGMA application_id", &application, reason);
    if (status == BB_OK)
        status = ask_number(log, "PRAGMA user_version", &version, reason);
    if (status == BB_OK)
        status = ask_number(log, "SELECT count(*) FROM sqlite_schema", &tables, reason);
    if (status != BB_OK || tables == 0)
        return status;
    if (application != APPLICATION) {
        bb_reason_say(reason, "%s: this is no file of durable messages", log->path);
        return BB_MALFORMED;
    }
    if (version > VERSION) {
        bb_reason_say(reason, "%s: of a newer Busbar (format %lld)", log->path, (long long)version);
        return BB_VERSION;
    }
    return BB_OK;
}

static enum status run(struct durable_log *log, const char *sql, struct bb_reason *reason)
{
    return sqlite3_exec(log->db, sql, NULL, NULL, NULL) == SQLITE_OK ? BB_OK
                                                                     : durable_log_failed(log, reason);
}

static enum status prepare(struct durable_log *log, struct bb_reason *reason)
{
    for (size_t i = 0; i < QUERIES; i++)
        if (sqlite3_prepare_v3(log->db, TEXTS[i], -1, SQLITE_PREPARE_PERSISTENT, &log->queries[i], NULL) !=
            SQLITE_OK)
            return durable_log_failed(log, reason);
    return BB_OK;
}

static enum status put_policies(struct durable_log *log, struct bb_reason *reason)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < log->policy_count && status == BB_OK; i++) {
        const struct durable_policy *policy = &log->policies[i];
        bind_bytes(log->queries[SET_STREAM], 1, (struct bytes){policy->prefix, policy->size});
        sqlite3_bind_int64(log->queries[SET_STREAM], 2, policy->keep_ms);
        sqlite3_bind_int64(log->queries[SET_STREAM], 3, policy->keep_bytes);
        status = durable_log_finish(log, SET_STREAM, reason);
    }
    return status;
}

enum status durable_log_open(const char *path, const struct durable_policy *policies, size_t count,
                             struct durable_log **out, struct bb_reason *reason)
{
    CHECK(count <= DURABLE_POLICIES_MAX);
    struct durable_log *log = calloc(1, sizeof *log);
    CHECK(log != NULL);
    log->path = strdup(path);
    log->policy_count = count;
    memcpy(log->policies, policies, count * sizeof *policies);
    /* SQLite would make it readable for all. */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    enum status status = fd >= 0 ? BB_OK : BB_IO;
    if (fd < 0)
        bb_reason_say(reason, "%s: %s", path, strerror(errno));
    else
        close(fd);
    if (status == BB_OK && (sqlite3_open_v2(path, &log->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
                            sqlite3_busy_timeout(log->db, WAIT_MS) != SQLITE_OK))
        status = durable_log_failed(log, reason);
    if (status == BB_OK)
        status = check_file(log, reason);
    if (status == BB_OK)
        status = run(log, OPENING, reason);
    if (status == BB_OK)
        status = run(log, SCHEMA, reason);
    if (status == BB_OK)
        status = prepare(log, reason);
    if (status == BB_OK)
        status = put_policies(log, reason);
    if (status == BB_OK)
        status = load(log, reason);
    if (status == BB_OK)
        *out = log;
    else
        durable_log_close(log);
    return status;
}

void durable_log_close(struct durable_log *log)
{
    if (log == NULL)
        return;
    for (size_t i = 0; i < QUERIES; i++)
        sqlite3_finalize(log->queries[i]);
    sqlite3_close(log->db);
    free(log->path);
    free(log);
}

/* -- batches -------------------------------------------------------------------------------------------- */

enum status durable_log_begin(struct durable_log *log, struct bb_reason *reason)
{
    return durable_log_finish(log, BEGIN, reason);
}

static enum status write_state(struct durable_log *log, struct bb_reason *reason)
{
    sqlite3_bind_int64(log->queries[SET_STATE], 1, (sqlite3_int64)log->last);
    sqlite3_bind_int64(log->queries[SET_STATE], 2, log->last_ms);
    return durable_log_finish(log, SET_STATE, reason);
}

enum status durable_log_end(struct durable_log *log, bool keep, struct bb_reason *reason)
{
    enum status status = keep ? write_state(log, reason) : BB_OK;
    if (keep && status == BB_OK)
        status = durable_log_finish(log, COMMIT, reason);
    if (keep && status == BB_OK)
        return BB_OK;
    struct bb_reason ignored;
    if (!sqlite3_get_autocommit(log->db))
        (void)!durable_log_finish(log, ROLLBACK, &ignored);
    /* What memory says goes back too; should even reading fail, the next batch fails and tries again. */
    enum status loaded = load(log, &ignored);
    return status != BB_OK ? status : loaded;
}

enum status durable_log_append(struct durable_log *log, struct durable_message *message,
                               struct bb_reason *reason)
{
    int policy = durable_policy_of(log->policies, log->policy_count, message->topic);
    if (policy < 0)
        return BB_NOT_FOUND;
    struct durable_stream *stream = &log->streams[log->stream_of[policy]];
    size_t size =
        message->topic.size + message->sender.size + message->headers.size + message->message.size + OVERHEAD;
    sqlite3_stmt *query = log->queries[APPEND];
    message->offset = log->last + 1;
    message->time_ms = message->time_ms > log->last_ms ? message->time_ms : log->last_ms;
    sqlite3_bind_int64(query, 1, (sqlite3_int64)message->offset);
    sqlite3_bind_int64(query, 2, stream->id);
    sqlite3_bind_int64(query, 3, message->time_ms);
    sqlite3_bind_int64(query, 4, (sqlite3_int64)size);
    bind_bytes(query, 5, message->topic);
    bind_bytes(query, 6, message->sender);
    bind_bytes(query, 7, message->headers);
    bind_bytes(query, 8, message->message);
    enum status status = durable_log_finish(log, APPEND, reason);
    if (status != BB_OK)
        return status;
    log->last = message->offset;
    log->last_ms = message->time_ms;
    stream->messages++;
    stream->bytes += size;
    return BB_OK;
}

/* -- names ---------------------------------------------------------------------------------------------- */

static struct durable_name *find(struct durable_log *log, const char *name)
{
    for (size_t i = 0; i < log->name_count; i++)
        if (strcmp(log->names[i].name, name) == 0)
            return &log->names[i];
    return NULL;
}

enum status durable_log_write_name(struct durable_log *log, const struct durable_name *name,
                                   struct bb_reason *reason)
{
    sqlite3_stmt *query = log->queries[SET_NAME];
    sqlite3_bind_text(query, 1, name->name, -1, SQLITE_STATIC);
    sqlite3_bind_text(query, 2, name->key, -1, SQLITE_STATIC);
    bind_bytes(query, 3, (struct bytes){name->prefixes.text, name->prefixes.size});
    sqlite3_bind_int64(query, 4, (sqlite3_int64)name->acknowledged);
    sqlite3_bind_int64(query, 5, (sqlite3_int64)name->lost);
    sqlite3_bind_int64(query, 6, name->created_ms);
    return durable_log_finish(log, SET_NAME, reason);
}

/* The first message at or behind an offset: its offset and time; false: none. */
static bool message_at(struct durable_log *log, uint64_t offset, uint64_t *offset_out, int64_t *time_ms_out)
{
    sqlite3_stmt *query = log->queries[TIME_OF];
    sqlite3_bind_int64(query, 1, (sqlite3_int64)offset);
    bool found = sqlite3_step(query) == SQLITE_ROW;
    if (found) {
        *offset_out = (uint64_t)sqlite3_column_int64(query, 0);
        *time_ms_out = sqlite3_column_int64(query, 1);
    }
    sqlite3_reset(query);
    return found;
}

/* The last offset before a point in time: times do not run backwards, so that halving finds it. */
static uint64_t before_time(struct durable_log *log, int64_t time_ms)
{
    uint64_t low = 0, high = log->last;
    while (low < high) {
        uint64_t middle = low + (high - low + 1) / 2, offset = 0;
        int64_t at_ms = 0;
        if (message_at(log, middle, &offset, &at_ms) && at_ms < time_ms)
            low = offset;
        else
            high = middle - 1;
    }
    return low;
}

static uint64_t position(struct durable_log *log, enum durable_from from, int64_t value, uint64_t here)
{
    switch (from) {
    case DURABLE_FROM_HERE:
        return here;
    case DURABLE_FROM_START:
        return 0;
    case DURABLE_FROM_NOW:
        return log->last;
    case DURABLE_FROM_OFFSET:
        return value <= 0 ? 0 : (uint64_t)value - 1 < log->last ? (uint64_t)value - 1 : log->last;
    case DURABLE_FROM_TIME:
        return before_time(log, value);
    }
    return here;
}

enum status durable_log_register(struct durable_log *log, const struct durable_name *name,
                                 enum durable_from from, int64_t value, struct bb_reason *reason)
{
    struct durable_name *known = find(log, name->name);
    if (known == NULL && log->name_count == DURABLE_NAMES_MAX) {
        bb_reason_say(reason, "there are %d durable subscribers already", DURABLE_NAMES_MAX);
        return BB_RANGE;
    }
    struct durable_name fresh = known == NULL ? *name : *known;
    fresh.prefixes = name->prefixes;
    fresh.acknowledged = position(log, from, value, known == NULL ? log->last : known->acknowledged);
    enum status status = durable_log_write_name(log, &fresh, reason);
    if (status != BB_OK)
        return status;
    if (known == NULL)
        known = &log->names[log->name_count++];
    *known = fresh;
    return BB_OK;
}

enum status durable_log_acknowledge(struct durable_log *log, const char *name, uint64_t offset,
                                    struct bb_reason *reason)
{
    struct durable_name *known = find(log, name);
    if (known == NULL || offset > log->last) {
        bb_reason_say(reason,
                      known == NULL ? "there is no durable subscriber \"%s\""
                                    : "\"%s\" acknowledges a message that was never there",
                      name);
        return known == NULL ? BB_NOT_FOUND : BB_RANGE;
    }
    if (offset <= known->acknowledged)
        return BB_OK;
    known->acknowledged = offset;
    return durable_log_write_name(log, known, reason);
}

enum status durable_log_drop(struct durable_log *log, const char *name, struct bb_reason *reason)
{
    struct durable_name *known = find(log, name);
    if (known == NULL) {
        bb_reason_say(reason, "there is no durable subscriber \"%s\"", name);
        return BB_NOT_FOUND;
    }
    sqlite3_bind_text(log->queries[DROP_NAME], 1, name, -1, SQLITE_STATIC);
    enum status status = durable_log_finish(log, DROP_NAME, reason);
    if (status == BB_OK)
        *known = log->names[--log->name_count];
    return status;
}

const struct durable_name *durable_log_names(const struct durable_log *log, size_t *count_out)
{
    *count_out = log->name_count;
    return log->names;
}

const struct durable_stream *durable_log_streams(const struct durable_log *log, size_t *count_out)
{
    *count_out = log->stream_count;
    return log->streams;
}

uint64_t durable_log_last(const struct durable_log *log)
{
    return log->last;
}
