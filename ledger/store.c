#include "ledger/store.h"

#include "ledger/checksum.h"
#include "ledger/core/genesis.h"
#include "ledger/store_inside.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *sql;
    size_t offset;
} STATEMENTS[] = {{"INSERT OR REPLACE INTO blocks VALUES (?, ?, ?, ?)", offsetof(struct store, insert)},
                  {"BEGIN IMMEDIATE", offsetof(struct store, begin)},
                  {"COMMIT", offsetof(struct store, commit)},
                  {"SELECT hash, sum, bytes FROM blocks WHERE height = ?", offsetof(struct store, select)},
                  {"SELECT hash FROM blocks WHERE height = ?", offsetof(struct store, select_hash)},
                  {"SELECT value FROM meta WHERE name = ?", offsetof(struct store, meta_get)},
                  {"INSERT OR REPLACE INTO meta VALUES (?, ?)", offsetof(struct store, meta_put)}};
#define STATEMENT_COUNT (sizeof STATEMENTS / sizeof *STATEMENTS)

static sqlite3_stmt **statement(struct store *store, size_t i)
{
    return (sqlite3_stmt **)(void *)((char *)store + STATEMENTS[i].offset);
}

static enum status prepare(struct store *store, struct bb_reason *reason)
{
    enum status status = BB_OK;
    for (size_t i = 0; status == BB_OK && i < STATEMENT_COUNT; i++)
        status = database_prepare(store->database, STATEMENTS[i].sql, reason, statement(store, i));
    return status;
}

static void finalize(struct store *store)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(*statement(store, i));
        *statement(store, i) = NULL;
    }
    runs_close(store->runs);
    store->runs = NULL;
}

static enum status damaged(const struct store *store, uint64_t height, const char *what,
                           struct bb_reason *reason)
{
    bb_reason_say(reason, "%s: block %llu %s", store->database->path, (unsigned long long)height, what);
    return BB_MALFORMED;
}

/* Steps `select` to the row of a block, sound as it was written; borrowed until it is reset. */
static enum status row(struct store *store, uint64_t height, struct bb_reason *reason,
                       struct bytes *bytes_out, struct hash *hash_out)
{
    sqlite3_bind_int64(store->select, 1, (int64_t)height);
    int code = sqlite3_step(store->select);
    if (code == SQLITE_DONE)
        return height > store->height ? BB_NOT_FOUND : damaged(store, height, "is missing", reason);
    if (code != SQLITE_ROW)
        return database_status(store->database, code, "reading a block", reason);
    struct bytes hash = {sqlite3_column_blob(store->select, 0),
                         (size_t)sqlite3_column_bytes(store->select, 0)};
    struct bytes bytes = {sqlite3_column_blob(store->select, 2),
                          (size_t)sqlite3_column_bytes(store->select, 2)};
    if (hash.size != sizeof *hash_out || bytes.size < BLOCK_HEADER_SIZE ||
        checksum(height, bytes) != (uint64_t)sqlite3_column_int64(store->select, 1))
        return damaged(store, height, "is damaged: its bytes are not those that were written", reason);
    struct hash computed = block_hash((struct bytes){bytes.data, BLOCK_HEADER_SIZE});
    if (memcmp(&computed, hash.data, sizeof computed) != 0)
        return damaged(store, height, "is damaged: its hash is not the one beside it", reason);
    *bytes_out = bytes;
    *hash_out = computed;
    return BB_OK;
}

enum status store_block(struct store *store, uint64_t height, struct bb_reason *reason, uint8_t **bytes_out,
                        size_t *size_out)
{
    struct bytes bytes;
    struct hash hash;
    if (height == 0 || height > store->height)
        return BB_NOT_FOUND;
    enum status status = row(store, height, reason, &bytes, &hash);
    if (status == BB_OK) {
        uint8_t *copy = malloc(bytes.size);
        CHECK(copy != NULL);
        memcpy(copy, bytes.data, bytes.size);
        *bytes_out = copy;
        *size_out = bytes.size;
    }
    sqlite3_reset(store->select);
    return status;
}

enum status store_block_hash(struct store *store, uint64_t height, struct hash *out)
{
    if (height == 0 || height > store->height)
        return BB_NOT_FOUND;
    sqlite3_bind_int64(store->select_hash, 1, (int64_t)height);
    int code = sqlite3_step(store->select_hash);
    enum status status = BB_OK;
    if (code != SQLITE_ROW)
        status = code == SQLITE_DONE ? BB_MALFORMED : database_status(store->database, code, "hash", NULL);
    else if (sqlite3_column_bytes(store->select_hash, 0) != sizeof *out)
        status = BB_MALFORMED;
    else
        memcpy(out, sqlite3_column_blob(store->select_hash, 0), sizeof *out);
    sqlite3_reset(store->select_hash);
    return status;
}

/* -- meta: u64 sum, value ------------------------------------------------------------------------------ */

enum status store_meta_get(struct store *store, const char *name, struct bb_reason *reason,
                           uint8_t **bytes_out, size_t *size_out)
{
    sqlite3_bind_text(store->meta_get, 1, name, -1, SQLITE_STATIC);
    int code = sqlite3_step(store->meta_get);
    enum status status = BB_NOT_FOUND;
    if (code == SQLITE_ROW) {
        struct reader reader = reader_at((struct bytes){sqlite3_column_blob(store->meta_get, 0),
                                                        (size_t)sqlite3_column_bytes(store->meta_get, 0)});
        uint64_t sum = read_u64(&reader);
        status = reader.ok && sum == checksum(strlen(name), reader.left) ? BB_OK : BB_MALFORMED;
        if (status == BB_OK) {
            uint8_t *copy = malloc(reader.left.size + 1);
            CHECK(copy != NULL);
            if (reader.left.size > 0)
                memcpy(copy, reader.left.data, reader.left.size);
            *bytes_out = copy;
            *size_out = reader.left.size;
        } else {
            bb_reason_say(reason, "%s: the database's %s is damaged", store->database->path, name);
        }
    } else if (code != SQLITE_DONE) {
        status = database_status(store->database, code, name, reason);
    }
    sqlite3_reset(store->meta_get);
    return status;
}

enum status store_meta_put(struct store *store, const char *name, struct bytes value,
                           struct bb_reason *reason)
{
    uint8_t *all = malloc(8 + value.size);
    CHECK(all != NULL);
    struct writer writer = writer_at(all, 8 + value.size);
    write_u64(&writer, checksum(strlen(name), value));
    write_bytes(&writer, value);
    sqlite3_bind_text(store->meta_put, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_blob64(store->meta_put, 2, all, writer.size, SQLITE_STATIC);
    enum status status = database_step(store->database, store->meta_put, name, reason);
    sqlite3_clear_bindings(store->meta_put);
    free(all);
    return status;
}

/* -- the index ----------------------------------------------------------------------------------------- */

static void add_to_tail(struct store *store, uint64_t height, struct bytes bytes)
{
    struct block block;
    if (block_decode(bytes, &block) != BB_OK)
        return;
    struct reader reader = reader_at(block.receipts);
    for (uint32_t i = 0; i < block.header.count; i++) {
        struct bytes receipt = block_next_receipt(&reader);
        struct hash id;
        if (receipt.size < sizeof id)
            return;
        memcpy(&id, receipt.data, sizeof id);
        tail_add(&store->tail, runs_entry(&id, height, i));
    }
}

/* A block that cannot be read here is found, and named, by whoever replays it. */
static void read_tail(struct store *store)
{
    tail_clear(&store->tail);
    for (uint64_t height = store->tail_from; height <= store->height; height++) {
        struct bytes bytes;
        struct hash hash;
        if (row(store, height, NULL, &bytes, &hash) == BB_OK)
            add_to_tail(store, height, bytes);
        sqlite3_reset(store->select);
    }
}

static bool discard_runs(struct store *store)
{
    if (!store->database->write || store->runs == NULL ||
        database_run(store->database, "BEGIN IMMEDIATE", NULL) != BB_OK)
        return false;
    if (runs_clear(store->runs, NULL) == BB_OK && database_run(store->database, "COMMIT", NULL) == BB_OK)
        return true;
    database_rollback(store->database);
    return false;
}

void store_reindex(struct store *store, bool discard)
{
    uint64_t entries, last = 0;
    runs_close(store->runs);
    store->runs = NULL;
    if (runs_open(store->database, NULL, &store->runs) != BB_OK)
        store->runs = NULL;
    else
        runs_count(store->runs, &entries, &last);
    if (last > store->height || (discard && !discard_runs(store))) {
        runs_close(store->runs);
        store->runs = NULL;
    }
    store->tail_from = discard || store->runs == NULL ? 1 : last + 1;
    read_tail(store);
}

struct search {
    struct store *store;
    const struct hash *id;
    uint64_t height;
    uint32_t index;
    enum status status;
};

/* The block of that height in store->seen. */
static enum status see(struct store *store, uint64_t height)
{
    if (store->seen_height == height)
        return BB_OK;
    uint8_t *bytes;
    size_t size;
    enum status status = store_block(store, height, NULL, &bytes, &size);
    if (status != BB_OK)
        return status;
    free(store->seen);
    store->seen = bytes;
    store->seen_size = size;
    store->seen_height = height;
    return BB_OK;
}

/* The entry holds a part of the id only: what counts is what the block says. */
static bool is_there(void *context, uint64_t height, uint32_t index)
{
    struct search *search = context;
    struct block block;
    enum status status = see(search->store, height);
    if (status == BB_OK)
        status = block_decode((struct bytes){search->store->seen, search->store->seen_size}, &block);
    if (status != BB_OK) {
        search->status = status == BB_NOT_FOUND ? BB_MALFORMED : status;
        return false;
    }
    if (index >= block.header.count)
        return false;
    struct reader reader = reader_at(block.receipts);
    struct bytes receipt = {NULL, 0};
    for (uint32_t i = 0; i <= index; i++)
        receipt = block_next_receipt(&reader);
    if (receipt.size < sizeof *search->id || memcmp(receipt.data, search->id, sizeof *search->id) != 0)
        return false;
    search->height = height;
    search->index = index;
    return true;
}

enum status store_find(struct store *store, const struct hash *id, uint64_t *height_out, uint32_t *index_out)
{
    struct search search = {store, id, 0, 0, BB_NOT_FOUND};
    uint64_t prefix = runs_entry(id, 0, 0).prefix;
    bool found = tail_find(&store->tail, prefix, is_there, &search);
    if (!found && store->runs != NULL) {
        enum status status = runs_find(store->runs, prefix, is_there, &search, NULL);
        found = status == BB_OK;
        if (status == BB_MALFORMED) {
            store_reindex(store, true);
            found = tail_find(&store->tail, prefix, is_there, &search);
        } else if (status != BB_OK && status != BB_NOT_FOUND) {
            search.status = status;
        }
    }
    if (!found)
        return search.status;
    *height_out = search.height;
    *index_out = search.index;
    return BB_OK;
}

/* -- appending ----------------------------------------------------------------------------------------- */

static enum status fail(struct store *store, enum status status, struct bb_reason *reason)
{
    database_rollback(store->database);
    store->failed = true;
    store->doubt = store->doubt || status == BB_IO;
    if (reason != NULL)
        *reason = store->trouble;
    return status;
}

/* The head stands a second time in the table meta, so that a chain that has lost its end is noticed. */
static enum status put_head(struct store *store, uint64_t height, const struct hash *hash)
{
    uint8_t bytes[8 + sizeof *hash];
    struct writer writer = writer_at(bytes, sizeof bytes);
    write_u64(&writer, height);
    write_bytes(&writer, (struct bytes){hash->bytes, sizeof hash->bytes});
    return store_meta_put(store, "head", written(&writer), &store->trouble);
}

static enum status check_head(struct store *store, struct bb_reason *reason)
{
    uint8_t *bytes;
    size_t size;
    enum status status = store_meta_get(store, "head", reason, &bytes, &size);
    if (status == BB_NOT_FOUND)
        return store->height == 0 ? BB_OK
                                  : damaged(store, store->height, "is not said to be the last", reason);
    if (status != BB_OK)
        return status;
    struct reader reader = reader_at((struct bytes){bytes, size});
    uint64_t height = read_u64(&reader);
    bool same = height == store->height && reader.left.size == sizeof store->head &&
                memcmp(reader.left.data, &store->head, sizeof store->head) == 0;
    free(bytes);
    return same ? BB_OK : damaged(store, height, "should be the last, and is not", reason);
}

static enum status find_head(struct store *store, struct bb_reason *reason)
{
    sqlite3_stmt *max = NULL;
    enum status status = database_prepare(store->database, "SELECT max(height) FROM blocks", reason, &max);
    if (status != BB_OK)
        return status;
    int code = sqlite3_step(max);
    if (code == SQLITE_ROW)
        store->height = (uint64_t)sqlite3_column_int64(max, 0);
    else
        status =
            database_status(store->database, code == SQLITE_DONE ? SQLITE_CORRUPT : code, "head", reason);
    sqlite3_finalize(max);
    if (status == BB_OK && store->height > 0)
        status = store_block_hash(store, store->height, &store->head);
    if (status == BB_MALFORMED)
        return damaged(store, store->height, "has no hash beside it", reason);
    return status == BB_OK ? check_head(store, reason) : status;
}

/* What the file says after a write whose outcome nobody knows. */
static enum status look_again(struct store *store)
{
    finalize(store);
    enum status status = database_reopen(store->database, &store->trouble);
    uint64_t height = store->height;
    struct hash head = store->head;
    if (status == BB_OK)
        status = prepare(store, &store->trouble);
    if (status == BB_OK)
        status = find_head(store, &store->trouble);
    if (status != BB_OK)
        return status;
    if (store->height < height || store->height > height + 1)
        return damaged(store, height, "is no longer the last, or gone", &store->trouble);
    store->head = head;
    store->height =
        height; /* the block in question is written once more, so that it is on the disk for sure */
    store_reindex(store, false);
    return BB_OK;
}

static enum status insert_block(struct store *store, uint64_t height, const struct hash *hash,
                                struct bytes block)
{
    sqlite3_bind_int64(store->insert, 1, (int64_t)height);
    sqlite3_bind_blob(store->insert, 2, hash, sizeof *hash, SQLITE_STATIC);
    sqlite3_bind_int64(store->insert, 3, (int64_t)checksum(height, block));
    sqlite3_bind_blob64(store->insert, 4, block.data, block.size, SQLITE_STATIC);
    enum status status = database_step(store->database, store->insert, "appending a block", &store->trouble);
    sqlite3_clear_bindings(store->insert);
    return status == BB_OK ? put_head(store, height, hash) : status;
}

/* One transaction of the database, or a part of the one that store_begin has opened. */
static enum status write_block(struct store *store, uint64_t height, const struct hash *hash,
                               struct bytes block)
{
    if (!sqlite3_get_autocommit(store->database->handle))
        return insert_block(store, height, hash, block);
    enum status status = database_step(store->database, store->begin, "BEGIN", &store->trouble);
    if (status == BB_OK)
        status = insert_block(store, height, hash, block);
    if (status == BB_OK)
        status = database_step(store->database, store->commit, "COMMIT", &store->trouble);
    return status;
}

enum status store_append(struct store *store, uint64_t height, const struct hash *hash, struct bytes block,
                         struct bb_reason *reason)
{
    CHECK(store->database->write);
    struct block form;
    if (block_decode(block, &form) != BB_OK || form.header.height != height) {
        bb_reason_say(reason, "these are not the bytes of block %llu", (unsigned long long)height);
        return BB_MALFORMED;
    }
    if (store->doubt) {
        enum status status = look_again(store);
        if (status != BB_OK)
            return fail(store, BB_IO, reason);
    }
    if (height <= store->height) {
        struct hash there;
        enum status status = store_block_hash(store, height, &there);
        return status != BB_OK ? status : hash_equal(&there, hash) ? BB_OK : BB_EXISTS;
    }
    if (height != store->height + 1) {
        bb_reason_say(reason, "block %llu does not follow block %llu", (unsigned long long)height,
                      (unsigned long long)store->height);
        return BB_RANGE;
    }
    enum status status = write_block(store, height, hash, block);
    if (status != BB_OK)
        return fail(store, status, reason);
    store->failed = store->doubt = false;
    store->height = height;
    store->head = *hash;
    add_to_tail(store, height, block);
    return BB_OK;
}

bool store_failed(const struct store *store)
{
    return store->failed;
}

const char *store_trouble(const struct store *store)
{
    return store->failed ? store->trouble.text : "";
}

enum status store_probe(struct store *store, struct bb_reason *reason)
{
    static const uint8_t weight[65536]; /* a disk with room for this has room for a small block */
    if (!store->failed)
        return BB_OK;
    if (store->doubt)
        return BB_EXISTS;
    enum status status = database_run(store->database, "BEGIN IMMEDIATE", &store->trouble);
    if (status == BB_OK)
        status = store_meta_put(store, "probe", (struct bytes){weight, sizeof weight}, &store->trouble);
    if (status == BB_OK)
        status = database_run(store->database, "COMMIT", &store->trouble);
    if (status == BB_OK)
        status = database_run(store->database, "DELETE FROM meta WHERE name = 'probe'", &store->trouble);
    if (status != BB_OK) {
        database_rollback(store->database);
        if (reason != NULL)
            *reason = store->trouble;
        return status;
    }
    store->failed = false;
    return BB_OK;
}

enum status store_begin(struct store *store, struct bb_reason *reason)
{
    return database_run(store->database, "BEGIN IMMEDIATE", reason);
}

enum status store_end(struct store *store, struct bb_reason *reason)
{
    enum status status = database_run(store->database, "COMMIT", reason);
    if (status != BB_OK)
        database_rollback(store->database);
    return status;
}

/* -- opening ------------------------------------------------------------------------------------------- */

/* The genesis that the database has, or the one that it gets. */
static enum status take_genesis(struct store *store, struct bytes genesis, struct bb_reason *reason)
{
    enum status status = store_meta_get(store, "genesis", reason, &store->genesis, &store->genesis_size);
    if (status == BB_NOT_FOUND && genesis.size > 0 && store->height == 0 && store->database->write) {
        status = store_meta_put(store, "genesis", genesis, reason);
        if (status == BB_OK)
            status = store_meta_get(store, "genesis", reason, &store->genesis, &store->genesis_size);
    }
    if (status == BB_NOT_FOUND)
        bb_reason_say(reason, "%s: there is no genesis in it", store->database->path);
    if (status == BB_NOT_FOUND && store->height > 0)
        return BB_MALFORMED;
    if (status == BB_OK && genesis.size > 0 && !bytes_equal(genesis, store_genesis(store))) {
        bb_reason_say(reason, "%s: this chain began with another genesis", store->database->path);
        return BB_MALFORMED;
    }
    return status;
}

/* Block 1 must name the genesis: everything else hangs on it. */
static enum status check_first(struct store *store, struct bb_reason *reason)
{
    struct hash genesis = genesis_hash(store_genesis(store));
    if (store->height == 0) {
        store->head = genesis;
        return BB_OK;
    }
    struct bytes bytes;
    struct hash hash;
    struct block_header header;
    enum status status = row(store, 1, reason, &bytes, &hash);
    if (status == BB_OK &&
        (block_header_decode((struct bytes){bytes.data, BLOCK_HEADER_SIZE}, &header) != BB_OK ||
         !hash_equal(&header.previous, &genesis)))
        status = damaged(store, 1, "does not follow from the genesis beside it", reason);
    sqlite3_reset(store->select);
    return status;
}

enum status store_open(const char *path, enum store_mode mode, struct bytes genesis, struct bb_reason *reason,
                       struct store **out)
{
    struct store *store = calloc(1, sizeof *store);
    CHECK(store != NULL);
    enum status status = database_open(path, mode == STORE_WRITE, reason, &store->database);
    if (status == BB_OK && mode == STORE_READ) /* one snapshot for as long as it is open */
        status = database_run(store->database, "BEGIN", reason);
    if (status == BB_OK)
        status = prepare(store, reason);
    if (status == BB_OK)
        status = find_head(store, reason);
    if (status == BB_OK)
        status = take_genesis(store, genesis, reason);
    if (status == BB_OK)
        status = check_first(store, reason);
    if (status != BB_OK) {
        store_close(store);
        return status;
    }
    changed_everything(&store->changed);
    store_reindex(store, false);
    *out = store;
    return BB_OK;
}

void store_close(struct store *store)
{
    if (store == NULL)
        return;
    finalize(store);
    if (store->database != NULL)
        database_rollback(store->database);
    database_close(store->database);
    tail_clear(&store->tail);
    changed_clear(&store->changed);
    free(store->genesis);
    free(store->seen);
    free(store);
}

struct bytes store_genesis(const struct store *store)
{
    return (struct bytes){store->genesis, store->genesis_size};
}

uint64_t store_height(const struct store *store)
{
    return store->height;
}
