#include "ledger/runs.h"

#include "ledger/checksum.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_MAX    128 /* seven of each of eighteen levels: more than 2^63 entries */
#define FAN         8   /* runs of a level that become one of the next */
#define BUCKET      256 /* entries of a bucket, on average */
#define BITS_MAX    24
#define ENTRY_BYTES 16

struct run {
    int64_t number;
    uint32_t level, bits;
    uint64_t entries, first, last;
};

struct runs {
    struct database *database;
    struct run runs[RUNS_MAX]; /* ascending by number */
    size_t count;
    sqlite3_stmt *get, *put, *drop, *insert, *forget;
};

/* A growing list of entries. */
struct list {
    struct run_entry *entries;
    size_t count, capacity;
};

struct run_entry runs_entry(const struct hash *id, uint64_t height, uint32_t index)
{
    uint64_t prefix = 0;
    for (size_t i = 0; i < 8; i++)
        prefix = prefix << 8 | id->bytes[i];
    return (struct run_entry){prefix, height << 12 | index};
}

static int by_prefix(const void *a, const void *b)
{
    const struct run_entry *x = a, *y = b;
    if (x->prefix != y->prefix)
        return x->prefix < y->prefix ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* Which of 2^bits buckets a prefix is in. */
static uint32_t bucket_of(uint64_t prefix, uint32_t bits)
{
    return bits == 0 ? 0 : (uint32_t)(prefix >> (64 - bits));
}

static int64_t place_of(const struct run *run, uint32_t bucket)
{
    return run->number << BITS_MAX | bucket;
}

static uint32_t bits_for(uint64_t entries)
{
    uint32_t bits = 0;
    while (bits < BITS_MAX && entries >> bits > BUCKET)
        bits++;
    return bits;
}

static enum status load(struct runs *runs, struct bb_reason *reason)
{
    sqlite3_stmt *all = NULL;
    enum status status = database_prepare(
        runs->database, "SELECT run, level, bits, entries, first, last FROM runs ORDER BY run", reason, &all);
    if (status != BB_OK)
        return status;
    int code;
    while ((code = sqlite3_step(all)) == SQLITE_ROW && runs->count < RUNS_MAX) {
        struct run run = {sqlite3_column_int64(all, 0),           (uint32_t)sqlite3_column_int64(all, 1),
                          (uint32_t)sqlite3_column_int64(all, 2), (uint64_t)sqlite3_column_int64(all, 3),
                          (uint64_t)sqlite3_column_int64(all, 4), (uint64_t)sqlite3_column_int64(all, 5)};
        if (run.number < 0 || run.number >> 38 != 0 || run.bits > BITS_MAX || run.level > 32 ||
            run.first > run.last)
            break;
        runs->runs[runs->count++] = run;
    }
    if (code == SQLITE_ROW) {
        bb_reason_say(reason, "%s: the list of the index' runs makes no sense", runs->database->path);
        status = BB_MALFORMED;
    } else if (code != SQLITE_DONE) {
        status = database_status(runs->database, code, "reading the index' runs", reason);
    }
    sqlite3_finalize(all);
    return status;
}

enum status runs_open(struct database *database, struct bb_reason *reason, struct runs **out)
{
    struct runs *runs = calloc(1, sizeof *runs);
    CHECK(runs != NULL);
    runs->database = database;
    struct {
        const char *sql;
        sqlite3_stmt **statement;
    } table[] = {{"SELECT entries FROM buckets WHERE place = ?", &runs->get},
                 {"INSERT INTO buckets VALUES (?, ?)", &runs->put},
                 {"DELETE FROM buckets WHERE place >= ? AND place <= ?", &runs->drop},
                 {"INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?)", &runs->insert},
                 {"DELETE FROM runs WHERE run = ?", &runs->forget}};
    enum status status = BB_OK;
    for (size_t i = 0; status == BB_OK && i < sizeof table / sizeof *table; i++)
        status = database_prepare(database, table[i].sql, reason, table[i].statement);
    if (status == BB_OK)
        status = load(runs, reason);
    if (status != BB_OK) {
        runs_close(runs);
        return status;
    }
    *out = runs;
    return BB_OK;
}

void runs_close(struct runs *runs)
{
    if (runs == NULL)
        return;
    sqlite3_stmt *all[] = {runs->get, runs->put, runs->drop, runs->insert, runs->forget};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        sqlite3_finalize(all[i]);
    free(runs);
}

size_t runs_count(const struct runs *runs, uint64_t *entries_out, uint64_t *last_out)
{
    *last_out = runs->count == 0 ? 0 : runs->runs[runs->count - 1].last;
    *entries_out = 0;
    for (size_t i = 0; i < runs->count; i++)
        *entries_out += runs->runs[i].entries;
    return runs->count;
}

/* Writes one bucket: u64 sum, then the entries. */
static enum status put_bucket(struct runs *runs, const struct run *run, uint32_t bucket,
                              const struct run_entry *entries, size_t count, struct bb_reason *reason)
{
    size_t size = 8 + count * ENTRY_BYTES;
    uint8_t *bytes = malloc(size);
    CHECK(bytes != NULL);
    struct writer writer = writer_at(bytes + 8, size - 8);
    for (size_t i = 0; i < count; i++) {
        write_u64(&writer, entries[i].prefix);
        write_u64(&writer, entries[i].place);
    }
    struct writer head = writer_at(bytes, 8);
    write_u64(&head, checksum((uint64_t)place_of(run, bucket), written(&writer)));
    sqlite3_bind_int64(runs->put, 1, place_of(run, bucket));
    sqlite3_bind_blob64(runs->put, 2, bytes, size, SQLITE_STATIC);
    enum status status = database_step(runs->database, runs->put, "writing the index", reason);
    sqlite3_clear_bindings(runs->put);
    free(bytes);
    return status;
}

/* The entries of one bucket, borrowed until sqlite3_reset(runs->get), checked. */
static enum status get_bucket(struct runs *runs, const struct run *run, uint32_t bucket,
                              struct bb_reason *reason, struct bytes *out)
{
    sqlite3_bind_int64(runs->get, 1, place_of(run, bucket));
    int code = sqlite3_step(runs->get);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
        enum status status = database_status(runs->database, code, "reading the index", reason);
        sqlite3_reset(runs->get);
        return status;
    }
    struct bytes all = {NULL, 0};
    if (code == SQLITE_ROW)
        all = (struct bytes){sqlite3_column_blob(runs->get, 0), (size_t)sqlite3_column_bytes(runs->get, 0)};
    struct reader reader = reader_at(all);
    uint64_t sum = read_u64(&reader);
    if (!reader.ok || reader.left.size % ENTRY_BYTES != 0 ||
        sum != checksum((uint64_t)place_of(run, bucket), reader.left)) {
        bb_reason_say(reason, "%s: the index of transactions is damaged (run %lld, bucket %u)",
                      runs->database->path, (long long)run->number, bucket);
        sqlite3_reset(runs->get);
        return BB_MALFORMED;
    }
    *out = reader.left;
    return BB_OK;
}

static struct run_entry entry_at(struct bytes entries, size_t i)
{
    struct reader reader = reader_at((struct bytes){entries.data + i * ENTRY_BYTES, ENTRY_BYTES});
    uint64_t prefix = read_u64(&reader);
    return (struct run_entry){prefix, read_u64(&reader)};
}

/* Writes sorted entries as buckets `from` to `to` of a run. */
static enum status put_buckets(struct runs *runs, const struct run *run, uint32_t from, uint32_t to,
                               const struct run_entry *entries, size_t count, struct bb_reason *reason)
{
    enum status status = BB_OK;
    size_t at = 0;
    for (uint32_t bucket = from; status == BB_OK && bucket <= to; bucket++) {
        size_t end = at;
        while (end < count && bucket_of(entries[end].prefix, run->bits) == bucket)
            end++;
        status = put_bucket(runs, run, bucket, entries + at, end - at, reason);
        at = end;
    }
    return status;
}

static enum status put_run(struct runs *runs, const struct run *run, struct bb_reason *reason)
{
    const int64_t values[] = {run->number,           run->level,          run->bits,
                              (int64_t)run->entries, (int64_t)run->first, (int64_t)run->last};
    for (int i = 0; i < 6; i++)
        sqlite3_bind_int64(runs->insert, i + 1, values[i]);
    CHECK(runs->count < RUNS_MAX);
    runs->runs[runs->count++] = *run;
    return database_step(runs->database, runs->insert, "writing the index' runs", reason);
}

static enum status drop_run(struct runs *runs, const struct run *run, struct bb_reason *reason)
{
    sqlite3_bind_int64(runs->drop, 1, place_of(run, 0));
    sqlite3_bind_int64(runs->drop, 2, place_of(run, (UINT32_C(1) << BITS_MAX) - 1));
    enum status status = database_step(runs->database, runs->drop, "dropping a merged run", reason);
    sqlite3_bind_int64(runs->forget, 1, run->number);
    return status == BB_OK ? database_step(runs->database, runs->forget, "dropping a merged run", reason)
                           : status;
}

/* Appends the entries of bucket `coarse` of 2^bits of one run (several buckets when it has more of them). */
static enum status gather(struct runs *runs, const struct run *run, uint32_t coarse, uint32_t bits,
                          struct list *list, struct bb_reason *reason)
{
    uint32_t finer = run->bits - bits;
    for (uint32_t k = 0; k < UINT32_C(1) << finer; k++) {
        struct bytes entries;
        enum status status = get_bucket(runs, run, coarse << finer | k, reason, &entries);
        if (status != BB_OK)
            return status;
        size_t count = entries.size / ENTRY_BYTES;
        if (list->count + count > list->capacity) {
            list->capacity = (list->count + count) * 2;
            list->entries = realloc(list->entries, list->capacity * sizeof *list->entries);
            CHECK(list->entries != NULL);
        }
        for (size_t i = 0; i < count; i++)
            list->entries[list->count++] = entry_at(entries, i);
        sqlite3_reset(runs->get);
    }
    return BB_OK;
}

/* Makes one run out of all runs from `at` on; memory for one coarse bucket at a time. */
static enum status merge(struct runs *runs, size_t at, struct bb_reason *reason)
{
    size_t count = runs->count - at;
    struct run *parts = runs->runs + at;
    struct run made = {runs->runs[runs->count - 1].number + 1,
                       parts[0].level + 1,
                       0,
                       0,
                       parts[0].first,
                       parts[count - 1].last};
    uint32_t bits = BITS_MAX;
    for (size_t i = 0; i < count; i++) {
        made.entries += parts[i].entries;
        bits = parts[i].bits < bits ? parts[i].bits : bits;
    }
    made.bits = bits_for(made.entries);
    struct list list = {NULL, 0, 0};
    enum status status = BB_OK;
    for (uint32_t coarse = 0; status == BB_OK && coarse < UINT32_C(1) << bits; coarse++) {
        list.count = 0;
        for (size_t i = 0; status == BB_OK && i < count; i++)
            status = gather(runs, &parts[i], coarse, bits, &list, reason);
        if (status != BB_OK)
            break;
        if (list.count > 1)
            qsort(list.entries, list.count, sizeof *list.entries, by_prefix);
        uint32_t finer = made.bits - bits;
        status = put_buckets(runs, &made, coarse << finer, ((coarse + 1) << finer) - 1, list.entries,
                             list.count, reason);
    }
    free(list.entries);
    for (size_t i = 0; status == BB_OK && i < count; i++)
        status = drop_run(runs, &parts[i], reason);
    if (status != BB_OK)
        return status;
    runs->count = at;
    return put_run(runs, &made, reason);
}

/* Merges while the last FAN runs are of one level: levels never rise from old to new. */
static enum status settle(struct runs *runs, struct bb_reason *reason)
{
    while (runs->count >= FAN && runs->runs[runs->count - FAN].level == runs->runs[runs->count - 1].level) {
        enum status status = merge(runs, runs->count - FAN, reason);
        if (status != BB_OK)
            return status;
    }
    return BB_OK;
}

enum status runs_add(struct runs *runs, struct run_entry *entries, size_t count, uint64_t first,
                     uint64_t last, struct bb_reason *reason)
{
    if (runs->count == RUNS_MAX)
        return BB_FULL;
    int64_t number = runs->count == 0 ? 1 : runs->runs[runs->count - 1].number + 1;
    struct run run = {number, 0, bits_for(count), count, first, last};
    if (count > 1)
        qsort(entries, count, sizeof *entries, by_prefix);
    enum status status = put_buckets(runs, &run, 0, (UINT32_C(1) << run.bits) - 1, entries, count, reason);
    if (status == BB_OK)
        status = put_run(runs, &run, reason);
    return status == BB_OK ? settle(runs, reason) : status;
}

/* The hits of one bucket: a binary search for the first, then along. */
static bool search(struct bytes entries, uint64_t prefix, runs_match *match, void *context)
{
    size_t low = 0, high = entries.size / ENTRY_BYTES;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (entry_at(entries, middle).prefix < prefix)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < entries.size / ENTRY_BYTES; low++) {
        struct run_entry entry = entry_at(entries, low);
        if (entry.prefix != prefix)
            return false;
        if (match(context, runs_height(entry.place), runs_index(entry.place)))
            return true;
    }
    return false;
}

enum status runs_find(struct runs *runs, uint64_t prefix, runs_match *match, void *context,
                      struct bb_reason *reason)
{
    for (size_t i = runs->count; i > 0; i--) {
        const struct run *run = &runs->runs[i - 1];
        struct bytes entries;
        enum status status = get_bucket(runs, run, bucket_of(prefix, run->bits), reason, &entries);
        if (status != BB_OK)
            return status;
        bool found = search(entries, prefix, match, context);
        sqlite3_reset(runs->get);
        if (found)
            return BB_OK;
    }
    return BB_NOT_FOUND;
}

static enum status out_of_place(const struct runs *runs, const struct run *run, struct bb_reason *reason)
{
    bb_reason_say(reason, "%s: the index of transactions is damaged: run %lld is not what it says",
                  runs->database->path, (long long)run->number);
    return BB_MALFORMED;
}

static enum status check_run(struct runs *runs, const struct run *run, struct bb_reason *reason)
{
    uint64_t count = 0;
    struct run_entry last = {0, 0};
    for (uint32_t bucket = 0; bucket < UINT32_C(1) << run->bits; bucket++) {
        struct bytes entries;
        enum status status = get_bucket(runs, run, bucket, reason, &entries);
        if (status != BB_OK)
            return status;
        bool right = true;
        for (size_t i = 0; right && i < entries.size / ENTRY_BYTES; i++, count++) {
            struct run_entry entry = entry_at(entries, i);
            uint64_t height = runs_height(entry.place);
            right = bucket_of(entry.prefix, run->bits) == bucket && by_prefix(&last, &entry) <= 0 &&
                    height >= run->first && height <= run->last;
            last = entry;
        }
        sqlite3_reset(runs->get);
        if (!right)
            return out_of_place(runs, run, reason);
    }
    return count == run->entries ? BB_OK : out_of_place(runs, run, reason);
}
enum status runs_check(struct runs *runs, struct bb_reason *reason, uint64_t *entries_out)
{
    uint64_t entries = 0, next = 1;
    for (size_t seen = 0; seen < runs->count; seen++) {
        const struct run *run = NULL;
        for (size_t i = 0; i < runs->count; i++)
            if (runs->runs[i].first == next)
                run = &runs->runs[i];
        if (run == NULL) {
            bb_reason_say(reason, "%s: the index of transactions has no run from block %llu on",
                          runs->database->path, (unsigned long long)next);
            return BB_MALFORMED;
        }
        enum status status = check_run(runs, run, reason);
        if (status != BB_OK)
            return status;
        entries += run->entries;
        next = run->last + 1;
    }
    *entries_out = entries;
    return BB_OK;
}

enum status runs_clear(struct runs *runs, struct bb_reason *reason)
{
    runs->count = 0;
    return database_run(runs->database, "DELETE FROM buckets; DELETE FROM runs", reason);
}
