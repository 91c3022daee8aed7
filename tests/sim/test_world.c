/* The simulator: one seed is one world, and `curves` is as fast as any exchange between neighbours can be. */
#include "tests/sim/neighbourhood.h"
#include "tests/support/effort.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed = 1;

static struct sim_world *opened(const struct sim_settings *settings, const struct sim_board *boards,
                                size_t count)
{
    struct sim_world *world;
    assert_int_equal(sim_open(settings, boards, count, &world), BB_OK);
    return world;
}

static struct sim_settings clean(enum topology_kind kind)
{
    return (struct sim_settings){.topology = {.kind = kind, .offsets = {1, 2}, .offset_count = 2}};
}

static void test_table_1_takes_the_diameter(void **state)
{
    (void)state;
    static const struct {
        enum topology_kind kind;
        uint32_t diameter;
    } cases[] = {{TOPOLOGY_RING, 8}, {TOPOLOGY_CIRCULANT, 4}, {TOPOLOGY_COMPLETE, 1}};
    struct sim_board boards[TABLE1_COUNT];
    table1_boards(boards);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim_settings settings = clean(cases[i].kind);
        struct sim_world *world = opened(&settings, boards, TABLE1_COUNT);
        assert_true(sim_run(world, 60000));
        struct sim_report r = sim_report(world);
        assert_int_equal(r.diameter, cases[i].diameter);
        assert_int_equal(r.iterations_to_optimum, cases[i].diameter);
        assert_true(r.iterations_to_certificate <= 2 * cases[i].diameter + 1);
        assert_true(fabs(r.lambda - TABLE1_LAMBDA) < 1e-9);
        assert_true(r.max_error_kw < 2e-4);
        assert_true(r.mismatch_kw == 0);
        sim_close(world);
    }
}

static void test_curves_never_need_more_than_the_diameter(void **state)
{
    (void)state;
    struct chance c = {seed};
    print_message("seed %llu\n", (unsigned long long)seed);
    for (int i = 0, worlds = effort(200); i < worlds; i++) {
        struct sim_board boards[40];
        size_t count = (size_t)chance_between(&c, 2, 40);
        bool steps = chance_is(&c, 0.5);
        random_boards(&c, boards, count, steps);
        struct sim_settings settings = clean((enum topology_kind)chance_between(&c, 0, TOPOLOGY_COMPLETE));
        settings.seed = chance_next(&c);
        settings.topology.degree = (uint16_t)chance_between(&c, 2, 8);
        struct sim_world *world = opened(&settings, boards, count);
        assert_true(sim_run(world, 60000));
        struct sim_report r = sim_report(world);
        assert_true(r.iterations_to_optimum <= (uint32_t)r.diameter);
        /* A price is a whole micro-$: a ramp of 250 kW/$ is off by 0.25 W, a step at the margin by all of
         * them. */
        assert_true(r.max_error_kw < (steps ? 0.01 : 3e-4));
        sim_close(world);
    }
}

static void test_one_seed_is_one_world(void **state)
{
    (void)state;
    struct sim_board boards[TABLE1_COUNT];
    table1_boards(boards);
    struct sim_settings settings = clean(TOPOLOGY_SMALL_WORLD);
    settings.faults = (struct sim_faults){0.3, 0.1, 0.1, 1, 40};
    settings.baud = 115200;
    settings.start_spread_ms = 200;
    struct sim_report reports[3];
    for (uint64_t i = 0; i < 3; i++) {
        settings.seed = seed + i / 2;
        struct sim_world *world = opened(&settings, boards, TABLE1_COUNT);
        assert_true(sim_run(world, 60000));
        reports[i] = sim_report(world);
        sim_close(world);
    }
    assert_memory_equal(&reports[0], &reports[1], sizeof reports[0]);
    assert_true(reports[0].copies != reports[2].copies || reports[0].lost != reports[2].lost);
    assert_true(reports[0].lost > reports[0].copies / 5);
}

static void test_the_series_ends_at_the_optimum(void **state)
{
    (void)state;
    struct sim_board boards[TABLE1_COUNT];
    table1_boards(boards);
    struct sim_settings settings = clean(TOPOLOGY_RING);
    settings.keep_series = true;
    struct sim_world *world = opened(&settings, boards, TABLE1_COUNT);
    assert_true(sim_run(world, 60000));
    size_t count;
    const struct sim_point *points = sim_series(world, &count);
    assert_int_equal(count, 9);
    assert_true(points[0].max_error_kw > 100);
    assert_true(points[7].max_error_kw > 1);
    assert_true(points[8].max_error_kw < 2e-4);
    assert_true(fabs(points[8].mismatch_kw) < 1e-9);
    sim_close(world);
}

static void test_a_script_changes_the_answer(void **state)
{
    (void)state;
    struct sim_board boards[TABLE1_COUNT];
    table1_boards(boards);
    struct sim_settings settings = clean(TOPOLOGY_CIRCULANT);
    settings.faults.delay_max_ms = 10;
    struct sim_world *world = opened(&settings, boards, TABLE1_COUNT);
    struct sim_event crash = {.kind = SIM_CRASH, .board = 11}, back = {.kind = SIM_START, .board = 11};
    assert_int_equal(sim_schedule(world, 2000, &crash), BB_OK);
    assert_int_equal(sim_schedule(world, 30000, &back), BB_OK);
    sim_step(world, 1999);
    struct sim_report r = sim_report(world);
    assert_true(r.certified && r.live == 16);
    sim_step(world, 2010);
    r = sim_report(world);
    assert_false(r.optimal);
    sim_step(world, 29999);
    r = sim_report(world);
    assert_true(r.certified && r.live == 15 && r.mismatch_kw == 0);
    assert_true(r.ms_to_optimum <= 5000 && r.lambda > TABLE1_LAMBDA);
    struct sim_answer answer;
    assert_int_equal(sim_answer(world, 11, &answer), BB_NOT_FOUND);
    assert_null(sim_core(world, 11));
    assert_true(sim_run(world, 60000));
    r = sim_report(world);
    assert_true(r.live == 16 && fabs(r.lambda - TABLE1_LAMBDA) < 1e-9);
    assert_int_equal(sim_schedule(world, 100, &back), BB_RANGE);
    sim_close(world);
}

static void test_wires_cost_time(void **state)
{
    (void)state;
    struct sim_board boards[TABLE1_COUNT];
    table1_boards(boards);
    struct sim_settings settings = clean(TOPOLOGY_CIRCULANT);
    int64_t ms[2];
    for (int i = 0; i < 2; i++) {
        settings.baud = i == 0 ? 0 : 115200;
        struct sim_world *world = opened(&settings, boards, TABLE1_COUNT);
        assert_true(sim_run(world, 60000));
        ms[i] = sim_report(world).ms_to_optimum;
        sim_close(world);
    }
    assert_int_equal(ms[0], 0);
    assert_true(ms[1] > 50 && ms[1] < 5000);
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    struct sim_board boards[2] = {{.id = 1, .curve = {CURVE_GENERATOR, 1, 2, 3}},
                                  {.id = 1, .curve = {CURVE_CONSUMER, 1, 2, 3}}};
    struct sim_settings settings = clean(TOPOLOGY_RING);
    struct sim_world *world = NULL;
    assert_int_equal(sim_open(&settings, boards, 2, &world), BB_RANGE);
    boards[1].id = 2;
    assert_int_equal(sim_open(&settings, boards, 0, &world), BB_RANGE);
    settings.faults.loss = 1.5;
    assert_int_equal(sim_open(&settings, boards, 2, &world), BB_RANGE);
    settings.faults.loss = NAN;
    assert_int_equal(sim_open(&settings, boards, 2, &world), BB_RANGE);
    settings.faults.loss = 0;
    struct topology_link wrong = {0, 2};
    settings.topology = (struct topology_plan){.kind = TOPOLOGY_LINKS, .links = &wrong, .link_count = 1};
    assert_int_equal(sim_open(&settings, boards, 2, &world), BB_RANGE);
    wrong.b = 1;
    boards[1].curve.lo = 5;
    assert_int_equal(sim_open(&settings, boards, 2, &world), BB_RANGE);
    assert_null(world);
}

int main(int argc, char **argv)
{
    const char *given = argc > 1 ? argv[1] : getenv("BUSBAR_SEED");
    if (given)
        seed = strtoull(given, NULL, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_1_takes_the_diameter),
        cmocka_unit_test(test_curves_never_need_more_than_the_diameter),
        cmocka_unit_test(test_one_seed_is_one_world),
        cmocka_unit_test(test_the_series_ends_at_the_optimum),
        cmocka_unit_test(test_a_script_changes_the_answer),
        cmocka_unit_test(test_wires_cost_time),
        cmocka_unit_test(test_nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
