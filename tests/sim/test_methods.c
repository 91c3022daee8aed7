/* Both methods against the centralised optimum and against each other. */
#include "tests/sim/neighbourhood.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed = 1;

static struct sim_report settled(const struct sim_settings *settings, const struct sim_board *boards,
                                 size_t count, double *power_kw_out)
{
    struct sim_world *world;
    assert_int_equal(sim_open(settings, boards, count, &world), BB_OK);
    if (!sim_run(world, 4 * 3600 * 1000))
        fail_msg("not settled: method %d, %s, %zu boards, seed %llu", settings->method,
                 topology_word(settings->topology.kind), count, (unsigned long long)settings->seed);
    struct sim_report r = sim_report(world);
    for (size_t i = 0; i < count && power_kw_out != NULL; i++)
        power_kw_out[i] = (double)dispatch_view(sim_core(world, i)).setpoint_mw / 1e6;
    sim_close(world);
    return r;
}

static struct sim_settings table1_settings(enum topology_kind kind)
{
    return (struct sim_settings){.method = DISPATCH_INCREMENTAL_COST,
                                 .topology = {.kind = kind, .offsets = {1, 2}, .offset_count = 2},
                                 .faults = {.delay_min_ms = 5, .delay_max_ms = 5}};
}

/* The thesis needed 42 iterations; where every board hears every other this takes 14. */
static void test_table_1_by_incremental_cost(void **state)
{
    (void)state;
    static const struct {
        enum topology_kind kind;
        uint32_t most;
    } cases[] = {{TOPOLOGY_COMPLETE, 20}, {TOPOLOGY_CIRCULANT, 160}, {TOPOLOGY_RING, 700}};
    struct sim_board boards[TABLE1_COUNT];
    double power[TABLE1_COUNT];
    table1_boards(boards);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct sim_settings settings = table1_settings(cases[k].kind);
        struct sim_report r = settled(&settings, boards, TABLE1_COUNT, power);
        print_message("%s: %u exchanges to the optimum, %u to the certificate\n",
                      topology_word(cases[k].kind), r.iterations_to_optimum, r.iterations_to_certificate);
        assert_true(r.iterations_to_optimum <= cases[k].most);
        assert_true(r.lambda_error <= 0.001 && fabs(r.lambda - TABLE1_LAMBDA) <= 0.001);
        for (size_t i = 0; i < TABLE1_COUNT; i++)
            assert_true(fabs(power[i] - table1[i].printed_kw) <= 0.05);
    }
}

static void test_table_1_through_loss_and_slow_wires(void **state)
{
    (void)state;
    struct sim_board boards[TABLE1_COUNT];
    table1_boards(boards);
    for (int kind = 0; kind < 2; kind++) {
        struct sim_settings settings = table1_settings(kind ? TOPOLOGY_COMPLETE : TOPOLOGY_CIRCULANT);
        settings.seed = seed;
        settings.faults = (struct sim_faults){0.3, 0.1, 0.1, 1, 40};
        settings.baud = 115200;
        settings.start_spread_ms = 300;
        settings.expiry_ms =
            20000; /* with 4 s, eight losses in a row, a death by mistake, are too likely here */
        struct sim_report r = settled(&settings, boards, TABLE1_COUNT, NULL);
        /* Loss costs time, hardly exchanges: some boards begin before they have heard all. */
        assert_true(r.iterations_to_optimum < (kind ? 100 : 250));
        assert_true(r.lambda_error <= 0.001 && r.max_error_kw <= 0.05);
    }
}

/* Where all hear all, a round fills a wire: repetitions must not drown it. */
static void test_a_full_wire_does_not_stand_still(void **state)
{
    (void)state;
    struct sim_board boards[TABLE1_COUNT];
    table1_boards(boards);
    for (uint32_t delay_ms = 0; delay_ms <= 20; delay_ms += 2) {
        struct sim_settings settings = table1_settings(TOPOLOGY_COMPLETE);
        settings.faults.delay_min_ms = settings.faults.delay_max_ms = delay_ms;
        settings.baud = 115200;
        struct sim_report r = settled(&settings, boards, TABLE1_COUNT, NULL);
        assert_true(r.iterations_to_optimum <= 20);
        assert_true(r.ms_to_optimum <= 15000);
    }
}

/* A ramp of any steepness, many at their limits: what the certificate says must hold. */
static void test_methods_agree_on_random_neighbourhoods(void **state)
{
    (void)state;
    struct chance c = {seed};
    print_message("seed %llu\n", (unsigned long long)seed);
    for (int instance = 0; instance < 60; instance++) {
        struct sim_board boards[20];
        double powers[2][20];
        size_t count = (size_t)chance_between(&c, 2, 20);
        random_boards(&c, boards, count, false);
        struct sim_settings settings =
            table1_settings((enum topology_kind)chance_between(&c, 0, TOPOLOGY_COMPLETE));
        settings.seed = chance_next(&c);
        settings.topology.degree = (uint16_t)chance_between(&c, 2, 8);
        struct sim_report reports[2];
        for (int method = 0; method < 2; method++) {
            settings.method = method ? DISPATCH_INCREMENTAL_COST : DISPATCH_CURVES;
            reports[method] = settled(&settings, boards, count, powers[method]);
        }
        assert_true(reports[0].iterations_to_optimum <= (uint32_t)reports[0].diameter);
        assert_true(reports[0].max_error_kw <= 3e-4);
        assert_true(reports[1].max_error_kw <= 0.05);
        for (size_t i = 0; i < count; i++)
            assert_true(fabs(powers[0][i] - powers[1][i]) <= 0.0503);
    }
}

/* What a board applies by hand is everyone's mismatch: the others balance it. */
static void test_an_override_is_balanced_by_the_others(void **state)
{
    (void)state;
    struct sim_board boards[TABLE1_COUNT];
    table1_boards(boards);
    struct sim_settings settings = table1_settings(TOPOLOGY_CIRCULANT);
    struct sim_world *world;
    assert_int_equal(sim_open(&settings, boards, TABLE1_COUNT, &world), BB_OK);
    assert_true(sim_run(world, 3600 * 1000));
    /* The core is the world's; a board's node would make this call. */
    struct dispatch *core = (struct dispatch *)(uintptr_t)sim_core(world, 11);
    dispatch_set_applied(core, 60000000);
    sim_step(world, sim_now(world) + 600 * 1000);
    double sum = 0;
    for (size_t i = 0; i < TABLE1_COUNT; i++) {
        struct dispatch_view v = dispatch_view(sim_core(world, i));
        double kw = i == 11 ? 60 : (double)v.setpoint_mw / 1e6;
        sum += boards[i].curve.kind == CURVE_CONSUMER ? kw : -kw;
        assert_true(v.certified);
        assert_true(v.lambda > 7371025 + 1000);
    }
    assert_true(fabs(sum) < 0.05);
    sim_close(world);
}

int main(int argc, char **argv)
{
    const char *given = argc > 1 ? argv[1] : getenv("BUSBAR_SEED");
    if (given)
        seed = strtoull(given, NULL, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_1_by_incremental_cost),
        cmocka_unit_test(test_table_1_through_loss_and_slow_wires),
        cmocka_unit_test(test_a_full_wire_does_not_stand_still),
        cmocka_unit_test(test_methods_agree_on_random_neighbourhoods),
        cmocka_unit_test(test_an_override_is_balanced_by_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
