#include "agents/care/database.h"

#include <busbar/loop.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* How a database file begins. Source: SQLite documentation, "Database File Format", 1.3. */
#define MAGIC   "SQLite format 3"
#define BUSY_MS 10000
/* Steps of SQLite's machine between two looks at the clock. */
#define STEPS 100000

const struct database_kind database_kinds[] = {{"config.db", "the agents' configurations", 0x42426366, 1},
                                               {"durable.db", "durable messages", 0x42426475, 1},
                                               {"ledger/chain.db", "the chain", 0x42454c31, 1},
                                               {"agents/agents.db", "the hosted agents", 0x42426167, 1},
                                               {"historian.db", "the historian's readings", 0x42426869, 1},
                                               {"historian-cache.db", "readings on their way", 0x42426873, 1},
                                               {NULL, NULL, 0, 0}};

const struct database_kind *database_kind_of(int64_t application)
{
    for (const struct database_kind *kind = database_kinds; kind->path != NULL; kind++)
        if (kind->application == application)
            return kind;
    return NULL;
}

/* Whether a file begins as SQLite's do. */
static bool has_magic(const char *path)
{
    char head[sizeof MAGIC];
    FILE *file = fopen(path, "re");
    size_t size = file == NULL ? 0 : fread(head, 1, sizeof head, file);
    if (file != NULL)
        fclose(file);
    return size == sizeof head && memcmp(head, MAGIC, sizeof MAGIC) == 0;
}

static enum status refused(sqlite3 *db, const char *path, struct bb_reason *reason)
{
    int code = sqlite3_errcode(db);
    bb_reason_say(reason, "%s: %s", path, db != NULL ? sqlite3_errmsg(db) : "no memory");
    return code == SQLITE_BUSY || code == SQLITE_LOCKED      ? BB_TIMEOUT
           : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? BB_MALFORMED
                                                             : BB_IO;
}

static enum status open_reading(const char *path, struct bb_reason *reason, sqlite3 **out)
{
    sqlite3 *db = NULL;
    if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        enum status status = refused(db, path, reason);
        sqlite3_close(db);
        return status;
    }
    sqlite3_busy_timeout(db, BUSY_MS);
    *out = db;
    return BB_OK;
}

static bool ask_number(sqlite3 *db, const char *sql, int64_t *out)
{
    sqlite3_stmt *query = NULL;
    bool told =
        sqlite3_prepare_v2(db, sql, -1, &query, NULL) == SQLITE_OK && sqlite3_step(query) == SQLITE_ROW;
    if (told)
        *out = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    return told;
}

/* Asked of SQLite, not read from the file's head: what was written last may still be in the log beside it. */
bool database_head(const char *path, int64_t *application_out, int64_t *version_out)
{
    sqlite3 *db;
    if (!has_magic(path) || open_reading(path, NULL, &db) != BB_OK)
        return false;
    bool told = ask_number(db, "PRAGMA application_id", application_out) &&
                ask_number(db, "PRAGMA user_version", version_out);
    sqlite3_close(db);
    return told;
}

static int is_late(void *context)
{
    const int64_t *until_ms = context;
    return bb_loop_mono_ms() > *until_ms;
}

enum status database_check(const char *path, int64_t limit_ms, struct bb_reason *reason)
{
    sqlite3 *db;
    sqlite3_stmt *query = NULL;
    int64_t until_ms = bb_loop_mono_ms() + limit_ms;
    enum status status = open_reading(path, reason, &db);
    if (status != BB_OK)
        return status;
    sqlite3_progress_handler(db, STEPS, is_late, &until_ms);
    int code = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &query, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(query);
    const char *told = code == SQLITE_ROW ? (const char *)sqlite3_column_text(query, 0) : NULL;
    if (code == SQLITE_INTERRUPT) {
        bb_reason_say(reason, "%s: it is too large to be looked through in %lld s", path,
                      (long long)limit_ms / 1000);
        status = BB_TIMEOUT;
    } else if (told == NULL) {
        status = refused(db, path, reason);
    } else if (strcmp(told, "ok") != 0) {
        bb_reason_say(reason, "%s: damaged: %s", path, told);
        status = BB_MALFORMED;
    }
    sqlite3_finalize(query);
    sqlite3_close(db);
    return status;
}

/* A new empty file that nobody else may read: SQLite takes its mode over. */
static enum status make_file(const char *path, struct bb_reason *reason)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        bb_reason_say(reason, "%s: %s", path, strerror(errno));
        return errno == EEXIST ? BB_EXISTS : BB_IO;
    }
    close(fd);
    return BB_OK;
}

static enum status force(const char *path, struct bb_reason *reason)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool done = fd >= 0 && fsync(fd) == 0;
    if (!done)
        bb_reason_say(reason, "%s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return done ? BB_OK : BB_IO;
}

/* One read transaction: all pages are of one moment, and writers go on meanwhile (WAL). */
static enum status copy_pages(sqlite3 *from, sqlite3 *to, const char *path, struct bb_reason *reason)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    if (backup == NULL)
        return refused(to, path, reason);
    int64_t until_ms = bb_loop_mono_ms() + BUSY_MS;
    int code;
    while ((code = sqlite3_backup_step(backup, -1)) == SQLITE_BUSY || code == SQLITE_LOCKED) {
        if (bb_loop_mono_ms() > until_ms)
            break;
        sqlite3_sleep(20);
    }
    sqlite3_backup_finish(backup);
    if (code == SQLITE_DONE)
        return BB_OK;
    bb_reason_say(reason, "%s: %s", path, sqlite3_errstr(code));
    return code == SQLITE_BUSY || code == SQLITE_LOCKED ? BB_TIMEOUT : BB_IO;
}

enum status database_copy(const char *from, const char *to, struct bb_reason *reason)
{
    sqlite3 *source, *copy = NULL;
    enum status status = open_reading(from, reason, &source);
    if (status != BB_OK)
        return status;
    status = make_file(to, reason);
    if (status == BB_OK && sqlite3_open_v2(to, &copy, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        status = refused(copy, to, reason);
    if (status == BB_OK)
        status = copy_pages(source, copy, from, reason);
    /* A copy stands alone: whoever looks into it makes no log beside it. Its program chooses its journal
     * anew. */
    if (status == BB_OK && sqlite3_exec(copy, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL) != SQLITE_OK)
        status = refused(copy, to, reason);
    sqlite3_close(copy);
    sqlite3_close(source);
    return status == BB_OK ? force(to, reason) : status;
}
