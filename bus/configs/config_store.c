#include "bus/configs/config_store.h"

#include <busbar/check.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* "BBcf" */
#define APPLICATION 0x42426366
#define VERSION     1
#define WAIT_MS     2000
/* SQLite's own cache of pages. */
#define CACHE_KIB 512

static const char SCHEMA[] = "BEGIN IMMEDIATE;"
                             "CREATE TABLE IF NOT EXISTS configs("
                             " identity TEXT NOT NULL,"
                             " name TEXT NOT NULL COLLATE NOCASE,"
                             " type TEXT NOT NULL,"
                             " modified TEXT NOT NULL,"
                             " size INTEGER NOT NULL,"
                             " data TEXT NOT NULL,"
                             " PRIMARY KEY(identity, name)) STRICT;"
                             "PRAGMA application_id = 0x42426366;"
                             "PRAGMA user_version = 1;"
                             "COMMIT;";

enum query { GET, EACH, IDENTITIES, SUM, PUT, DELETE_ONE, DELETE_ALL, QUERIES };

static const char *const TEXTS[QUERIES] = {
    [GET] = "SELECT name, type, data, modified FROM configs WHERE identity = ?1 AND name = ?2",
    [EACH] =
        "SELECT name, type, data, modified FROM configs WHERE identity = ?1 ORDER BY name COLLATE BINARY",
    [IDENTITIES] = "SELECT DISTINCT identity, '', '', '' FROM configs ORDER BY identity",
    [SUM] = "SELECT count(*), coalesce(sum(size), 0) FROM configs WHERE identity = ?1 AND name <> ?2",
    [PUT] = "INSERT INTO configs(identity, name, type, data, modified, size) VALUES(?1, ?2, ?3, ?4, ?5, ?6)"
            " ON CONFLICT(identity, name) DO UPDATE SET name = excluded.name, type = excluded.type,"
            " data = excluded.data, modified = excluded.modified, size = excluded.size",
    [DELETE_ONE] = "DELETE FROM configs WHERE identity = ?1 AND name = ?2",
    [DELETE_ALL] = "DELETE FROM configs WHERE identity = ?1"};

struct config_store {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *queries[QUERIES];
};

/* What a result of SQLite means for us. */
static enum status status_of(int code)
{
    static const struct {
        int code;
        enum status status;
    } MEANINGS[] = {
        {SQLITE_OK, BB_OK},           {SQLITE_DONE, BB_OK},          {SQLITE_ROW, BB_OK},
        {SQLITE_FULL, BB_FULL},       {SQLITE_NOTADB, BB_MALFORMED}, {SQLITE_CORRUPT, BB_MALFORMED},
        {SQLITE_SCHEMA, BB_MALFORMED}};
    for (size_t i = 0; i < sizeof MEANINGS / sizeof *MEANINGS; i++)
        if (MEANINGS[i].code == (code & 0xff))
            return MEANINGS[i].status;
    return BB_IO;
}

static enum status failed(const struct config_store *s, int code, struct bb_reason *reason)
{
    bb_reason_say(reason, "%s: %s", s->path, s->db == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(s->db));
    return status_of(code);
}

static enum status run(struct config_store *s, const char *sql, struct bb_reason *reason)
{
    int code = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
    return code == SQLITE_OK ? BB_OK : failed(s, code, reason);
}

/* The first column of the only row of a query, as a text of at most 63 bytes. */
static enum status ask(struct config_store *s, const char *sql, char answer[64], struct bb_reason *reason)
{
    sqlite3_stmt *query = NULL;
    int code = sqlite3_prepare_v2(s->db, sql, -1, &query, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_step(query);
    if (code == SQLITE_ROW)
        snprintf(answer, 64, "%s", (const char *)sqlite3_column_text(query, 0));
    enum status status = code == SQLITE_ROW ? BB_OK : failed(s, code, reason);
    sqlite3_finalize(query);
    return status;
}

/* A file of somebody else, or of a newer Busbar, stays as it is. */
static enum status check_owner(struct config_store *s, struct bb_reason *reason)
{
    char application[64] = "", version[64] = "", tables[64] = "", sound[64] = "";
    enum status status = ask(s, "PRAGMA quick_check(1)", sound, reason);
    if (status == BB_OK && strcmp(sound, "ok") != 0) {
        bb_reason_say(reason, "%s: the file is damaged: %s", s->path, sound);
        return BB_MALFORMED;
    }
    if (status == BB_OK)
        status = ask(s, "PRAGMA application_id", application, reason);
    if (status == BB_OK)
        status = ask(s, "PRAGMA user_version", version, reason);
    if (status == BB_OK)
        status = ask(s, "SELECT count(*) FROM sqlite_schema", tables, reason);
    if (status != BB_OK || strcmp(tables, "0") == 0)
        return status;
    if (strtol(application, NULL, 10) != APPLICATION) {
        bb_reason_say(reason, "%s: this is not a file of configurations", s->path);
        return BB_MALFORMED;
    }
    if (strtol(version, NULL, 10) > VERSION) {
        bb_reason_say(reason, "%s: version %s is of a newer Busbar", s->path, version);
        return BB_VERSION;
    }
    return BB_OK;
}

static enum status prepare(struct config_store *s, struct bb_reason *reason)
{
    char pages[96];
    snprintf(pages, sizeof pages, "PRAGMA max_page_count = %d; PRAGMA cache_size = -%d",
             CONFIG_STORE_PAGES_MAX, CACHE_KIB);
    enum status status = run(s, pages, reason);
    if (status == BB_OK && !config_store_is_readonly(s))
        status = run(s, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", reason);
    if (status == BB_OK && !config_store_is_readonly(s))
        status = run(s, SCHEMA, reason);
    for (size_t i = 0; i < QUERIES && status == BB_OK; i++) {
        int code = sqlite3_prepare_v3(s->db, TEXTS[i], -1, SQLITE_PREPARE_PERSISTENT, &s->queries[i], NULL);
        if (code != SQLITE_OK)
            status = failed(s, code, reason);
    }
    return status;
}

enum status config_store_open(const char *path, struct config_store **out, struct bb_reason *reason)
{
    struct config_store *s = calloc(1, sizeof *s);
    CHECK(s != NULL && (s->path = strdup(path)) != NULL);
    /* Made by us, because SQLite would let others read it. */
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    int code = sqlite3_open_v2(path, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_EXRESCODE, NULL);
    enum status status = code == SQLITE_OK ? BB_OK : failed(s, code, reason);
    if (status == BB_OK) {
        sqlite3_busy_timeout(s->db, WAIT_MS);
        status = check_owner(s, reason);
    }
    if (status == BB_OK)
        status = prepare(s, reason);
    if (status == BB_OK)
        *out = s;
    else
        config_store_close(s);
    return status;
}

void config_store_close(struct config_store *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < QUERIES; i++)
        sqlite3_finalize(s->queries[i]);
    sqlite3_close(s->db);
    free(s->path);
    free(s);
}

/* A query with its identity and name bound, both borrowed. */
static sqlite3_stmt *begin(struct config_store *s, enum query query, const char *identity, const char *name)
{
    sqlite3_stmt *statement = s->queries[query];
    sqlite3_reset(statement);
    if (identity != NULL)
        CHECK(sqlite3_bind_text(statement, 1, identity, -1, SQLITE_STATIC) == SQLITE_OK);
    if (name != NULL)
        CHECK(sqlite3_bind_text(statement, 2, name, -1, SQLITE_STATIC) == SQLITE_OK);
    return statement;
}

/* Ends a query that came to `code`. */
static enum status finish(struct config_store *s, enum query query, int code, struct bb_reason *reason)
{
    enum status status = code == SQLITE_DONE || code == SQLITE_ROW ? BB_OK : failed(s, code, reason);
    sqlite3_reset(s->queries[query]);
    sqlite3_clear_bindings(s->queries[query]);
    return status;
}

/* Gives out the rows of a query; *count_out of them. */
static enum status give(struct config_store *s, enum query query, sqlite3_stmt *statement,
                        config_store_on_row *on_row, void *context, unsigned *count_out,
                        struct bb_reason *reason)
{
    int code;
    *count_out = 0;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        const struct config_row row = {
            (const char *)sqlite3_column_text(statement, 0), (const char *)sqlite3_column_text(statement, 1),
            (const char *)sqlite3_column_text(statement, 2), (const char *)sqlite3_column_text(statement, 3)};
        if (row.name == NULL || row.type == NULL || row.data == NULL || row.modified == NULL) {
            code = SQLITE_NOMEM;
            break;
        }
        on_row(context, &row);
        ++*count_out;
    }
    return finish(s, query, code, reason);
}

enum status config_store_get(struct config_store *s, const char *identity, const char *name,
                             config_store_on_row *on_row, void *context, struct bb_reason *reason)
{
    unsigned count;
    enum status status = give(s, GET, begin(s, GET, identity, name), on_row, context, &count, reason);
    return status == BB_OK && count == 0 ? BB_NOT_FOUND : status;
}

enum status config_store_each(struct config_store *s, const char *identity, config_store_on_row *on_row,
                              void *context, struct bb_reason *reason)
{
    unsigned count;
    return give(s, EACH, begin(s, EACH, identity, NULL), on_row, context, &count, reason);
}

enum status config_store_identities(struct config_store *s, config_store_on_row *on_row, void *context,
                                    struct bb_reason *reason)
{
    unsigned count;
    return give(s, IDENTITIES, begin(s, IDENTITIES, NULL, NULL), on_row, context, &count, reason);
}

/* Whether a row of `size` bytes fits beside the identity's others. */
static enum status check_room(struct config_store *s, const char *identity, const char *name, size_t size,
                              bool *new_out, struct bb_reason *reason)
{
    sqlite3_stmt *sum = begin(s, SUM, identity, name);
    int code = sqlite3_step(sum);
    bool fits = code == SQLITE_ROW && sqlite3_column_int64(sum, 0) < CONFIG_STORE_COUNT_MAX &&
                sqlite3_column_int64(sum, 1) + (sqlite3_int64)size <= CONFIG_STORE_BYTES_MAX;
    enum status status = finish(s, SUM, code, reason);
    if (status != BB_OK)
        return status;
    sum = begin(s, GET, identity, name);
    code = sqlite3_step(sum);
    *new_out = code == SQLITE_DONE;
    status = finish(s, GET, code, reason);
    if (status == BB_OK && !fits) {
        bb_reason_say(reason, "an identity may have %d configurations and 8 MiB of them",
                      CONFIG_STORE_COUNT_MAX);
        return BB_FULL;
    }
    return status;
}

enum status config_store_put(struct config_store *s, const char *identity, const struct config_row *row,
                             bool *new_out, struct bb_reason *reason)
{
    bool fresh = false;
    enum status status = check_room(s, identity, row->name, strlen(row->data), &fresh, reason);
    if (status != BB_OK)
        return status;
    sqlite3_stmt *put = begin(s, PUT, identity, row->name);
    CHECK(sqlite3_bind_text(put, 3, row->type, -1, SQLITE_STATIC) == SQLITE_OK &&
          sqlite3_bind_text(put, 4, row->data, -1, SQLITE_STATIC) == SQLITE_OK &&
          sqlite3_bind_text(put, 5, row->modified, -1, SQLITE_STATIC) == SQLITE_OK &&
          sqlite3_bind_int64(put, 6, (sqlite3_int64)strlen(row->data)) == SQLITE_OK);
    status = finish(s, PUT, sqlite3_step(put), reason);
    if (status == BB_OK)
        *new_out = fresh;
    return status;
}

enum status config_store_delete(struct config_store *s, const char *identity, const char *name,
                                struct bb_reason *reason)
{
    enum query query = name == NULL ? DELETE_ALL : DELETE_ONE;
    int code = sqlite3_step(begin(s, query, identity, name));
    int changes = sqlite3_changes(s->db);
    enum status status = finish(s, query, code, reason);
    return status == BB_OK && changes == 0 ? BB_NOT_FOUND : status;
}

bool config_store_is_readonly(const struct config_store *s)
{
    return sqlite3_db_readonly(s->db, "main") == 1;
}
