/* The target that is always there: a file of the home. */
#include "agents/historian/target.h"

#include <busbar/check.h>
#include <busbar/limits.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define WAIT_MS 2000
/* A question that takes longer is given up. */
#define ASK_MS   10000
#define ASK_STEP 100000 /* instructions of SQLite between two looks at the clock */
/* "BBhi" */
#define APPLICATION 0x42426869
#define VERSION     1

/* A boolean is a blob of one byte, because SQLite knows none. */
static const char SCHEMA[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -16384;"
    "PRAGMA wal_autocheckpoint = 4000; PRAGMA journal_size_limit = 67108864;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS series(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, meta TEXT NOT NULL)"
    " STRICT;"
    "CREATE TABLE IF NOT EXISTS readings(series INTEGER NOT NULL, time_us INTEGER NOT NULL, value ANY NOT "
    "NULL,"
    " PRIMARY KEY(series, time_us)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS marks(period INTEGER NOT NULL, start_us INTEGER NOT NULL, series INTEGER NOT "
    "NULL,"
    " PRIMARY KEY(period, start_us, series)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS aggregates(series INTEGER NOT NULL, period INTEGER NOT NULL,"
    " start_us INTEGER NOT NULL, count INTEGER NOT NULL, sum REAL NOT NULL, min REAL NOT NULL,"
    " max REAL NOT NULL, first REAL NOT NULL, last REAL NOT NULL, PRIMARY KEY(series, period, start_us))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS positions(series INTEGER NOT NULL, period INTEGER NOT NULL,"
    " position INTEGER NOT NULL, PRIMARY KEY(series, period)) STRICT, WITHOUT ROWID;"
    "PRAGMA application_id = 0x42426869;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

enum query {
    BEGIN,
    COMMIT,
    ROLLBACK,
    SERIES_ALL,
    SERIES_NEW,
    SERIES_META,
    PUT,
    GET,
    GET_BACK,
    TRIM,
    MARK,
    UNMARK,
    MARKS,
    MARKS_OF,
    AGGREGATE,
    NO_AGGREGATE,
    AGGREGATES,
    POSITIONS,
    POSITION,
    QUERIES
};

static const char *const TEXTS[QUERIES] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [SERIES_ALL] = "SELECT id, name, meta FROM series ORDER BY id",
    [SERIES_NEW] = "INSERT INTO series(name, meta) VALUES(?1, ?2)",
    [SERIES_META] = "UPDATE series SET meta = ?2 WHERE id = ?1",
    [PUT] = "INSERT OR REPLACE INTO readings VALUES(?1, ?2, ?3)",
    [GET] = "SELECT time_us, value FROM readings WHERE series = ?1 AND time_us >= ?2 AND time_us < ?3"
            " ORDER BY time_us LIMIT ?4",
    [GET_BACK] = "SELECT time_us, value FROM readings WHERE series = ?1 AND time_us >= ?2 AND time_us < ?3"
                 " ORDER BY time_us DESC LIMIT ?4",
    [TRIM] = "DELETE FROM readings WHERE series = ?1 AND time_us < ?2 AND time_us <= coalesce((SELECT time_us"
             " FROM readings WHERE series = ?1 ORDER BY time_us LIMIT 1 OFFSET ?3), ?2)",
    [MARK] = "INSERT OR IGNORE INTO marks VALUES(?1, ?2, ?3)",
    [UNMARK] = "DELETE FROM marks WHERE period = ?1 AND start_us = ?2 AND series = ?3",
    [MARKS] =
        "SELECT series, start_us FROM marks WHERE period = ?1 AND start_us < ?2 ORDER BY start_us LIMIT ?3",
    [MARKS_OF] = "SELECT series, start_us FROM marks WHERE period = ?1 AND start_us < ?2 AND series = ?4"
                 " ORDER BY start_us LIMIT ?3",
    [AGGREGATE] = "INSERT OR REPLACE INTO aggregates VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    [NO_AGGREGATE] = "DELETE FROM aggregates WHERE series = ?1 AND period = ?2 AND start_us = ?3",
    [AGGREGATES] = "SELECT start_us, count, sum, min, max, first, last FROM aggregates WHERE series = ?1"
                   " AND period = ?2 AND start_us >= ?3 AND start_us < ?4 ORDER BY start_us LIMIT ?5",
    [POSITIONS] = "SELECT series, period, position FROM positions",
    [POSITION] = "INSERT OR REPLACE INTO positions VALUES(?1, ?2, ?3)"};

struct sqlite_target {
    sqlite3 *db;
    sqlite3_stmt *queries[QUERIES];
    char *path;
    int64_t deadline_ms; /* of the question under way; 0: none */
};

static int64_t mono_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum status failed(const struct sqlite_target *t, struct bb_reason *reason)
{
    int code = sqlite3_errcode(t->db);
    if (code == SQLITE_INTERRUPT) {
        bb_reason_say(reason, "this takes longer than %d s; ask for less", ASK_MS / 1000);
        return BB_TIMEOUT;
    }
    bb_reason_say(reason, "%s: %s", t->path, sqlite3_errmsg(t->db));
    return code == SQLITE_FULL ? BB_FULL : BB_IO;
}

static enum status finish(struct sqlite_target *t, enum query which, struct bb_reason *reason)
{
    enum status status = sqlite3_step(t->queries[which]) == SQLITE_DONE ? BB_OK : failed(t, reason);
    sqlite3_reset(t->queries[which]);
    return status;
}

/* -- opening -------------------------------------------------------------------------------------------- */

static int on_progress(void *context)
{
    const struct sqlite_target *t = context;
    return t->deadline_ms != 0 && mono_ms() > t->deadline_ms;
}

static int64_t ask(struct sqlite_target *t, const char *sql)
{
    sqlite3_stmt *query = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(t->db, sql, -1, &query, NULL) == SQLITE_OK && sqlite3_step(query) == SQLITE_ROW)
        number = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    return number;
}

static enum status check_file(struct sqlite_target *t, struct bb_reason *reason)
{
    int64_t tables = ask(t, "SELECT count(*) FROM sqlite_schema");
    if (tables < 0)
        return failed(t, reason);
    if (tables > 0 && ask(t, "PRAGMA application_id") != APPLICATION) {
        bb_reason_say(reason, "%s: this is no database of a historian", t->path);
        return BB_IO;
    }
    if (tables > 0 && ask(t, "PRAGMA user_version") > VERSION) {
        bb_reason_say(reason, "%s: of a newer Busbar", t->path);
        return BB_VERSION;
    }
    return BB_OK;
}

static void sqlite_close(void *target)
{
    struct sqlite_target *t = target;
    for (size_t i = 0; i < QUERIES; i++)
        sqlite3_finalize(t->queries[i]);
    sqlite3_close(t->db);
    free(t->path);
    free(t);
}

static enum status prepare(struct sqlite_target *t, struct bb_reason *reason)
{
    int fd = open(t->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        bb_reason_say(reason, "%s: %s", t->path, strerror(errno));
        return BB_IO;
    }
    close(fd);
    if (sqlite3_open_v2(t->path, &t->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(t->db, WAIT_MS) != SQLITE_OK)
        return failed(t, reason);
    enum status status = check_file(t, reason);
    if (status == BB_OK && sqlite3_exec(t->db, SCHEMA, NULL, NULL, NULL) != SQLITE_OK)
        status = failed(t, reason);
    for (size_t i = 0; i < QUERIES && status == BB_OK; i++)
        if (sqlite3_prepare_v3(t->db, TEXTS[i], -1, SQLITE_PREPARE_PERSISTENT, &t->queries[i], NULL) !=
            SQLITE_OK)
            status = failed(t, reason);
    sqlite3_progress_handler(t->db, ASK_STEP, on_progress, t);
    return status;
}

static enum status sqlite_open(const struct target_settings *settings, void **out, struct bb_reason *reason)
{
    struct sqlite_target *t = calloc(1, sizeof *t);
    CHECK(t != NULL);
    t->path = strdup(settings->path);
    CHECK(t->path != NULL);
    enum status status = prepare(t, reason);
    if (status == BB_OK)
        *out = t;
    else
        sqlite_close(t);
    return status;
}

/* -- writing -------------------------------------------------------------------------------------------- */

static enum status sqlite_begin(void *target, struct bb_reason *reason)
{
    return finish(target, BEGIN, reason);
}

static enum status sqlite_commit(void *target, struct bb_reason *reason)
{
    return finish(target, COMMIT, reason);
}

static void sqlite_rollback(void *target)
{
    struct sqlite_target *t = target;
    struct bb_reason ignored;
    if (!sqlite3_get_autocommit(t->db))
        (void)!finish(t, ROLLBACK, &ignored);
}

static void bind_value(sqlite3_stmt *query, int index, const struct value *value)
{
    static const char truths[] = {0, 1};
    switch (value->kind) {
    case VALUE_INTEGER:
        sqlite3_bind_int64(query, index, value->integer);
        break;
    case VALUE_REAL:
        sqlite3_bind_double(query, index, value->real);
        break;
    case VALUE_BOOLEAN:
        sqlite3_bind_blob(query, index, &truths[value->integer != 0], 1, SQLITE_STATIC);
        break;
    case VALUE_TEXT:
        sqlite3_bind_text64(query, index, value->text.size == 0 ? "" : (const char *)value->text.data,
                            value->text.size, SQLITE_STATIC, SQLITE_UTF8);
        break;
    }
}

static enum status sqlite_put(void *target, const struct point *points, size_t count,
                              struct bb_reason *reason)
{
    struct sqlite_target *t = target;
    sqlite3_stmt *query = t->queries[PUT];
    enum status status = BB_OK;
    for (size_t i = 0; i < count && status == BB_OK; i++) {
        sqlite3_bind_int64(query, 1, points[i].series->id);
        sqlite3_bind_int64(query, 2, points[i].time_us);
        bind_value(query, 3, &points[i].value);
        status = finish(t, PUT, reason);
    }
    sqlite3_clear_bindings(query);
    return status;
}

static enum status sqlite_series_put(void *target, const struct series *series, int64_t *id_out,
                                     struct bb_reason *reason)
{
    struct sqlite_target *t = target;
    enum query which = series->id == 0 ? SERIES_NEW : SERIES_META;
    sqlite3_stmt *query = t->queries[which];
    if (series->id == 0)
        sqlite3_bind_text64(query, 1, series->name, series->name_size, SQLITE_STATIC, SQLITE_UTF8);
    else
        sqlite3_bind_int64(query, 1, series->id);
    sqlite3_bind_text(query, 2, series->meta, -1, SQLITE_STATIC);
    enum status status = finish(t, which, reason);
    sqlite3_clear_bindings(query);
    if (status == BB_OK)
        *id_out = series->id == 0 ? sqlite3_last_insert_rowid(t->db) : series->id;
    return status;
}

static enum status put_numbers(struct sqlite_target *t, enum query which, int64_t a, int64_t b, int64_t c,
                               struct bb_reason *reason)
{
    sqlite3_bind_int64(t->queries[which], 1, a);
    sqlite3_bind_int64(t->queries[which], 2, b);
    sqlite3_bind_int64(t->queries[which], 3, c);
    return finish(t, which, reason);
}

static enum status put_marks(struct sqlite_target *t, enum query which, const struct mark *marks,
                             size_t count, struct bb_reason *reason)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < count && status == BB_OK; i++)
        status = put_numbers(t, which, marks[i].period, marks[i].start_us, marks[i].series, reason);
    return status;
}

static enum status sqlite_marks_put(void *target, const struct mark *marks, size_t count,
                                    struct bb_reason *reason)
{
    return put_marks(target, MARK, marks, count, reason);
}

static enum status sqlite_marks_remove(void *target, const struct mark *marks, size_t count,
                                       struct bb_reason *reason)
{
    return put_marks(target, UNMARK, marks, count, reason);
}

static enum status sqlite_position_put(void *target, int64_t series, int period, int64_t position,
                                       struct bb_reason *reason)
{
    return put_numbers(target, POSITION, series, period, position, reason);
}

static enum status sqlite_aggregate_put(void *target, const struct mark *mark, const struct aggregate *a,
                                        struct bb_reason *reason)
{
    struct sqlite_target *t = target;
    sqlite3_stmt *query = t->queries[AGGREGATE];
    if (a->count == 0)
        return put_numbers(t, NO_AGGREGATE, mark->series, mark->period, mark->start_us, reason);
    const double numbers[] = {a->sum, a->min, a->max, a->first, a->last};
    sqlite3_bind_int64(query, 1, mark->series);
    sqlite3_bind_int64(query, 2, mark->period);
    sqlite3_bind_int64(query, 3, mark->start_us);
    sqlite3_bind_int64(query, 4, (sqlite3_int64)a->count);
    for (int i = 0; i < 5; i++)
        sqlite3_bind_double(query, 5 + i, numbers[i]);
    return finish(t, AGGREGATE, reason);
}

static enum status sqlite_trim(void *target, int64_t series, int64_t before_us, uint32_t max,
                               uint32_t *removed_out, struct bb_reason *reason)
{
    struct sqlite_target *t = target;
    enum status status = put_numbers(t, TRIM, series, before_us, (int64_t)max - 1, reason);
    if (status == BB_OK)
        *removed_out = (uint32_t)sqlite3_changes(t->db);
    return status;
}

/* -- asking --------------------------------------------------------------------------------------------- */

/* Ends a question whose last step gave `code`; SQLITE_ROW: the caller had enough. */
static enum status end_question(struct sqlite_target *t, enum query which, int code, struct bb_reason *reason)
{
    enum status status = code == SQLITE_ROW || code == SQLITE_DONE ? BB_OK : failed(t, reason);
    sqlite3_reset(t->queries[which]);
    t->deadline_ms = 0;
    return status;
}

static const char *column_text(sqlite3_stmt *query, int index)
{
    const char *text = (const char *)sqlite3_column_text(query, index);
    return text == NULL ? "" : text;
}

static enum status sqlite_series_all(void *target, target_on_series *on_series, void *context,
                                     struct bb_reason *reason)
{
    struct sqlite_target *t = target;
    sqlite3_stmt *query = t->queries[SERIES_ALL];
    int code;
    while ((code = sqlite3_step(query)) == SQLITE_ROW)
        on_series(context, sqlite3_column_int64(query, 0), column_text(query, 1), column_text(query, 2));
    return end_question(t, SERIES_ALL, code, reason);
}

static struct value value_of(sqlite3_stmt *query, int index)
{
    struct value value = {.kind = VALUE_INTEGER};
    const uint8_t *blob;
    switch (sqlite3_column_type(query, index)) {
    case SQLITE_INTEGER:
        value.integer = sqlite3_column_int64(query, index);
        break;
    case SQLITE_FLOAT:
        value.kind = VALUE_REAL;
        value.real = sqlite3_column_double(query, index);
        break;
    case SQLITE_BLOB:
        blob = sqlite3_column_blob(query, index);
        value.kind = VALUE_BOOLEAN;
        value.integer = blob != NULL && blob[0] != 0;
        break;
    default:
        value.kind = VALUE_TEXT;
        value.text = bytes_of(column_text(query, index));
        break;
    }
    return value;
}

static enum status sqlite_get(void *target, const struct target_range *range, target_on_reading *on_reading,
                              void *context, struct bb_reason *reason)
{
    struct sqlite_target *t = target;
    enum query which = range->backwards ? GET_BACK : GET;
    sqlite3_stmt *query = t->queries[which];
    bool more = true;
    int code = SQLITE_DONE;
    sqlite3_bind_int64(query, 1, range->series);
    sqlite3_bind_int64(query, 2, range->from_us);
    sqlite3_bind_int64(query, 3, range->until_us);
    sqlite3_bind_int64(query, 4, range->max);
    t->deadline_ms = mono_ms() + ASK_MS;
    while (more && (code = sqlite3_step(query)) == SQLITE_ROW) {
        struct value value = value_of(query, 1);
        more = on_reading(context, sqlite3_column_int64(query, 0), &value);
    }
    return end_question(t, which, code, reason);
}

static enum status sqlite_aggregates(void *target, int period, const struct target_range *range,
                                     target_on_aggregate *on_aggregate, void *context,
                                     struct bb_reason *reason)
{
    struct sqlite_target *t = target;
    sqlite3_stmt *query = t->queries[AGGREGATES];
    bool more = true;
    int code = SQLITE_DONE;
    sqlite3_bind_int64(query, 1, range->series);
    sqlite3_bind_int64(query, 2, period);
    sqlite3_bind_int64(query, 3, range->from_us);
    sqlite3_bind_int64(query, 4, range->until_us);
    sqlite3_bind_int64(query, 5, range->max);
    t->deadline_ms = mono_ms() + ASK_MS;
    while (more && (code = sqlite3_step(query)) == SQLITE_ROW) {
        const struct aggregate a = {sqlite3_column_int64(query, 0),  (uint64_t)sqlite3_column_int64(query, 1),
                                    sqlite3_column_double(query, 2), sqlite3_column_double(query, 3),
                                    sqlite3_column_double(query, 4), sqlite3_column_double(query, 5),
                                    sqlite3_column_double(query, 6)};
        more = on_aggregate(context, &a);
    }
    return end_question(t, AGGREGATES, code, reason);
}

static enum status sqlite_marks(void *target, int period, int64_t series, int64_t before_us, uint32_t max,
                                struct mark *marks_out, size_t *count_out, struct bb_reason *reason)
{
    struct sqlite_target *t = target;
    enum query which = series == 0 ? MARKS : MARKS_OF;
    sqlite3_stmt *query = t->queries[which];
    size_t count = 0;
    int code = SQLITE_DONE;
    sqlite3_bind_int64(query, 1, period);
    sqlite3_bind_int64(query, 2, before_us);
    sqlite3_bind_int64(query, 3, max);
    if (series != 0)
        sqlite3_bind_int64(query, 4, series);
    while (count < max && (code = sqlite3_step(query)) == SQLITE_ROW)
        marks_out[count++] =
            (struct mark){sqlite3_column_int64(query, 0), period, sqlite3_column_int64(query, 1)};
    enum status status = end_question(t, which, code, reason);
    if (status == BB_OK)
        *count_out = count;
    return status;
}

static enum status sqlite_positions(void *target, target_on_position *on_position, void *context,
                                    struct bb_reason *reason)
{
    struct sqlite_target *t = target;
    sqlite3_stmt *query = t->queries[POSITIONS];
    int code;
    while ((code = sqlite3_step(query)) == SQLITE_ROW)
        on_position(context, sqlite3_column_int64(query, 0), sqlite3_column_int(query, 1),
                    sqlite3_column_int64(query, 2));
    return end_question(t, POSITIONS, code, reason);
}

const struct target_ops TARGET_SQLITE = {.name = "sqlite",
                                         .open = sqlite_open,
                                         .close = sqlite_close,
                                         .begin = sqlite_begin,
                                         .commit = sqlite_commit,
                                         .rollback = sqlite_rollback,
                                         .readings_put = sqlite_put,
                                         .series_all = sqlite_series_all,
                                         .series_put = sqlite_series_put,
                                         .readings_get = sqlite_get,
                                         .readings_trim = sqlite_trim,
                                         .marks_put = sqlite_marks_put,
                                         .marks_remove = sqlite_marks_remove,
                                         .marks_get = sqlite_marks,
                                         .aggregate_put = sqlite_aggregate_put,
                                         .aggregates_get = sqlite_aggregates,
                                         .positions_all = sqlite_positions,
                                         .position_put = sqlite_position_put};
