/* Few reads, none too long, every point in one of them. */
#include "agents/modbus/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct point at(enum point_table table, int address, int count)
{
    return (struct point){.table = table, .address = (uint16_t)address, .count = (uint16_t)count};
}

static void expect(struct point *list, size_t count, unsigned gap, const struct plan_read *reads,
                   size_t wanted)
{
    struct points points = {list, count};
    struct plan plan;
    assert_int_equal(plan_make(&points, gap, &plan), BB_OK);
    assert_int_equal(plan.count, wanted);
    for (size_t i = 0; i < wanted; i++) {
        assert_int_equal(plan.reads[i].table, reads[i].table);
        assert_int_equal(plan.reads[i].address, reads[i].address);
        assert_int_equal(plan.reads[i].count, reads[i].count);
        assert_int_equal(plan.reads[i].points, reads[i].points);
    }
    plan_free(&plan);
}

static void test_neighbours(void **state)
{
    (void)state;
    struct point list[] = {at(TABLE_INPUT, 4, 2), at(TABLE_HOLDING, 0, 1), at(TABLE_INPUT, 0, 2),
                           at(TABLE_INPUT, 2, 2), at(TABLE_INPUT, 1, 1)};
    const struct plan_read reads[] = {{TABLE_INPUT, 0, 6, 0, 4}, {TABLE_HOLDING, 0, 1, 0, 1}};
    expect(list, 5, 0, reads, 2);
}

static void test_gaps(void **state)
{
    (void)state;
    struct point list[] = {at(TABLE_HOLDING, 0, 1), at(TABLE_HOLDING, 9, 1)};
    const struct plan_read together = {TABLE_HOLDING, 0, 10, 0, 2};
    const struct plan_read apart[] = {{TABLE_HOLDING, 0, 1, 0, 1}, {TABLE_HOLDING, 9, 1, 0, 1}};
    expect(list, 2, 8, &together, 1);
    expect(list, 2, 7, apart, 2);
}

static void test_long(void **state)
{
    (void)state;
    struct point list[130];
    for (int i = 0; i < 130; i++)
        list[i] = at(TABLE_INPUT, i, 1);
    const struct plan_read reads[] = {{TABLE_INPUT, 0, 125, 0, 125}, {TABLE_INPUT, 125, 5, 0, 5}};
    expect(list, 130, 0, reads, 2);
    list[0] = at(TABLE_INPUT, 65535, 1);
    const struct plan_read last = {TABLE_INPUT, 65535, 1, 0, 1};
    expect(list, 1, 8, &last, 1);
}

/* Of any points: each is inside its read, no read is too long, and the order is that of the addresses. */
static void test_any(void **state)
{
    (void)state;
    const char *given = getenv("BUSBAR_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : 5U;
    print_message("seed %u\n", seed);
    srandom(seed);
    for (int round = 0; round < 500; round++) {
        struct point list[60];
        struct points points = {list, (size_t)(random() % 60) + 1};
        struct plan plan;
        size_t seen = 0;
        for (size_t i = 0; i < points.count; i++)
            list[i] = at((enum point_table)(random() % 4), (int)(random() % 400), (int)(random() % 8) + 1);
        assert_int_equal(plan_make(&points, (unsigned)(random() % 20), &plan), BB_OK);
        for (size_t i = 0; i < plan.count; i++) {
            const struct plan_read *read = &plan.reads[i];
            assert_in_range(read->count, 1, READ_MAX);
            assert_int_equal(read->first, seen);
            for (size_t k = 0; k < read->points; k++) {
                const struct point *p = &list[plan.order[seen++]];
                assert_int_equal(p->table, read->table);
                assert_true(p->address >= read->address &&
                            p->address + p->count <= read->address + read->count);
            }
        }
        assert_int_equal(seen, points.count);
        plan_free(&plan);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_neighbours), cmocka_unit_test(test_gaps),
                                       cmocka_unit_test(test_long), cmocka_unit_test(test_any)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
