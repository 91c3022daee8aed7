/* The index: runs against a plain array, over many merges; ids with equal beginnings; damage. */
#include "ledger/changed.h"
#include "ledger/runs.h"
#include "ledger/tail.h"
#include "tests/ledger/store/folder.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <stdlib.h>

static uint64_t seed;

struct world {
    struct folder folder;
    char path[128];
    struct database *database;
    struct runs *runs;
};

static int make(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    folder_make(&world->folder, true);
    folder_file(&world->folder, "index.db", world->path);
    assert_int_equal(database_open(world->path, true, NULL, &world->database), BB_OK);
    assert_int_equal(runs_open(world->database, NULL, &world->runs), BB_OK);
    *state = world;
    return 0;
}

static int unmake(void **state)
{
    struct world *world = *state;
    runs_close(world->runs);
    database_close(world->database);
    folder_remove(&world->folder);
    free(world);
    return 0;
}

static struct run_entry any_entry(uint64_t height, uint32_t index)
{
    struct hash id;
    for (size_t i = 0; i < sizeof id.bytes; i++)
        id.bytes[i] = (uint8_t)seed_next(&seed);
    return runs_entry(&id, height, index);
}

/* What is looked for is one place; other hits are passed by, as a block would say "not me". */
static bool is_place(void *context, uint64_t height, uint32_t index)
{
    return *(uint64_t *)context == (height << 12 | index);
}

static void add(struct world *world, struct run_entry *entries, size_t count, uint64_t first, uint64_t last)
{
    assert_int_equal(database_run(world->database, "BEGIN", NULL), BB_OK);
    assert_int_equal(runs_add(world->runs, entries, count, first, last, NULL), BB_OK);
    assert_int_equal(database_run(world->database, "COMMIT", NULL), BB_OK);
}

static void find_all(struct world *world, const struct run_entry *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t place = all[i].place;
        assert_int_equal(runs_find(world->runs, all[i].prefix, is_place, &place, NULL), BB_OK);
        place++;
        assert_int_equal(runs_find(world->runs, all[i].prefix ^ 1, is_place, &place, NULL), BB_NOT_FOUND);
    }
}

static void test_every_entry_is_found_over_merges(void **state)
{
    enum { RUNS = 70, MAX = 300 };
    struct world *world = *state;
    struct run_entry *all = calloc(RUNS * MAX, sizeof *all), *batch = calloc(MAX, sizeof *batch);
    size_t count = 0;
    for (uint32_t run = 0; run < RUNS; run++) {
        size_t size = 1 + seed_below(&seed, MAX);
        for (size_t i = 0; i < size; i++)
            all[count + i] = batch[i] = any_entry(run + 1, (uint32_t)i);
        count += size;
        add(world, batch, size, run + 1, run + 1);
    }
    uint64_t entries, last, checked;
    assert_int_equal(runs_count(world->runs, &entries, &last), 1 + 0 + 6); /* 70 = 1 × 64 + 0 × 8 + 6 */
    assert_int_equal(entries, count);
    assert_int_equal(last, RUNS);
    find_all(world, all, count);
    runs_close(world->runs);
    assert_int_equal(runs_open(world->database, NULL, &world->runs), BB_OK);
    find_all(world, all, count);
    assert_int_equal(runs_check(world->runs, NULL, &checked), BB_OK);
    assert_int_equal(checked, count);
    free(all);
    free(batch);
}

static void test_ids_that_begin_alike(void **state)
{
    struct world *world = *state;
    struct run_entry twins[3] = {any_entry(1, 0), any_entry(1, 1), any_entry(1, 2)};
    twins[1].prefix = twins[2].prefix = twins[0].prefix;
    struct tail tail = {0};
    for (size_t i = 0; i < 3; i++) {
        uint64_t place = twins[i].place;
        tail_add(&tail, twins[i]);
        assert_true(tail_find(&tail, twins[0].prefix, is_place, &place));
    }
    uint64_t nowhere = 77;
    assert_false(tail_find(&tail, twins[0].prefix, is_place, &nowhere));
    struct run_entry copy[3] = {twins[2], twins[0], twins[1]};
    add(world, copy, 3, 1, 1);
    for (size_t i = 0; i < 3; i++) {
        uint64_t place = twins[i].place;
        assert_int_equal(runs_find(world->runs, twins[0].prefix, is_place, &place, NULL), BB_OK);
    }
    assert_int_equal(runs_find(world->runs, twins[0].prefix, is_place, &nowhere, NULL), BB_NOT_FOUND);
    tail_clear(&tail);
}

static void test_damage_is_noticed(void **state)
{
    struct world *world = *state;
    struct run_entry entries[600];
    for (uint32_t i = 0; i < 600; i++)
        entries[i] = any_entry(1 + i / 100, i % 100);
    add(world, entries, 600, 1, 6);
    struct bb_reason reason;
    uint64_t count;
    assert_int_equal(database_run(world->database,
                                  "UPDATE buckets SET entries = substr(entries, 1, 24) WHERE place & 1",
                                  NULL),
                     BB_OK);
    assert_int_equal(runs_check(world->runs, &reason, &count), BB_MALFORMED);
    assert_non_null(strstr(reason.text, "damaged"));
    bool noticed = false;
    for (size_t i = 0; i < 600 && !noticed; i++)
        noticed = runs_find(world->runs, entries[i].prefix, is_place, &(uint64_t){0}, NULL) == BB_MALFORMED;
    assert_true(noticed);
    assert_int_equal(database_run(world->database, "UPDATE runs SET entries = 7", NULL), BB_OK);
    runs_close(world->runs);
    assert_int_equal(runs_open(world->database, NULL, &world->runs), BB_OK);
    assert_int_equal(runs_check(world->runs, &reason, &count), BB_MALFORMED);
}

static void test_a_list_of_runs_that_cannot_be(void **state)
{
    struct world *world = *state;
    assert_int_equal(database_run(world->database, "INSERT INTO runs VALUES (1, 0, 60, 5, 1, 2)", NULL),
                     BB_OK);
    struct runs *runs;
    assert_int_equal(runs_open(world->database, NULL, &runs), BB_MALFORMED);
}

static void test_a_hole_between_runs(void **state)
{
    struct world *world = *state;
    struct run_entry one = any_entry(1, 0), three = any_entry(3, 0);
    add(world, &one, 1, 1, 1);
    add(world, &three, 1, 3, 3);
    uint64_t count;
    assert_int_equal(runs_check(world->runs, NULL, &count), BB_MALFORMED);
}

static void test_changed_keys_are_a_set(void **state)
{
    (void)state;
    struct changed changed = {0};
    bool there[3][200] = {{false}};
    uint32_t distinct = 0;
    for (int i = 0; i < 5000; i++) {
        uint32_t kind = 1 + seed_below(&seed, 3), a = seed_below(&seed, 200);
        distinct += !there[kind - 1][a];
        there[kind - 1][a] = true;
        changed_add(&changed, (struct row_key){(uint8_t)kind, a, a * 3});
    }
    assert_int_equal(changed.count, distinct);
    struct row_key *keys = changed_keys(&changed);
    for (uint32_t i = 0; i < distinct; i++) {
        assert_true(there[keys[i].kind - 1][keys[i].a]);
        if (i > 0)
            assert_true(keys[i - 1].kind < keys[i].kind ||
                        (keys[i - 1].kind == keys[i].kind && keys[i - 1].a < keys[i].a));
    }
    free(keys);
    for (uint64_t i = 0; i <= CHANGED_MAX; i++)
        changed_add(&changed, (struct row_key){1, i, 0});
    assert_true(changed.all);
    assert_int_equal(changed.count, 0);
    changed_clear(&changed);
    assert_false(changed.all);
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_entry_is_found_over_merges, make, unmake),
        cmocka_unit_test_setup_teardown(test_ids_that_begin_alike, make, unmake),
        cmocka_unit_test_setup_teardown(test_damage_is_noticed, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_list_of_runs_that_cannot_be, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_hole_between_runs, make, unmake),
        cmocka_unit_test(test_changed_keys_are_a_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
