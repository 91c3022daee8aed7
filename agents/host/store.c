#include "agents/host/store.h"

#include <busbar/check.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WAIT_MS 2000
/* "BBag" */
#define APPLICATION 0x42426167
#define VERSION     1

static const char OPENING[] = "PRAGMA journal_mode = WAL;"
                              "PRAGMA synchronous = FULL;"
                              "PRAGMA cache_size = -128;"
                              "PRAGMA wal_autocheckpoint = 100;";
static const char SCHEMA[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE IF NOT EXISTS agents(name TEXT PRIMARY KEY, identity TEXT NOT NULL UNIQUE,"
    " release TEXT NOT NULL, digest TEXT NOT NULL, signer TEXT NOT NULL, public_key TEXT NOT NULL,"
    " enabled INTEGER NOT NULL, priority INTEGER NOT NULL, hold INTEGER NOT NULL,"
    " installed_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE IF NOT EXISTS moves(id TEXT PRIMARY KEY, name TEXT NOT NULL, origin TEXT NOT NULL,"
    " target TEXT NOT NULL, phase TEXT NOT NULL, since_ms INTEGER NOT NULL, reason TEXT NOT NULL,"
    " data TEXT) STRICT;"
    "PRAGMA application_id = 0x42426167;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

enum query { BEGIN, COMMIT, ROLLBACK, PUT_AGENT, DROP_AGENT, AGENTS, PUT_MOVE, DROP_MOVE, MOVES, QUERIES };

static const char *const TEXTS[QUERIES] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [PUT_AGENT] = "INSERT INTO agents VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
                  " ON CONFLICT(name) DO UPDATE SET identity = excluded.identity, release = excluded.release,"
                  " digest = excluded.digest, signer = excluded.signer, public_key = excluded.public_key,"
                  " enabled = excluded.enabled, priority = excluded.priority, hold = excluded.hold,"
                  " installed_ms = excluded.installed_ms",
    [DROP_AGENT] = "DELETE FROM agents WHERE name = ?1",
    [AGENTS] = ("SELECT name, identity, release, digest, signer, public_key, enabled, priority, hold,"
                " installed_ms FROM agents ORDER BY priority, name"),
    [PUT_MOVE] = "INSERT OR REPLACE INTO moves VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    [DROP_MOVE] = "DELETE FROM moves WHERE id = ?1",
    [MOVES] = "SELECT id, name, origin, target, phase, since_ms, reason, data FROM moves ORDER BY id"};

struct store {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *queries[QUERIES];
    bool within, failed; /* between begin and end, and something there has failed */
};

static enum status failed(struct store *store, struct bb_reason *reason)
{
    int code = sqlite3_errcode(store->db);
    bb_reason_say(reason, "%.300s: %.180s", store->path, sqlite3_errmsg(store->db));
    store->failed = true;
    return code == SQLITE_FULL                               ? BB_FULL
           : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? BB_MALFORMED
                                                             : BB_IO;
}

static enum status finish(struct store *store, enum query which, struct bb_reason *reason)
{
    sqlite3_stmt *query = store->queries[which];
    enum status status = sqlite3_step(query) == SQLITE_DONE ? BB_OK : failed(store, reason);
    sqlite3_reset(query);
    sqlite3_clear_bindings(query);
    return status;
}

static enum status number_of(struct store *store, const char *pragma, int64_t *out, struct bb_reason *reason)
{
    sqlite3_stmt *query = NULL;
    if (sqlite3_prepare_v2(store->db, pragma, -1, &query, NULL) != SQLITE_OK ||
        sqlite3_step(query) != SQLITE_ROW) {
        sqlite3_finalize(query);
        return failed(store, reason);
    }
    *out = sqlite3_column_int64(query, 0);
    sqlite3_finalize(query);
    return BB_OK;
}

/* Makes the tables in a new file; refuses one of somebody else. */
static enum status prepare(struct store *store, struct bb_reason *reason)
{
    int64_t application = 0, version = 0, pages = 0;
    enum status status = number_of(store, "PRAGMA application_id", &application, reason);
    if (status == BB_OK)
        status = number_of(store, "PRAGMA user_version", &version, reason);
    if (status == BB_OK)
        status = number_of(store, "PRAGMA page_count", &pages, reason);
    if (status != BB_OK)
        return status;
    if (pages != 0 && application != APPLICATION) {
        bb_reason_say(reason, "%.400s: not a database of busbar-agentd", store->path);
        return BB_MALFORMED;
    }
    if (version > VERSION) {
        bb_reason_say(reason, "%.400s: made by a newer busbar-agentd", store->path);
        return BB_VERSION;
    }
    if (sqlite3_exec(store->db, OPENING, NULL, NULL, NULL) != SQLITE_OK ||
        sqlite3_exec(store->db, SCHEMA, NULL, NULL, NULL) != SQLITE_OK)
        return failed(store, reason);
    for (size_t i = 0; i < QUERIES; i++) {
        if (sqlite3_prepare_v3(store->db, TEXTS[i], -1, SQLITE_PREPARE_PERSISTENT, &store->queries[i],
                               NULL) != SQLITE_OK)
            return failed(store, reason);
    }
    return BB_OK;
}

enum status store_open(const char *path, struct bb_reason *reason, struct store **out)
{
    struct store *store = calloc(1, sizeof *store);
    CHECK(store != NULL);
    store->path = strdup(path);
    CHECK(store->path != NULL);
    mode_t mask = umask(0077);
    int code = sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);
    umask(mask);
    CHECK(store->db != NULL);
    sqlite3_busy_timeout(store->db, WAIT_MS);
    enum status status = code == SQLITE_OK ? prepare(store, reason) : failed(store, reason);
    store->failed = false;
    if (status == BB_OK)
        *out = store;
    else
        store_close(store);
    return status;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    for (size_t i = 0; i < QUERIES; i++)
        sqlite3_finalize(store->queries[i]);
    CHECK(sqlite3_close(store->db) == SQLITE_OK);
    free(store->path);
    free(store);
}

enum status store_begin(struct store *store, struct bb_reason *reason)
{
    CHECK(!store->within);
    store->failed = false;
    enum status status = finish(store, BEGIN, reason);
    store->within = status == BB_OK;
    return status;
}

enum status store_end(struct store *store, struct bb_reason *reason)
{
    CHECK(store->within);
    bool undo = store->failed;
    if (undo)
        bb_reason_say(reason, "%.400s: a change failed, none was made", store->path);
    enum status status = undo ? BB_IO : finish(store, COMMIT, reason);
    if (status != BB_OK && sqlite3_get_autocommit(store->db) == 0)
        (void)!finish(store, ROLLBACK, NULL);
    store->within = false;
    return status;
}

static void text(sqlite3_stmt *query, int at, const char *value)
{
    sqlite3_bind_text(query, at, value, -1, SQLITE_TRANSIENT);
}

enum status store_put_agent(struct store *store, const struct store_agent *agent, struct bb_reason *reason)
{
    sqlite3_stmt *query = store->queries[PUT_AGENT];
    text(query, 1, agent->name);
    text(query, 2, agent->identity);
    text(query, 3, agent->release);
    text(query, 4, agent->digest);
    text(query, 5, agent->signer);
    text(query, 6, agent->public_key);
    sqlite3_bind_int(query, 7, agent->enabled);
    sqlite3_bind_int(query, 8, agent->priority);
    sqlite3_bind_int(query, 9, agent->hold);
    sqlite3_bind_int64(query, 10, agent->installed_ms);
    return finish(store, PUT_AGENT, reason);
}

enum status store_drop_agent(struct store *store, const char *name, struct bb_reason *reason)
{
    text(store->queries[DROP_AGENT], 1, name);
    return finish(store, DROP_AGENT, reason);
}

/* A text of a row into out[size]; false when it is too long to be ours. */
static bool column(sqlite3_stmt *query, int at, char *out, size_t size)
{
    const char *value = (const char *)sqlite3_column_text(query, at);
    return (size_t)snprintf(out, size, "%s", value == NULL ? "" : value) < size;
}

static bool agent_of(sqlite3_stmt *query, struct store_agent *out)
{
    *out = (struct store_agent){.enabled = sqlite3_column_int(query, 6) != 0,
                                .priority = sqlite3_column_int(query, 7),
                                .installed_ms = sqlite3_column_int64(query, 9)};
    int hold = sqlite3_column_int(query, 8);
    out->hold = hold >= HOLD_FREE && hold <= HOLD_MOVED ? (enum store_hold)hold : HOLD_UNDECIDED;
    return column(query, 0, out->name, sizeof out->name) && manifest_is_name(out->name) &&
           column(query, 1, out->identity, sizeof out->identity) &&
           column(query, 2, out->release, sizeof out->release) &&
           column(query, 3, out->digest, sizeof out->digest) &&
           column(query, 4, out->signer, sizeof out->signer) &&
           column(query, 5, out->public_key, sizeof out->public_key);
}

static bool move_of(sqlite3_stmt *query, struct store_move *out)
{
    *out = (struct store_move){.since_ms = sqlite3_column_int64(query, 5)};
    out->data = (const char *)sqlite3_column_text(query, 7);
    return column(query, 0, out->id, sizeof out->id) && column(query, 1, out->name, sizeof out->name) &&
           column(query, 2, out->origin, sizeof out->origin) &&
           column(query, 3, out->target, sizeof out->target) &&
           column(query, 4, out->phase, sizeof out->phase) &&
           column(query, 6, out->reason, sizeof out->reason);
}

static enum status odd_row(const struct store *store, const char *table, struct bb_reason *reason)
{
    bb_reason_say(reason, "%.400s: a row of %s is damaged", store->path, table);
    return BB_MALFORMED;
}

enum status store_each_agent(struct store *store, store_on_agent *on_agent, void *context,
                             struct bb_reason *reason)
{
    sqlite3_stmt *query = store->queries[AGENTS];
    struct store_agent agent;
    enum status status = BB_OK;
    int code;
    while (status == BB_OK && (code = sqlite3_step(query)) == SQLITE_ROW) {
        status = agent_of(query, &agent) ? BB_OK : odd_row(store, "agents", reason);
        if (status == BB_OK)
            on_agent(context, &agent);
    }
    if (status == BB_OK && code != SQLITE_DONE)
        status = failed(store, reason);
    sqlite3_reset(query);
    return status;
}

enum status store_put_move(struct store *store, const struct store_move *move, struct bb_reason *reason)
{
    sqlite3_stmt *query = store->queries[PUT_MOVE];
    text(query, 1, move->id);
    text(query, 2, move->name);
    text(query, 3, move->origin);
    text(query, 4, move->target);
    text(query, 5, move->phase);
    sqlite3_bind_int64(query, 6, move->since_ms);
    text(query, 7, move->reason);
    text(query, 8, move->data);
    return finish(store, PUT_MOVE, reason);
}

enum status store_drop_move(struct store *store, const char *id, struct bb_reason *reason)
{
    text(store->queries[DROP_MOVE], 1, id);
    return finish(store, DROP_MOVE, reason);
}

enum status store_each_move(struct store *store, store_on_move *on_move, void *context,
                            struct bb_reason *reason)
{
    sqlite3_stmt *query = store->queries[MOVES];
    struct store_move move;
    enum status status = BB_OK;
    int code;
    while (status == BB_OK && (code = sqlite3_step(query)) == SQLITE_ROW) {
        status = move_of(query, &move) ? BB_OK : odd_row(store, "moves", reason);
        if (status == BB_OK)
            on_move(context, &move);
    }
    if (status == BB_OK && code != SQLITE_DONE)
        status = failed(store, reason);
    sqlite3_reset(query);
    return status;
}
