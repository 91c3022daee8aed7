#include "ledger/database.h"

#include <busbar/check.h>
#include <busbar/limits.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define APPLICATION_ID 0x42454c31         /* "BEL1" */
#define BUSY_MS        1000               /* the loop stands still meanwhile */
#define CHECK_BYTES    (16 * 1024 * 1024) /* up to this size the whole file is checked when it is opened */

/* Forward only: entry n leads from schema n to n + 1. Append, never edit. */
static const char *const MIGRATIONS[] = {
    "CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE blocks (height INTEGER PRIMARY KEY, hash BLOB NOT NULL, sum INTEGER NOT NULL,"
    " bytes BLOB NOT NULL) STRICT;"
    "CREATE TABLE state (key BLOB PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE runs (run INTEGER PRIMARY KEY, level INTEGER NOT NULL, bits INTEGER NOT NULL,"
    " entries INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL) STRICT;"
    "CREATE TABLE buckets (place INTEGER PRIMARY KEY, entries BLOB NOT NULL) STRICT;"};
#define SCHEMA ((int)(sizeof MIGRATIONS / sizeof *MIGRATIONS))

/* Which of the database's errors is which failure of ours. */
static const struct {
    int code;
    enum status status;
} CODES[] = {{SQLITE_FULL, BB_FULL},       {SQLITE_CORRUPT, BB_MALFORMED}, {SQLITE_NOTADB, BB_MALFORMED},
             {SQLITE_READONLY, BB_DENIED}, {SQLITE_PERM, BB_DENIED},       {SQLITE_AUTH, BB_DENIED},
             {SQLITE_BUSY, BB_TIMEOUT},    {SQLITE_LOCKED, BB_TIMEOUT},    {SQLITE_FORMAT, BB_MALFORMED},
             {SQLITE_ERROR, BB_MALFORMED}, {SQLITE_TOOBIG, BB_RANGE},      {SQLITE_SCHEMA, BB_MALFORMED}};

enum status database_status(const struct database *database, int code, const char *what,
                            struct bb_reason *reason)
{
    CHECK(code != SQLITE_OK);
    const char *own = database->handle == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(database->handle);
    bb_reason_say(reason, "%s: %s: %s", database->path, what, own);
    for (size_t i = 0; i < sizeof CODES / sizeof *CODES; i++)
        if (CODES[i].code == (code & 0xff))
            return CODES[i].status;
    return BB_IO;
}

enum status database_run(struct database *database, const char *sql, struct bb_reason *reason)
{
    int code = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? BB_OK : database_status(database, code, sql, reason);
}

enum status database_prepare(struct database *database, const char *sql, struct bb_reason *reason,
                             sqlite3_stmt **out)
{
    sqlite3_stmt *statement = NULL;
    int code = sqlite3_prepare_v3(database->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL);
    if (code != SQLITE_OK)
        return database_status(database, code, sql, reason);
    *out = statement;
    return BB_OK;
}

enum status database_step(struct database *database, sqlite3_stmt *statement, const char *what,
                          struct bb_reason *reason)
{
    int code = sqlite3_step(statement);
    while (code == SQLITE_ROW)
        code = sqlite3_step(statement);
    enum status status = code == SQLITE_DONE ? BB_OK : database_status(database, code, what, reason);
    sqlite3_reset(statement);
    return status;
}

void database_rollback(struct database *database)
{
    if (database->handle != NULL && !sqlite3_get_autocommit(database->handle))
        sqlite3_exec(database->handle, "ROLLBACK", NULL, NULL, NULL);
}

static enum status number(struct database *database, const char *sql, struct bb_reason *reason, int64_t *out)
{
    sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, sql, reason, &statement);
    if (status != BB_OK)
        return status;
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW)
        *out = sqlite3_column_int64(statement, 0);
    else
        status = code == SQLITE_DONE ? BB_MALFORMED : database_status(database, code, sql, reason);
    sqlite3_finalize(statement);
    return status;
}

enum status database_check(struct database *database, struct bb_reason *reason)
{
    sqlite3_stmt *statement = NULL;
    enum status status = database_prepare(database, "PRAGMA quick_check(1)", reason, &statement);
    if (status != BB_OK)
        return status;
    int code = sqlite3_step(statement);
    const char *said = code == SQLITE_ROW ? (const char *)sqlite3_column_text(statement, 0) : NULL;
    if (said == NULL) {
        status =
            database_status(database, code == SQLITE_DONE ? SQLITE_CORRUPT : code, "quick_check", reason);
    } else if (strcmp(said, "ok") != 0) {
        bb_reason_say(reason, "%s: the database is corrupt: %s", database->path, said);
        status = BB_MALFORMED;
    }
    sqlite3_finalize(statement);
    return status;
}

/* The first to come writes; the kernel lets go when the process is gone, however it went. */
static enum status lock(struct database *database, struct bb_reason *reason)
{
    char path[BB_PATH_MAX + 8];
    snprintf(path, sizeof path, "%s.lock", database->path);
    database->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (database->lock < 0) {
        bb_reason_say(reason, "%s: %s", path, strerror(errno));
        return errno == EACCES || errno == EROFS ? BB_DENIED : errno == ENOENT ? BB_NOT_FOUND : BB_IO;
    }
    if (flock(database->lock, LOCK_EX | LOCK_NB) == 0)
        return BB_OK;
    bb_reason_say(reason, "%s: another process is writing to this ledger", database->path);
    return BB_EXISTS;
}

/* Schema n to n + 1, one transaction each, so that a kill leaves one or the other. */
static enum status migrate(struct database *database, int64_t version, struct bb_reason *reason)
{
    enum status status = BB_OK;
    for (int64_t i = version; status == BB_OK && i < SCHEMA; i++) {
        char stamp[96];
        snprintf(stamp, sizeof stamp, "PRAGMA application_id=%d;PRAGMA user_version=%d;COMMIT",
                 APPLICATION_ID, (int)i + 1);
        status = database_run(database, "BEGIN IMMEDIATE", reason);
        if (status == BB_OK)
            status = database_run(database, MIGRATIONS[i], reason);
        if (status == BB_OK)
            status = database_run(database, stamp, reason);
        if (status != BB_OK)
            database_rollback(database);
    }
    return status;
}

/* The first statements on a connection; what they say is of no use to whoever reads why it cannot be opened.
 * A full disk shows here as an error of input or output: the index of the log needs 32 KiB. */
static enum status settle(struct database *database, const char *sql, struct bb_reason *reason)
{
    int code = sqlite3_exec(database->handle, sql, NULL, NULL, NULL);
    bool io = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_FULL;
    return code == SQLITE_OK
               ? BB_OK
               : database_status(database, code,
                                 io ? "it cannot be opened (is the disk full?)" : "it cannot be opened",
                                 reason);
}

static enum status recognise(struct database *database, struct bb_reason *reason)
{
    int64_t application = 0, version = 0, objects = 0;
    enum status status = number(database, "PRAGMA application_id", reason, &application);
    if (status == BB_OK)
        status = number(database, "PRAGMA user_version", reason, &version);
    if (status == BB_OK)
        status = number(database, "SELECT count(*) FROM sqlite_schema", reason, &objects);
    if (status != BB_OK)
        return status;
    bool fresh = application == 0 && version == 0 && objects == 0;
    if (!fresh && application != APPLICATION_ID) {
        bb_reason_say(reason, "%s: this is a database of another application", database->path);
        return BB_MALFORMED;
    }
    if (version > SCHEMA) {
        bb_reason_say(reason, "%s: written by a newer version (schema %lld, this one knows %d)",
                      database->path, (long long)version, SCHEMA);
        return BB_VERSION;
    }
    if (version < SCHEMA && !database->write) {
        bb_reason_say(reason, "%s: %s", database->path,
                      fresh ? "there is no ledger in it yet" : "of an older schema; start the service once");
        return fresh ? BB_NOT_FOUND : BB_VERSION;
    }
    return version < SCHEMA ? migrate(database, version, reason) : BB_OK;
}

/* Readers of a WAL database make files beside it. Where they may not, and no WAL is there, nobody writes:
 * then the file is immutable for as long as that lasts. Source: SQLite documentation: WAL, Read-Only
 * Databases. */
static bool is_immutable(const struct database *database)
{
    char beside[BB_PATH_MAX + 8];
    snprintf(beside, sizeof beside, "%s-wal", database->path);
    bool wal = access(beside, F_OK) == 0;
    snprintf(beside, sizeof beside, "%s", database->path);
    char *slash = strrchr(beside, '/');
    if (slash != NULL)
        slash[slash == beside] = '\0';
    return !database->write && !wal && access(slash != NULL ? beside : ".", W_OK) != 0;
}

/* The path as a URI with its parameter. Source: SQLite documentation: URI filenames. */
static void immutable_uri(const char *path, char *uri_out)
{
    memcpy(uri_out, "file:", 5);
    uri_out += 5;
    for (; *path != '\0'; path++)
        if (strchr("?#%", *path) != NULL)
            uri_out += snprintf(uri_out, 4, "%%%02x", (unsigned char)*path);
        else
            *uri_out++ = *path;
    memcpy(uri_out, "?immutable=1", sizeof "?immutable=1");
}

static enum status connect_to(struct database *database, struct bb_reason *reason)
{
    int flags = (database->write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY) |
                SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    char uri[3 * BB_PATH_MAX + 32];
    bool immutable = is_immutable(database);
    if (immutable)
        immutable_uri(database->path, uri);
    int code = sqlite3_open_v2(immutable ? uri : database->path, &database->handle,
                               flags | (immutable ? SQLITE_OPEN_URI : 0), NULL);
    if (code != SQLITE_OK)
        return database_status(database, code, "cannot be opened", reason);
    sqlite3_busy_timeout(database->handle, BUSY_MS);
    sqlite3_db_config(database->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (database->write && sqlite3_db_readonly(database->handle, "main") == 1) {
        bb_reason_say(reason, "%s: the file is read-only", database->path);
        return BB_DENIED;
    }
    enum status status = settle(database,
                                "PRAGMA trusted_schema=OFF;PRAGMA cell_size_check=ON;"
                                "PRAGMA foreign_keys=ON;PRAGMA mmap_size=0;PRAGMA cache_size=-16384",
                                reason);
    if (status == BB_OK && database->write)
        status = settle(database,
                        "PRAGMA journal_mode=WAL;PRAGMA synchronous=FULL;"
                        "PRAGMA wal_autocheckpoint=4096;PRAGMA journal_size_limit=67108864",
                        reason);
    return status == BB_OK ? recognise(database, reason) : status;
}

static void disconnect(struct database *database)
{
    if (database->handle != NULL)
        CHECK(sqlite3_close(database->handle) == SQLITE_OK);
    database->handle = NULL;
}

enum status database_reopen(struct database *database, struct bb_reason *reason)
{
    disconnect(database);
    enum status status = connect_to(database, reason);
    if (status != BB_OK)
        disconnect(database);
    return status;
}

enum status database_open(const char *path, bool write, struct bb_reason *reason, struct database **out)
{
    struct stat file;
    bool there = stat(path, &file) == 0;
    if (!there && !write) {
        bb_reason_say(reason, "%s: %s", path, strerror(errno));
        return errno == ENOENT ? BB_NOT_FOUND : BB_IO;
    }
    if (strlen(path) >= BB_PATH_MAX) {
        bb_reason_say(reason, "the path is longer than %d bytes", BB_PATH_MAX);
        return BB_RANGE;
    }
    struct database *database = calloc(1, sizeof *database);
    char *copy = strdup(path);
    CHECK(database != NULL && copy != NULL);
    *database = (struct database){NULL, copy, write, -1};
    enum status status = write ? lock(database, reason) : BB_OK;
    if (status == BB_OK)
        status = connect_to(database, reason);
    if (status == BB_OK && there && file.st_size <= CHECK_BYTES)
        status = database_check(database, reason);
    if (status != BB_OK) {
        database_close(database);
        return status == BB_TIMEOUT ? BB_EXISTS : status;
    }
    *out = database;
    return BB_OK;
}

void database_close(struct database *database)
{
    if (database == NULL)
        return;
    disconnect(database);
    if (database->lock >= 0)
        close(database->lock);
    free(database->path);
    free(database);
}
