/* The history in a real SQLite file, against a plain array: random writes, repetitions, late readings, new
 * processes at any moment, rules that change. */
#include "agents/historian/answer.h"
#include "agents/historian/batch.h"
#include "agents/historian/buckets.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define MINUTE INT64_C(60000000)
#define DAY    INT64_C(86400000000)
/* A midnight. */
#define START  (INT64_C(20700) * DAY)
#define SERIES 4
#define TIMES  3000 /* one every 20 s: 16 hours 40 minutes */
#define STEP   INT64_C(20000000)
#define NOW    (START + 2 * DAY)

static char folder[64], path[96];
static uint64_t seed;
static struct {
    bool there;
    double value;
} model[SERIES][TIMES];
static struct rules rules;
static struct target_settings settings;

static unsigned draw(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/bb-history-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/historian.db", folder);
    settings.path = path;
    memset(model, 0, sizeof model);
    memset(&rules, 0, sizeof rules);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    char name[128];
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
    return rmdir(folder);
}

static void open_history(struct history *h)
{
    struct bb_reason reason = {""};
    history_init(h, &TARGET_SQLITE, &settings, &rules, 100, 3);
    assert_int_equal(history_connect(h, &reason), BB_OK);
}

/* Writes `count` random readings, some of them twice in a batch; the later one counts. */
static void write_some(struct history *h, unsigned count, bool remember)
{
    struct batch batch;
    struct bb_reason reason = {""};
    size_t size;
    uint32_t readings;
    batch_init(&batch);
    for (unsigned i = 0; i < count; i++) {
        char name[16];
        unsigned series = draw(SERIES), at = draw(4) == 0 ? draw(20) : draw(TIMES);
        double value = (double)draw(2000) / 8 - 100;
        snprintf(name, sizeof name, "s/%u", series);
        const struct reading reading = {.series = bytes_of(name),
                                        .time_us = START + at * STEP,
                                        .value = {.kind = VALUE_REAL, .real = value}};
        assert_int_equal(batch_add(&batch, &reading), BB_OK);
        if (remember) {
            model[series][at].there = true;
            model[series][at].value = value;
        }
    }
    uint8_t *data = batch_take(&batch, &size, &readings);
    batch_free(&batch);
    const struct bytes bytes = {data, size};
    assert_int_equal(history_write(h, &bytes, 1, NOW, &reason), BB_OK);
    /* As after a crash between the target and the cache: the same again. */
    if (draw(3) == 0)
        assert_int_equal(history_write(h, &bytes, 1, NOW, &reason), BB_OK);
    free(data);
}

static void expect_buckets(struct history *h, unsigned series, int64_t period, int64_t from, int64_t until)
{
    char name[16];
    struct buckets buckets;
    struct bb_reason reason = {""};
    size_t at = 0;
    snprintf(name, sizeof name, "s/%u", series);
    const struct series *s = series_find(&h->series, bytes_of(name));
    if (s == NULL)
        return;
    assert_int_equal(buckets_collect(h, s, period, from, until, &buckets, &reason), BB_OK);
    for (int64_t start = aggregate_start(from, period); start < until; start += period) {
        struct aggregate wanted = {.start_us = start};
        for (int i = 0; i < TIMES; i++)
            if (model[series][i].there && aggregate_start(START + i * STEP, period) == start)
                aggregate_add(&wanted, model[series][i].value);
        if (wanted.count == 0)
            continue;
        assert_true(at < buckets.count);
        const struct aggregate *got = &buckets.all[at++];
        assert_int_equal(got->start_us, start);
        assert_int_equal(got->count, wanted.count);
        assert_true(fabs(got->sum - wanted.sum) < 1e-9 && fabs(got->min - wanted.min) < 1e-9 &&
                    fabs(got->max - wanted.max) < 1e-9 && fabs(got->first - wanted.first) < 1e-9 &&
                    fabs(got->last - wanted.last) < 1e-9);
    }
    assert_int_equal(at, buckets.count);
    free(buckets.all);
}

static void expect_all(struct history *h)
{
    unsigned series = draw(SERIES);
    expect_buckets(h, series, MINUTE, START + draw(10) * 60 * MINUTE, START + (11 + draw(6)) * 60 * MINUTE);
    expect_buckets(h, series, 15 * MINUTE, START, NOW);
    expect_buckets(h, series, 60 * MINUTE, START, NOW);
    expect_buckets(h, series, DAY, START, NOW);
    expect_buckets(h, series, 7 * MINUTE, START + draw(100) * MINUTE, START + 300 * MINUTE);
}

static void maintain(struct history *h, unsigned steps)
{
    struct bb_reason reason = {""};
    bool more = true;
    while (steps-- > 0 && more)
        assert_int_equal(history_maintain(h, NOW, &more, &reason), BB_OK);
}

static void test_against_an_array(void **state)
{
    struct history h;
    struct bb_reason reason;
    (void)state;
    open_history(&h);
    for (int round = 0; round < 60; round++) {
        if (round == 10)
            assert_int_equal(rules_aggregation(&rules, "s/ 15m 1h", &reason), BB_OK);
        if (round == 40) {
            rules.aggregation_count = 0;
            assert_int_equal(rules_aggregation(&rules, "s/ 1m 15m 1h 1d", &reason), BB_OK);
        }
        if (round % 10 == 0 || draw(4) == 0) {
            history_free(&h);
            open_history(&h);
        }
        write_some(&h, 1 + draw(300), true);
        maintain(&h, draw(6));
        expect_all(&h);
    }
    maintain(&h, 100000);
    for (unsigned series = 0; series < SERIES; series++) {
        expect_buckets(&h, series, MINUTE, START, NOW);
        expect_buckets(&h, series, DAY, START, NOW);
    }
    history_free(&h);
}

static void test_a_failed_write_changes_nothing(void **state)
{
    struct history h, other;
    struct bb_reason reason = {""};
    (void)state;
    open_history(&h);
    open_history(&other);
    write_some(&h, 50, true);
    assert_int_equal(TARGET_SQLITE.begin(other.target, &reason), BB_OK);
    struct batch batch;
    size_t size;
    uint32_t readings;
    batch_init(&batch);
    const struct reading reading = {
        .series = bytes_of("s/0"), .time_us = START, .value = {.kind = VALUE_REAL, .real = 1}};
    assert_int_equal(batch_add(&batch, &reading), BB_OK);
    uint8_t *data = batch_take(&batch, &size, &readings);
    batch_free(&batch);
    const struct bytes bytes = {data, size};
    assert_int_not_equal(history_write(&h, &bytes, 1, NOW, &reason), BB_OK);
    TARGET_SQLITE.rollback(other.target);
    history_disconnect(&h);
    assert_int_equal(history_connect(&h, &reason), BB_OK);
    expect_all(&h);
    const struct bytes cut = {data, size - 1};
    assert_int_equal(history_write(&h, &cut, 1, NOW, &reason), BB_MALFORMED);
    expect_all(&h);
    assert_int_equal(history_write(&h, &bytes, 1, NOW, &reason), BB_OK);
    model[0][0].there = true;
    model[0][0].value = 1;
    expect_all(&h);
    free(data);
    history_free(&h);
    history_free(&other);
}

static void test_retention_waits_for_aggregates(void **state)
{
    struct history h;
    struct bb_reason reason = {""};
    bool more = true;
    (void)state;
    assert_int_equal(rules_aggregation(&rules, "s/ 15m", &reason), BB_OK);
    open_history(&h);
    write_some(&h, 500, true);
    history_free(&h);
    assert_int_equal(rules_retention(&rules, "* 1d", &reason), BB_OK);
    open_history(&h);
    /* Marks of what is to go are worked off before it goes. */
    for (int i = 0; i < 10000 && more; i++) {
        assert_int_equal(history_maintain(&h, NOW + DAY, &more, &reason), BB_OK);
        expect_buckets(&h, draw(SERIES), 15 * MINUTE, START, NOW);
    }
    assert_true(h.trimmed > 0);
    for (unsigned series = 0; series < SERIES; series++) {
        char *json = NULL, params[40];
        snprintf(params, sizeof params, "{\"topic\":\"s/%u\"}", series);
        assert_int_equal(answer_query(&h, params, &json, &reason), BB_OK);
        assert_string_equal(json, "{\"values\":[],\"metadata\":{}}");
        free(json);
        expect_buckets(&h, series, 15 * MINUTE, START, NOW);
    }
    history_free(&h);
}

int main(int argc, char **argv)
{
    const char *given = argc > 1 ? argv[1] : getenv("BUSBAR_SEED");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_against_an_array, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_failed_write_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_retention_waits_for_aggregates, set_up, tear_down)};
    seed = given != NULL ? strtoull(given, NULL, 10) : 20261128;
    print_message("seed %llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
