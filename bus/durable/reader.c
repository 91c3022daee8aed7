#include "bus/durable/reader.h"

#include <busbar/check.h>
#include <sqlite3.h>
#include <stdlib.h>

#define WAIT_MS 2000

struct durable_reader {
    sqlite3 *db;
    sqlite3_stmt *query;
};

static enum status failed(const struct durable_reader *r, struct bb_reason *reason)
{
    bb_reason_say(reason, "the durable messages cannot be read: %s", sqlite3_errmsg(r->db));
    int code = sqlite3_errcode(r->db);
    return code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? BB_MALFORMED : BB_IO;
}

enum status durable_reader_open(const char *path, struct durable_reader **out, struct bb_reason *reason)
{
    static const char QUERY[] = "SELECT offset, time_ms, topic, sender, headers, message FROM messages"
                                " WHERE offset > ?1 ORDER BY offset LIMIT ?2";
    struct durable_reader *r = calloc(1, sizeof *r);
    CHECK(r != NULL);
    int code = sqlite3_open_v2(path, &r->db, SQLITE_OPEN_READWRITE, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_busy_timeout(r->db, WAIT_MS);
    if (code == SQLITE_OK)
        code = sqlite3_exec(r->db, "PRAGMA query_only = ON; PRAGMA cache_size = -512;", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_prepare_v3(r->db, QUERY, -1, SQLITE_PREPARE_PERSISTENT, &r->query, NULL);
    if (code == SQLITE_OK) {
        *out = r;
        return BB_OK;
    }
    (void)failed(r, reason);
    durable_reader_close(r);
    return BB_IO;
}

void durable_reader_close(struct durable_reader *r)
{
    if (r == NULL)
        return;
    sqlite3_finalize(r->query);
    sqlite3_close(r->db);
    free(r);
}

static struct bytes column(sqlite3_stmt *query, int index)
{
    const void *data = sqlite3_column_blob(query, index);
    return (struct bytes){data, (size_t)sqlite3_column_bytes(query, index)};
}

enum status durable_reader_read(struct durable_reader *r, uint64_t after, uint32_t most,
                                durable_on_message *on_message, void *context, uint64_t *last_out,
                                bool *more_out, struct bb_reason *reason)
{
    uint64_t last = after;
    uint32_t count = 0;
    bool goes_on = true;
    sqlite3_bind_int64(r->query, 1, (sqlite3_int64)after);
    sqlite3_bind_int64(r->query, 2, most);
    int code = SQLITE_ROW;
    while (goes_on && (code = sqlite3_step(r->query)) == SQLITE_ROW) {
        const struct durable_message message = {(uint64_t)sqlite3_column_int64(r->query, 0),
                                                sqlite3_column_int64(r->query, 1),
                                                column(r->query, 2),
                                                column(r->query, 3),
                                                column(r->query, 4),
                                                column(r->query, 5)};
        last = message.offset;
        count++;
        goes_on = on_message(context, &message);
    }
    enum status status = code == SQLITE_ROW || code == SQLITE_DONE ? BB_OK : failed(r, reason);
    sqlite3_reset(r->query);
    if (status != BB_OK)
        return status;
    *last_out = last;
    *more_out = !goes_on || count == most;
    return BB_OK;
}
