#include "agents/historian/spool.h"

#include <busbar/check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#define WAIT_MS 2000
/* "BBhs" */
#define APPLICATION 0x42426873
#define VERSION     1

/* Freed pages that are kept for what comes, and how many more are given back to the disk at once. */
#define FREE_PAGES 4096
#define GIVE_BACK  "PRAGMA incremental_vacuum(4096)"

static const char SCHEMA[] =
    "PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA "
    "cache_size = -1024;"
    "PRAGMA journal_size_limit = 16777216;"
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS batches(id INTEGER PRIMARY KEY AUTOINCREMENT, readings INTEGER NOT NULL,"
    " size INTEGER NOT NULL, data BLOB NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS state(id INTEGER PRIMARY KEY CHECK(id = 1), dropped INTEGER NOT NULL) STRICT;"
    "INSERT OR IGNORE INTO state VALUES(1, 0);"
    "PRAGMA application_id = 0x42426873;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

enum query { BEGIN, COMMIT, ROLLBACK, APPEND, OLDEST, REMOVE, SIZES, DROPPED, TOTALS, UP_TO, QUERIES };

static const char *const TEXTS[QUERIES] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [APPEND] = "INSERT INTO batches(readings, size, data) VALUES(?1, ?2, ?3)",
    [OLDEST] = "SELECT id, readings, data FROM batches ORDER BY id LIMIT ?1",
    [REMOVE] = "DELETE FROM batches WHERE id <= ?1",
    [SIZES] = "SELECT id, readings, size FROM batches ORDER BY id",
    [DROPPED] = "UPDATE state SET dropped = dropped + ?1",
    [TOTALS] = "SELECT count(*), coalesce(sum(readings), 0), coalesce(sum(size), 0),"
               " (SELECT dropped FROM state) FROM batches",
    [UP_TO] = "SELECT count(*), coalesce(sum(readings), 0), coalesce(sum(size), 0), 0 FROM batches"
              " WHERE id <= ?1"};

struct spool {
    pthread_mutex_t mutex;
    sqlite3 *db;
    sqlite3_stmt *queries[QUERIES];
    char *path;
    int lock; /* the descriptor that holds the file for this process */
    uint64_t bytes_max;
    struct spool_counts counts;
};

static enum status failed(const struct spool *s, struct bb_reason *reason)
{
    int code = sqlite3_errcode(s->db);
    bb_reason_say(reason, "%s: %s", s->path, sqlite3_errmsg(s->db));
    return code == SQLITE_FULL                               ? BB_FULL
           : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? BB_MALFORMED
                                                             : BB_IO;
}

static enum status finish(struct spool *s, enum query which, struct bb_reason *reason)
{
    enum status status = sqlite3_step(s->queries[which]) == SQLITE_DONE ? BB_OK : failed(s, reason);
    sqlite3_reset(s->queries[which]);
    sqlite3_clear_bindings(s->queries[which]);
    return status;
}

static void undo(struct spool *s)
{
    struct bb_reason ignored;
    if (!sqlite3_get_autocommit(s->db))
        (void)!finish(s, ROLLBACK, &ignored);
}

static enum status read_counts(struct spool *s, enum query which, struct spool_counts *out,
                               struct bb_reason *reason)
{
    sqlite3_stmt *query = s->queries[which];
    enum status status = sqlite3_step(query) == SQLITE_ROW ? BB_OK : failed(s, reason);
    if (status == BB_OK)
        *out = (struct spool_counts){
            (uint64_t)sqlite3_column_int64(query, 0), (uint64_t)sqlite3_column_int64(query, 1),
            (uint64_t)sqlite3_column_int64(query, 2), (uint64_t)sqlite3_column_int64(query, 3)};
    sqlite3_reset(query);
    return status;
}

/* -- opening -------------------------------------------------------------------------------------------- */

static int64_t ask(struct spool *s, const char *sql)
{
    sqlite3_stmt *query = NULL;
    int64_t number = -1;
    if (sqlite3_prepare_v2(s->db, sql, -1, &query, NULL) == SQLITE_OK && sqlite3_step(query) == SQLITE_ROW)
        number = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    return number;
}

static enum status check_file(struct spool *s, struct bb_reason *reason)
{
    int64_t tables = ask(s, "SELECT count(*) FROM sqlite_schema");
    if (tables < 0)
        return failed(s, reason);
    if (tables > 0 && ask(s, "PRAGMA application_id") != APPLICATION) {
        bb_reason_say(reason, "%s: this is no spool of a historian", s->path);
        return BB_MALFORMED;
    }
    if (tables > 0 && ask(s, "PRAGMA user_version") > VERSION) {
        bb_reason_say(reason, "%s: of a newer Busbar", s->path);
        return BB_VERSION;
    }
    return BB_OK;
}

/* Makes the file, readable for its owner alone, and holds it. */
static enum status hold(struct spool *s, struct bb_reason *reason)
{
    char path[4200];
    int fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    snprintf(path, sizeof path, "%s-lock", s->path);
    s->lock = fd < 0 ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->lock < 0) {
        bb_reason_say(reason, "%s: %s", s->path, strerror(errno));
        return BB_IO;
    }
    if (flock(s->lock, LOCK_EX | LOCK_NB) != 0) {
        bb_reason_say(reason, "%s: another historian has it open", s->path);
        return BB_EXISTS;
    }
    return BB_OK;
}

static enum status prepare(struct spool *s, struct bb_reason *reason)
{
    enum status status = BB_OK;
    if (sqlite3_open_v2(s->path, &s->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK ||
        sqlite3_busy_timeout(s->db, WAIT_MS) != SQLITE_OK)
        return failed(s, reason);
    status = check_file(s, reason);
    if (status == BB_OK && sqlite3_exec(s->db, SCHEMA, NULL, NULL, NULL) != SQLITE_OK)
        status = failed(s, reason);
    for (size_t i = 0; i < QUERIES && status == BB_OK; i++)
        if (sqlite3_prepare_v3(s->db, TEXTS[i], -1, SQLITE_PREPARE_PERSISTENT, &s->queries[i], NULL) !=
            SQLITE_OK)
            status = failed(s, reason);
    return status;
}

enum status spool_open(const char *path, uint64_t bytes_max, struct spool **out, struct bb_reason *reason)
{
    struct spool *s = calloc(1, sizeof *s);
    CHECK(s != NULL && pthread_mutex_init(&s->mutex, NULL) == 0);
    s->path = strdup(path);
    CHECK(s->path != NULL);
    s->bytes_max = bytes_max;
    s->lock = -1;
    enum status status = hold(s, reason);
    if (status == BB_OK)
        status = prepare(s, reason);
    if (status == BB_OK)
        status = read_counts(s, TOTALS, &s->counts, reason);
    if (status == BB_OK)
        *out = s;
    else
        spool_close(s);
    return status;
}

void spool_close(struct spool *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < QUERIES; i++)
        sqlite3_finalize(s->queries[i]);
    sqlite3_close(s->db);
    if (s->lock >= 0)
        close(s->lock);
    pthread_mutex_destroy(&s->mutex);
    free(s->path);
    free(s);
}

/* -- batches -------------------------------------------------------------------------------------------- */

/* The oldest batches that are to go so that `more` bytes have room: the last one's id (0: none). */
static enum status choose_victims(struct spool *s, uint64_t more, int64_t *last_out,
                                  struct spool_counts *gone, struct bb_reason *reason)
{
    sqlite3_stmt *query = s->queries[SIZES];
    int code = SQLITE_ROW;
    *last_out = 0;
    *gone = (struct spool_counts){0};
    while (s->counts.bytes - gone->bytes + more > s->bytes_max &&
           (code = sqlite3_step(query)) == SQLITE_ROW) {
        *last_out = sqlite3_column_int64(query, 0);
        gone->batches++;
        gone->readings += (uint64_t)sqlite3_column_int64(query, 1);
        gone->bytes += (uint64_t)sqlite3_column_int64(query, 2);
    }
    enum status status = code == SQLITE_ROW || code == SQLITE_DONE ? BB_OK : failed(s, reason);
    sqlite3_reset(query);
    return status;
}

static enum status drop_oldest(struct spool *s, int64_t last, uint64_t readings, struct bb_reason *reason)
{
    sqlite3_bind_int64(s->queries[REMOVE], 1, last);
    enum status status = finish(s, REMOVE, reason);
    sqlite3_bind_int64(s->queries[DROPPED], 1, (sqlite3_int64)readings);
    return status == BB_OK ? finish(s, DROPPED, reason) : status;
}

static enum status append(struct spool *s, struct bytes batch, uint32_t readings, struct spool_counts *gone,
                          struct bb_reason *reason)
{
    int64_t last = 0;
    enum status status = choose_victims(s, batch.size, &last, gone, reason);
    if (status == BB_OK)
        status = finish(s, BEGIN, reason);
    if (status == BB_OK && last > 0)
        status = drop_oldest(s, last, gone->readings, reason);
    if (status == BB_OK) {
        sqlite3_bind_int64(s->queries[APPEND], 1, readings);
        sqlite3_bind_int64(s->queries[APPEND], 2, (sqlite3_int64)batch.size);
        sqlite3_bind_blob64(s->queries[APPEND], 3, batch.data, batch.size, SQLITE_STATIC);
        status = finish(s, APPEND, reason);
    }
    if (status == BB_OK)
        status = finish(s, COMMIT, reason);
    if (status != BB_OK)
        undo(s);
    return status;
}

enum status spool_append(struct spool *s, struct bytes batch, uint32_t readings, uint64_t *dropped_out,
                         struct bb_reason *reason)
{
    struct spool_counts gone;
    pthread_mutex_lock(&s->mutex);
    enum status status = append(s, batch, readings, &gone, reason);
    if (status == BB_OK) {
        s->counts.batches += 1 - gone.batches;
        s->counts.readings += readings - gone.readings;
        s->counts.bytes += batch.size - gone.bytes;
        s->counts.dropped += gone.readings;
        *dropped_out = gone.readings;
    }
    pthread_mutex_unlock(&s->mutex);
    return status;
}

static bool copy_row(sqlite3_stmt *query, struct spool_batch *out)
{
    const void *data = sqlite3_column_blob(query, 2);
    size_t size = (size_t)sqlite3_column_bytes(query, 2);
    *out = (struct spool_batch){sqlite3_column_int64(query, 0), (uint32_t)sqlite3_column_int64(query, 1),
                                malloc(size + 1), size};
    CHECK(out->data != NULL);
    if (size > 0)
        memcpy(out->data, data, size);
    return true;
}

enum status spool_oldest(struct spool *s, size_t max, size_t bytes_max, struct spool_batch *batches_out,
                         size_t *count_out, struct bb_reason *reason)
{
    sqlite3_stmt *query = s->queries[OLDEST];
    size_t count = 0, size = 0;
    int code = SQLITE_DONE;
    pthread_mutex_lock(&s->mutex);
    sqlite3_bind_int64(query, 1, (sqlite3_int64)max);
    while (size < bytes_max && (code = sqlite3_step(query)) == SQLITE_ROW) {
        copy_row(query, &batches_out[count]);
        size += batches_out[count++].size;
    }
    enum status status = code == SQLITE_ROW || code == SQLITE_DONE ? BB_OK : failed(s, reason);
    sqlite3_reset(query);
    pthread_mutex_unlock(&s->mutex);
    for (size_t i = 0; i < count && status != BB_OK; i++)
        free(batches_out[i].data);
    if (status == BB_OK)
        *count_out = count;
    return status;
}

enum status spool_remove(struct spool *s, int64_t id, struct bb_reason *reason)
{
    struct spool_counts gone;
    pthread_mutex_lock(&s->mutex);
    sqlite3_bind_int64(s->queries[UP_TO], 1, id);
    enum status status = read_counts(s, UP_TO, &gone, reason);
    sqlite3_bind_int64(s->queries[REMOVE], 1, id);
    if (status == BB_OK)
        status = finish(s, REMOVE, reason);
    if (status == BB_OK) {
        s->counts.batches -= gone.batches;
        s->counts.readings -= gone.readings;
        s->counts.bytes -= gone.bytes;
        /* After a long absence of the target the file is large; it need not stay so. */
        if (s->counts.batches == 0 && ask(s, "PRAGMA freelist_count") > FREE_PAGES)
            (void)sqlite3_exec(s->db, GIVE_BACK, NULL, NULL, NULL);
    }
    pthread_mutex_unlock(&s->mutex);
    return status;
}

struct spool_counts spool_counts(struct spool *s)
{
    pthread_mutex_lock(&s->mutex);
    struct spool_counts counts = s->counts;
    pthread_mutex_unlock(&s->mutex);
    return counts;
}
