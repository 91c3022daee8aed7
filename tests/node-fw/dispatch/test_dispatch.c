#include "tests/node-fw/dispatch/town.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct town town;
static uint64_t seed;

static unsigned deepest(const struct town *t, bool certificate)
{
    unsigned deepest = 0;
    for (size_t i = 0; i < t->count; i++) {
        struct dispatch_view view = dispatch_view(&t->boards[i]);
        unsigned depth = certificate ? view.certified_depth : view.depth;
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest;
}

/* -- the vectors -------------------------------------------------------------------------------------------
 */

static void expect(size_t i, uint32_t lambda, int64_t power)
{
    struct dispatch_view view = dispatch_view(&town.boards[i]);
    assert_int_equal(view.lambda, lambda);
    assert_int_equal(view.setpoint_mw, power);
    assert_int_equal(view.residual_mw, 0);
}

/* Ga – L – Gb: what each believes after none, one and two exchanges. */
static void test_line_of_three(void **state)
{
    (void)state;
    town_clear(&town, 3, seed);
    town.curves[0] = (struct curve){CURVE_GENERATOR, 4000000, 12000000, 200000000};
    town.curves[1] = (struct curve){CURVE_CONSUMER, 0, 12000000, 120000000};
    town.curves[2] = (struct curve){CURVE_GENERATOR, 5000000, 5600000, 10000000};
    town_line(&town);
    town_start_all(&town);
    town_run(&town, 0, NULL);
    expect(0, 4000000, 0);
    expect(1, 12000000, 0);
    expect(2, 5000000, 0);
    town_run(&town, 1, NULL);
    expect(0, 6285715, 57142850);
    expect(1, 6000000, 60000000);
    expect(2, 11000000, 10000000);
    town_run(&town, 2, NULL);
    expect(0, 6000000, 50000000);
    expect(1, 6000000, 60000000);
    expect(2, 6000000, 10000000);
    assert_int_equal(deepest(&town, false), 2);
    assert_true(town_run(&town, 100, town_certified));
    assert_in_range(deepest(&town, true), 3, 5);
}

/* Table 1, digit for digit, on the default graph: solved after 4 exchanges, certified after 9. */
static void test_table1(void **state)
{
    (void)state;
    town_clear(&town, 16, seed);
    town_circulant(&town, 2);
    town_start_all(&town);
    assert_true(town_run(&town, 4, town_solved));
    for (size_t i = 0; i < 16; i++) {
        struct dispatch_view view = dispatch_view(&town.boards[i]);
        assert_int_equal(view.lambda, 7371025);
        assert_int_equal((view.setpoint_mw + 50000) / 100000, town_table1_printed[i]);
    }
    assert_int_equal(deepest(&town, false), 4);
    assert_true(town_run(&town, 9, town_certified));
    assert_int_equal(deepest(&town, true), 9);
}

int main(void)
{
    seed = town_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_of_three),
        cmocka_unit_test(test_table1),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
