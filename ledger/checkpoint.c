#include "ledger/checkpoint.h"

#include "ledger/store_inside.h"
#include "market/rows.h"

#include <busbar/check.h>
#include <stdlib.h>

#define KEY_BYTES 17

/* The checkpoint as the table meta has it: u64 height · u64 transactions · u64 size, roots of the edge. */
struct mark {
    uint64_t height, transactions;
    struct merkle_edge edge;
};

/* Big-endian, so that the database's order is the rows'. */
static void write_key(struct row_key key, uint8_t out[KEY_BYTES])
{
    out[0] = key.kind;
    for (int i = 0; i < 8; i++) {
        out[1 + i] = (uint8_t)(key.a >> (56 - 8 * i));
        out[9 + i] = (uint8_t)(key.b >> (56 - 8 * i));
    }
}

static bool read_key(struct bytes bytes, struct row_key *out)
{
    if (bytes.size != KEY_BYTES)
        return false;
    *out = (struct row_key){bytes.data[0], 0, 0};
    for (int i = 0; i < 8; i++) {
        out->a = out->a << 8 | bytes.data[1 + i];
        out->b = out->b << 8 | bytes.data[9 + i];
    }
    return true;
}

static void note(void *context, struct row_key key, struct bytes value)
{
    (void)value;
    changed_add(context, key);
}

void checkpoint_note(struct store *store, struct chain *chain)
{
    market_changes(chain_market(chain), note, &store->changed);
}

/* -- the mark ------------------------------------------------------------------------------------------ */

static enum status put_mark(struct store *store, const struct mark *mark, struct bb_reason *reason)
{
    uint8_t bytes[24 + sizeof mark->edge.roots];
    struct writer writer = writer_at(bytes, sizeof bytes);
    write_u64(&writer, mark->height);
    write_u64(&writer, mark->transactions);
    write_u64(&writer, mark->edge.size);
    for (int i = 0; i < __builtin_popcountll(mark->edge.size); i++)
        write_bytes(&writer, (struct bytes){mark->edge.roots[i].bytes, sizeof *mark->edge.roots});
    return store_meta_put(store, "checkpoint", written(&writer), reason);
}

static enum status get_mark(struct store *store, struct bb_reason *reason, struct mark *out)
{
    uint8_t *bytes;
    size_t size;
    enum status status = store_meta_get(store, "checkpoint", reason, &bytes, &size);
    if (status != BB_OK)
        return status;
    struct reader reader = reader_at((struct bytes){bytes, size});
    *out = (struct mark){.height = read_u64(&reader)};
    out->transactions = read_u64(&reader);
    out->edge.size = read_u64(&reader);
    for (int i = 0; reader.ok && i < __builtin_popcountll(out->edge.size); i++) {
        struct bytes root = read_bytes(&reader, sizeof *out->edge.roots);
        if (reader.ok)
            memcpy(&out->edge.roots[i], root.data, root.size);
    }
    bool right = reader.ok && reader.left.size == 0 && out->edge.size == out->height && out->height > 0 &&
                 out->height <= store->height;
    free(bytes);
    if (!right)
        bb_reason_say(reason, "the checkpoint is of no block of this chain");
    return right ? BB_OK : BB_MALFORMED;
}

uint64_t checkpoint_height(struct store *store, uint64_t *transactions_out)
{
    struct mark mark = {0};
    if (get_mark(store, NULL, &mark) != BB_OK)
        mark = (struct mark){0};
    *transactions_out = mark.transactions;
    return mark.height;
}

/* -- writing ------------------------------------------------------------------------------------------- */

struct writing {
    struct store *store;
    sqlite3_stmt *put, *drop;
    enum status status;
    struct bb_reason *reason;
};

static void put_row(void *context, struct row_key key, struct bytes value)
{
    struct writing *writing = context;
    if (writing->status != BB_OK)
        return;
    sqlite3_stmt *statement = value.size > 0 ? writing->put : writing->drop;
    uint8_t bytes[KEY_BYTES];
    write_key(key, bytes);
    sqlite3_bind_blob(statement, 1, bytes, sizeof bytes, SQLITE_STATIC);
    if (value.size > 0)
        sqlite3_bind_blob64(statement, 2, value.data, value.size, SQLITE_STATIC);
    writing->status =
        database_step(writing->store->database, statement, "writing the state", writing->reason);
}

static void put_changed(struct writing *writing, struct market *market)
{
    struct changed *changed = &writing->store->changed;
    struct row_key *keys = changed_keys(changed);
    for (size_t i = 0; i < changed->count; i++) {
        uint8_t value[MARKET_ROW_MAX];
        size_t size = market_row(market, keys[i], value);
        put_row(writing, keys[i], (struct bytes){value, size});
    }
    free(keys);
}

static enum status put_rows(struct store *store, struct market *market, struct bb_reason *reason)
{
    struct writing writing = {store, NULL, NULL, BB_OK, reason};
    struct database *database = store->database;
    enum status status =
        database_prepare(database, "INSERT OR REPLACE INTO state VALUES (?, ?)", reason, &writing.put);
    if (status == BB_OK)
        status = database_prepare(database, "DELETE FROM state WHERE key = ?", reason, &writing.drop);
    if (status == BB_OK && store->changed.all)
        status = database_run(database, "DELETE FROM state", reason);
    if (status == BB_OK) {
        if (store->changed.all)
            market_rows(market, put_row, &writing);
        else
            put_changed(&writing, market);
        status = writing.status;
    }
    sqlite3_finalize(writing.put);
    sqlite3_finalize(writing.drop);
    return status;
}

static enum status put_run(struct store *store, struct bb_reason *reason)
{
    if (store->tail.count == 0)
        return BB_OK;
    if (store->runs == NULL) {
        enum status status = runs_open(store->database, reason, &store->runs);
        if (status == BB_OK)
            status = runs_clear(store->runs, reason);
        if (status != BB_OK)
            return status;
    }
    struct run_entry *entries = tail_entries(&store->tail);
    enum status status =
        runs_add(store->runs, entries, store->tail.count, store->tail_from, store->height, reason);
    free(entries);
    return status;
}

enum status checkpoint_write(struct store *store, struct chain *chain, struct bb_reason *reason)
{
    struct chain_head head;
    chain_head(chain, &head);
    CHECK(head.height == store->height && head.height > 0);
    struct mark mark = {head.height, head.transactions, *chain_history(chain)};
    enum status status = store_begin(store, reason);
    if (status == BB_OK)
        status = put_rows(store, chain_market(chain), reason);
    if (status == BB_OK)
        status = put_run(store, reason);
    if (status == BB_OK)
        status = put_mark(store, &mark, reason);
    if (status == BB_OK)
        status = store_end(store, reason);
    if (status != BB_OK) {
        database_rollback(store->database);
        store_reindex(store, false);
        return status;
    }
    changed_clear(&store->changed);
    tail_clear(&store->tail);
    store->tail_from = head.height + 1;
    return BB_OK;
}

/* -- reading ------------------------------------------------------------------------------------------- */

static enum status load_rows(struct store *store, struct market *market, struct bb_reason *reason)
{
    sqlite3_stmt *all = NULL;
    enum status status =
        database_prepare(store->database, "SELECT key, value FROM state ORDER BY key", reason, &all);
    if (status != BB_OK)
        return status;
    int code = SQLITE_DONE;
    while (status == BB_OK && (code = sqlite3_step(all)) == SQLITE_ROW) {
        struct row_key key;
        struct bytes bytes = {sqlite3_column_blob(all, 0), (size_t)sqlite3_column_bytes(all, 0)};
        struct bytes value = {sqlite3_column_blob(all, 1), (size_t)sqlite3_column_bytes(all, 1)};
        status = read_key(bytes, &key) ? market_load(market, key, value) : BB_MALFORMED;
    }
    if (status != BB_OK)
        bb_reason_say(reason, "the checkpoint has a row that cannot be");
    else if (code != SQLITE_DONE)
        status = database_status(store->database, code, "reading the state", reason);
    sqlite3_finalize(all);
    return status;
}

enum status checkpoint_resume(struct store *store, struct chain *chain, struct bb_reason *reason)
{
    struct mark mark;
    uint8_t *block;
    size_t size;
    enum status status = get_mark(store, reason, &mark);
    if (status == BB_OK)
        status = store_block(store, mark.height, reason, &block, &size);
    if (status != BB_OK)
        return status;
    status = load_rows(store, chain_market(chain), reason);
    if (status == BB_OK) {
        status = market_loaded(chain_market(chain));
        if (status != BB_OK)
            bb_reason_say(reason, "the rows of the checkpoint do not fit each other");
    }
    if (status == BB_OK) {
        status = chain_resume(chain, (struct bytes){block, BLOCK_HEADER_SIZE}, &mark.edge, mark.transactions);
        if (status != BB_OK)
            bb_reason_say(reason, "the state of the checkpoint is not that of block %llu",
                          (unsigned long long)mark.height);
    }
    free(block);
    if (status == BB_OK)
        changed_clear(&store->changed);
    return status;
}

/* -- comparing ----------------------------------------------------------------------------------------- */

struct comparing {
    sqlite3_stmt *all;
    bool same;
};

static void compare_row(void *context, struct row_key key, struct bytes value)
{
    struct comparing *comparing = context;
    if (!comparing->same || sqlite3_step(comparing->all) != SQLITE_ROW) {
        comparing->same = false;
        return;
    }
    uint8_t bytes[KEY_BYTES];
    write_key(key, bytes);
    struct bytes there = {sqlite3_column_blob(comparing->all, 0),
                          (size_t)sqlite3_column_bytes(comparing->all, 0)};
    struct bytes kept = {sqlite3_column_blob(comparing->all, 1),
                         (size_t)sqlite3_column_bytes(comparing->all, 1)};
    comparing->same = bytes_equal(there, (struct bytes){bytes, sizeof bytes}) && bytes_equal(kept, value);
}

static enum status compare_rows(struct store *store, struct market *market, struct bb_reason *reason)
{
    struct comparing comparing = {NULL, true};
    enum status status = database_prepare(store->database, "SELECT key, value FROM state ORDER BY key",
                                          reason, &comparing.all);
    if (status != BB_OK)
        return status;
    market_rows(market, compare_row, &comparing);
    bool same = comparing.same && sqlite3_step(comparing.all) == SQLITE_DONE;
    sqlite3_finalize(comparing.all);
    if (!same)
        bb_reason_say(reason, "the rows of the checkpoint at block %llu are not those that the contract has",
                      (unsigned long long)checkpoint_height(store, &(uint64_t){0}));
    return same ? BB_OK : BB_MALFORMED;
}

enum status checkpoint_compare(struct store *store, struct chain *chain, struct bb_reason *reason)
{
    struct chain_head head;
    chain_head(chain, &head);
    struct mark mark;
    enum status status = get_mark(store, reason, &mark);
    if (status != BB_OK)
        return status;
    CHECK(mark.height == head.height);
    const struct merkle_edge *edge = chain_history(chain);
    struct hash kept = merkle_root(&mark.edge), right = merkle_root(edge);
    if (mark.transactions != head.transactions || edge->size != mark.edge.size ||
        !hash_equal(&kept, &right)) {
        bb_reason_say(reason, "the checkpoint's history is not that of block %llu",
                      (unsigned long long)head.height);
        return BB_MALFORMED;
    }
    status = compare_rows(store, chain_market(chain), reason);
    if (status != BB_OK || store->runs == NULL)
        return status;
    uint64_t entries, last;
    status = runs_check(store->runs, reason, &entries);
    runs_count(store->runs, &(uint64_t){0}, &last);
    if (status == BB_OK && (last != head.height || entries != head.transactions)) {
        bb_reason_say(reason, "the index of transactions does not end where the checkpoint is");
        status = BB_MALFORMED;
    }
    return status;
}
