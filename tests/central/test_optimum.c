/* The centralised optimum against the thesis, two textbooks, and the conditions of Kuhn and Tucker. */
#include "node-fw/central/optimum.h"
#include "node-fw/sim/chance.h"
#include "tests/central/table1.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define NODES_MAX 40

static uint64_t seed = 1;

static void assert_near(double found, double wanted, double tolerance)
{
    if (!(fabs(found - wanted) <= tolerance))
        fail_msg("%.9g is not %.9g within %g", found, wanted, tolerance);
}

static struct optimum solved(const struct optimum_node *nodes, size_t count, double demand, double *power)
{
    struct optimum_event events[2 * NODES_MAX];
    struct optimum o = {0};
    assert_int_equal(optimum_solve(nodes, count, demand, events, power, &o), BB_OK);
    return o;
}

static void test_table_1(void **state)
{
    (void)state;
    struct optimum_node nodes[TABLE1_COUNT];
    double power[TABLE1_COUNT];
    for (size_t i = 0; i < TABLE1_COUNT; i++)
        nodes[i] =
            (struct optimum_node){table1[i].kind, table1[i].slope, table1[i].intercept, table1[i].pmax_kw};
    struct optimum o = solved(nodes, TABLE1_COUNT, 0, power);
    assert_near(o.lambda, TABLE1_LAMBDA, 1e-6);
    for (size_t i = 0; i < TABLE1_COUNT; i++) {
        assert_near(power[i], table1[i].optimum_kw, 1e-4);
        assert_near(power[i], table1[i].printed_kw, 0.05);
    }
    /* The printed total load, 421.1, is not the sum of the printed column. */
    assert_near(o.load_kw, 420.934, 1e-3);
    assert_near(o.residual_kw, 0, 1e-9);
    assert_false(o.flat);
}

static void test_textbook_three_units(void **state)
{
    (void)state;
    struct optimum_node nodes[] = {{CURVE_GENERATOR, .001562, 7.92, INFINITY},
                                   {CURVE_GENERATOR, .00194, 7.85, INFINITY},
                                   {CURVE_GENERATOR, .00482, 7.97, INFINITY}};
    double power[3];
    struct optimum o = solved(nodes, 3, 850, power);
    assert_near(o.lambda, 9.1483, 5e-5);
    assert_near(power[0], 393.17, 5e-3);
    assert_near(power[1], 334.60, 5e-3);
    assert_near(power[2], 122.23, 5e-3);

    nodes[0] = (struct optimum_node){CURVE_GENERATOR, .00128, 6.48, 600};
    o = solved(nodes, 3, 850, power);
    assert_near(o.lambda, 8.5761, 5e-5);
    assert_near(power[0], 600, 1e-9);
    assert_near(power[1], 187.13, 5e-3);
    assert_near(power[2], 62.87, 5e-3);
}

static void test_textbook_caps(void **state)
{
    (void)state;
    struct optimum_node nodes[] = {{CURVE_GENERATOR, .004, 5.3, INFINITY},
                                   {CURVE_GENERATOR, .006, 5.5, INFINITY},
                                   {CURVE_GENERATOR, .009, 5.8, INFINITY}};
    double power[3];
    struct optimum o = solved(nodes, 3, 800, power);
    assert_near(o.lambda, 8.5, 1e-9);
    assert_near(power[0], 400, 1e-9);
    assert_near(power[1], 250, 1e-9);
    assert_near(power[2], 150, 1e-9);

    nodes[0].pmax_kw = 450;
    nodes[1].pmax_kw = 350;
    nodes[2].pmax_kw = 225;
    o = solved(nodes, 3, 975, power);
    assert_near(o.lambda, 9.4, 1e-9);
    assert_near(power[0], 450, 1e-9);
    assert_near(power[1], 325, 1e-9);
    assert_near(power[2], 200, 1e-9);
}

static void test_steps_share_their_price(void **state)
{
    (void)state;
    struct optimum_node nodes[] = {{CURVE_GENERATOR, 0, 5, 30},
                                   {CURVE_GENERATOR, 0, 5, 10},
                                   {CURVE_GENERATOR, 0, 7, 50},
                                   {CURVE_CONSUMER, 0, 9, 20}};
    double power[4];
    struct optimum o = solved(nodes, 4, 0, power);
    assert_near(o.lambda, 5, 0);
    assert_near(power[0], 15, 1e-12);
    assert_near(power[1], 5, 1e-12);
    assert_near(power[2], 0, 0);
    assert_near(power[3], 20, 0);

    nodes[3].pmax_kw = 60;
    o = solved(nodes, 4, 0, power);
    assert_near(o.lambda, 7, 0);
    assert_near(power[2], 20, 1e-12);

    nodes[3].pmax_kw = 100; /* 90 kW is all there is: the consumer's own price decides, and it gets 90 */
    o = solved(nodes, 4, 0, power);
    assert_near(o.lambda, 9, 0);
    assert_near(power[3], 90, 1e-12);
    assert_near(o.residual_kw, 0, 1e-12);
}

static void test_no_crossing_leaves_a_residual(void **state)
{
    (void)state;
    struct optimum_node nodes[] = {{CURVE_GENERATOR, .01, 5, 30}, {CURVE_GENERATOR, 0, 6, 10}};
    double power[2];
    struct optimum o = solved(nodes, 2, 50, power);
    assert_near(o.residual_kw, 10, 1e-12);
    assert_near(o.generation_kw, 40, 1e-12);
    assert_near(o.lambda, 6, 0);

    o = solved(nodes, 2, -7, power);
    assert_near(o.residual_kw, -7, 0);
    assert_near(o.generation_kw, 0, 0);

    o = solved(nodes, 0, 3, power);
    assert_near(o.residual_kw, 3, 0);
}

static void test_degenerate_neighbourhoods(void **state)
{
    (void)state;
    double power[2];
    struct optimum_node generator = {CURVE_GENERATOR, .02, 4, 200}, consumer = {CURVE_CONSUMER, .05, 12, 120};
    assert_near(solved(&generator, 1, 0, power).lambda, 4, 0);
    assert_near(power[0], 0, 0);
    assert_near(solved(&consumer, 1, 0, power).lambda, 12, 0);
    assert_near(power[0], 0, 0);

    /* The consumer gives up at 12, the generator begins at 20: no trade, and every price between balances. */
    struct optimum_node apart[] = {consumer, {CURVE_GENERATOR, .02, 20, 200}};
    struct optimum o = solved(apart, 2, 0, power);
    assert_near(o.lambda, 12, 0);
    assert_true(o.flat);
    assert_near(power[0] + power[1], 0, 0);
}

static void test_utility_connection(void **state)
{
    (void)state;
    struct optimum_node nodes[] = {{CURVE_CONSUMER, .05, 12, 120},
                                   {CURVE_GENERATOR, .02, 4, 10},
                                   {CURVE_GENERATOR, 0, 6, INFINITY},
                                   {CURVE_CONSUMER, 0, 3, INFINITY}};
    double power[4];
    struct optimum o = solved(nodes, 4, 0, power);
    assert_near(o.lambda, 6, 0);
    assert_near(power[0], 60, 1e-9);
    assert_near(power[2], 50, 1e-9); /* imported */
    assert_near(power[3], 0, 0);

    nodes[1].pmax_kw = 500;
    nodes[1].intercept = 1;
    nodes[1].slope = 0.001;
    o = solved(nodes, 4, 0, power);
    assert_near(o.lambda, 3, 0);
    assert_near(power[1], 500, 1e-9);
    assert_near(power[3], 410, 1e-9); /* exported */

    nodes[3].intercept = 7; /* buys dearer than it sells: no optimum */
    struct optimum_event events[8];
    assert_int_equal(optimum_solve(nodes, 4, 0, events, power, &o), BB_RANGE);
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    struct optimum_node bad[] = {{CURVE_GENERATOR, -1, 5, 10},  {CURVE_GENERATOR, NAN, 5, 10},
                                 {CURVE_GENERATOR, 1, NAN, 10}, {CURVE_GENERATOR, 1, INFINITY, 10},
                                 {CURVE_CONSUMER, 1, 5, -1},    {CURVE_CONSUMER, 1, 5, NAN}};
    struct optimum_event events[2];
    double power[1];
    struct optimum o = {.lambda = 42};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(optimum_solve(&bad[i], 1, 0, events, power, &o), BB_RANGE);
    struct optimum_node good = {CURVE_GENERATOR, 1, 5, 10};
    assert_int_equal(optimum_solve(&good, 1, NAN, events, power, &o), BB_RANGE);
    assert_near(o.lambda, 42, 0);
}

static struct optimum_node random_node(struct chance *c)
{
    struct optimum_node n = {.kind = chance_is(c, 0.5) ? CURVE_CONSUMER : CURVE_GENERATOR};
    bool coarse = chance_is(c, 0.3); /* whole numbers make ties */
    n.intercept = coarse ? (double)chance_between(c, 1, 20) : chance_unit(c) * 20;
    n.slope = chance_is(c, 0.15) ? 0
              : coarse           ? 0.01 * (double)chance_between(c, 1, 5)
                                 : 0.001 + chance_unit(c) * 0.1;
    n.pmax_kw = chance_is(c, 0.05) ? 0 : coarse ? (double)chance_between(c, 1, 9) * 10 : chance_unit(c) * 200;
    return n;
}

/* The price at which the node's own balance of worth against cost would stand at power p: dU/dP or dC/dP. */
static double marginal(const struct optimum_node *n, double p)
{
    return n->kind == CURVE_GENERATOR ? n->intercept + 2 * n->slope * p : n->intercept - 2 * n->slope * p;
}

/* Kuhn–Tucker: a node strictly inside its limits stands at λ; at a limit it would go beyond it if it could.
 */
static void assert_stationary(const struct optimum_node *n, double p, double lambda)
{
    double reach = n->pmax_kw;
    if (n->kind == CURVE_CONSUMER && n->slope > 0)
        reach = fmin(reach, n->intercept / (2 * n->slope));
    assert_true(p >= 0 && p <= reach + 1e-9);
    double pull = n->kind == CURVE_GENERATOR ? lambda - marginal(n, p) : marginal(n, p) - lambda;
    if (p < reach - 1e-7)
        assert_true(pull <= 1e-6);
    if (p > 1e-7)
        assert_true(pull >= -1e-6);
}

static void test_kuhn_tucker_on_random_instances(void **state)
{
    (void)state;
    struct chance c = {seed};
    print_message("seed %llu\n", (unsigned long long)seed);
    for (int instance = 0; instance < 20000; instance++) {
        struct optimum_node nodes[NODES_MAX];
        double power[NODES_MAX], capacity = 0;
        size_t count = (size_t)chance_between(&c, 1, NODES_MAX);
        for (size_t i = 0; i < count; i++) {
            nodes[i] = random_node(&c);
            capacity += nodes[i].kind == CURVE_GENERATOR ? nodes[i].pmax_kw : 0;
        }
        double demand = chance_is(&c, 0.3) ? capacity * chance_unit(&c) * 1.2 : 0;
        struct optimum o = solved(nodes, count, demand, power);
        if (demand <= capacity)
            assert_near(o.residual_kw, 0, 1e-6);
        else
            assert_near(o.generation_kw, capacity, 1e-9);
        for (size_t i = 0; i < count; i++)
            assert_stationary(&nodes[i], power[i], o.lambda);
    }
}

static void test_a_curve_is_the_same_node(void **state)
{
    (void)state;
    struct curve curve = {CURVE_CONSUMER, 2000000, 12000000, 100000000};
    struct optimum_node n = optimum_node_of(&curve);
    assert_near(n.slope, 0.05, 1e-15);
    assert_near(optimum_power(&n, 7), 50, 1e-12);
    curve.kind = CURVE_GENERATOR;
    n = optimum_node_of(&curve);
    assert_near(n.intercept, 2, 0);
    assert_near(optimum_power(&n, 4.5), 25, 1e-12);
    curve.lo = curve.hi;
    n = optimum_node_of(&curve);
    assert_near(optimum_power(&n, 11.9), 0, 0);
    assert_near(optimum_power(&n, 12), 100, 0);
}

int main(int argc, char **argv)
{
    const char *given = argc > 1 ? argv[1] : getenv("BUSBAR_SEED");
    if (given)
        seed = strtoull(given, NULL, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_1),
        cmocka_unit_test(test_textbook_three_units),
        cmocka_unit_test(test_textbook_caps),
        cmocka_unit_test(test_steps_share_their_price),
        cmocka_unit_test(test_no_crossing_leaves_a_residual),
        cmocka_unit_test(test_degenerate_neighbourhoods),
        cmocka_unit_test(test_utility_connection),
        cmocka_unit_test(test_nonsense_is_refused),
        cmocka_unit_test(test_kuhn_tucker_on_random_instances),
        cmocka_unit_test(test_a_curve_is_the_same_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
