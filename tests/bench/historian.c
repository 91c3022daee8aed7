#include "tests/bench/historian.h"

#include "agents/historian/batch.h"
#include "agents/historian/history.h"

#include <busbar/check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BATCH 5000
#define START INT64_C(1790000000000000)

struct bench {
    struct history history;
    struct batch batch;
    char folder[64], path[96];
    double encode_s, write_s, read_s;
    uint64_t read;
};

static double now_s(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Readings first … first + BATCH: all series in turn, one a second each. */
static struct bytes make_batch(struct bench *b, long first, long series)
{
    char name[48];
    size_t size;
    uint32_t readings;
    for (long i = first; i < first + BATCH; i++) {
        int length = snprintf(name, sizeof name, "campus/building%ld/device%ld/point%ld", i % series / 100,
                              i % series / 10 % 10, i % series % 10);
        const struct reading reading = {
            .series = {(const uint8_t *)name, (size_t)length},
            .time_us = START + i / series * 1000000,
            .value = {.kind = VALUE_REAL, .real = (double)(i * 7919 % 10007) / 100}};
        CHECK(batch_add(&b->batch, &reading) == BB_OK);
    }
    uint8_t *data = batch_take(&b->batch, &size, &readings);
    return (struct bytes){data, size};
}

static void write_all(struct bench *b, long readings, long series)
{
    struct bb_reason reason;
    for (long first = 0; first < readings; first += BATCH) {
        double begin = now_s();
        struct bytes batch = make_batch(b, first, series);
        double made = now_s();
        CHECK(history_write(&b->history, &batch, 1, START + INT64_C(86400000000), &reason) == BB_OK);
        b->encode_s += made - begin;
        b->write_s += now_s() - made;
        free((void *)(uintptr_t)batch.data);
    }
}

static bool on_reading(void *context, int64_t time_us, const struct value *value)
{
    struct bench *b = context;
    (void)time_us, (void)value;
    b->read++;
    return true;
}

static void read_one(struct bench *b)
{
    struct bb_reason reason;
    const struct target_range range = {b->history.series.all[0]->id, 0, INT64_MAX, false, UINT32_MAX};
    double begin = now_s();
    CHECK(b->history.ops->readings_get(b->history.target, &range, on_reading, b, &reason) == BB_OK);
    b->read_s = now_s() - begin;
}

static void run(struct bench *b, long readings, long series, const char *aggregation)
{
    static struct rules rules;
    struct target_settings settings = {.path = b->path};
    struct bb_reason reason;
    struct stat about;
    if (aggregation != NULL)
        CHECK(rules_aggregation(&rules, aggregation, &reason) == BB_OK);
    history_init(&b->history, &TARGET_SQLITE, &settings, &rules, 1000000, 1);
    CHECK(history_connect(&b->history, &reason) == BB_OK);
    batch_init(&b->batch);
    write_all(b, readings, series);
    read_one(b);
    history_free(&b->history);
    batch_free(&b->batch);
    CHECK(stat(b->path, &about) == 0);
    json_t *result =
        json_pack("{s:I, s:I, s:i, s:f, s:f, s:f, s:f}", "readings", (json_int_t)readings, "series",
                  (json_int_t)series, "batch", BATCH, "written_per_s", (double)readings / b->write_s,
                  "encoded_per_s", (double)readings / b->encode_s, "read_per_s", (double)b->read / b->read_s,
                  "bytes_per_reading", (double)about.st_size / (double)readings);
    json_dumpf(result, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(result);
}

int historian_bench(int argc, char **argv)
{
    static struct bench bench;
    long readings = argc > 1 ? strtol(argv[1], NULL, 10) : 1000000;
    long series = argc > 2 ? strtol(argv[2], NULL, 10) : 1000;
    if (argc > 4 || readings < BATCH || readings > 1000000000 || series < 1 || series > 1000000) {
        fputs("usage: busbar-bench historian [READINGS [SERIES [\"* 1m 15m\"]]]: into an SQLite file below "
              "TMPDIR,\n"
              "readings of 1000 series without it, with these aggregates marked\n",
              stderr);
        return 2;
    }
    const char *tmp = getenv("TMPDIR");
    snprintf(bench.folder, sizeof bench.folder, "%.40s/bb-bench-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    CHECK(mkdtemp(bench.folder) != NULL);
    snprintf(bench.path, sizeof bench.path, "%s/historian.db", bench.folder);
    run(&bench, readings - readings % BATCH, series, argc > 3 ? argv[3] : NULL);
    unlink(bench.path);
    rmdir(bench.folder);
    return 0;
}
