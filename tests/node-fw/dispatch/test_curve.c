#include "tests/node-fw/dispatch/town.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint64_t seed;

static void expect(struct curve_parameters p, struct curve expected)
{
    struct curve c;
    assert_int_equal(curve_of(&p, &c), BB_OK);
    assert_int_equal(c.kind, expected.kind);
    assert_int_equal(c.lo, expected.lo);
    assert_int_equal(c.hi, expected.hi);
    assert_int_equal(c.pmax, expected.pmax);
    assert_true(curve_valid(&c));
}

static void test_ramps(void **state)
{
    (void)state;
    expect((struct curve_parameters){CURVE_GENERATOR, 20000, 4000000, 200000000},
           (struct curve){CURVE_GENERATOR, 4000000, 12000000, 200000000});
    expect((struct curve_parameters){CURVE_GENERATOR, 30000, 5000000, 10000000},
           (struct curve){CURVE_GENERATOR, 5000000, 5600000, 10000000});
    expect((struct curve_parameters){CURVE_CONSUMER, 50000, 12000000, 120000000},
           (struct curve){CURVE_CONSUMER, 0, 12000000, 120000000});
    /* Pmax beyond ω/2σ: the ramp ends where the consumer has had enough, rounded half up. */
    expect((struct curve_parameters){CURVE_CONSUMER, 41700, 12280000, 147290000},
           (struct curve){CURVE_CONSUMER, 0, 12280000, 147242206});
    /* Pmax before it. */
    expect((struct curve_parameters){CURVE_CONSUMER, 50000, 12000000, 60000000},
           (struct curve){CURVE_CONSUMER, 6000000, 12000000, 60000000});
}

static void test_steps(void **state)
{
    (void)state;
    expect((struct curve_parameters){CURVE_GENERATOR, 0, 3000000, 7000},
           (struct curve){CURVE_GENERATOR, 3000000, 3000000, 7000});
    expect((struct curve_parameters){CURVE_CONSUMER, 0, 3000000, 7000},
           (struct curve){CURVE_CONSUMER, 3000000, 3000000, 7000});
    expect((struct curve_parameters){CURVE_CONSUMER, 5, 0, 7000}, (struct curve){CURVE_CONSUMER, 0, 0, 0});
    struct curve generator = {CURVE_GENERATOR, 3000000, 3000000, 7000};
    struct curve consumer = {CURVE_CONSUMER, 3000000, 3000000, 7000};
    assert_int_equal(curve_power(&generator, 2999999), 0);
    assert_int_equal(curve_power(&generator, 3000000), 7000);
    assert_int_equal(curve_power(&consumer, 2999999), 7000);
    assert_int_equal(curve_power(&consumer, 3000000), 0);
}

static void test_limits(void **state)
{
    (void)state;
    struct curve c = {CURVE_CONSUMER, 1, 2, 3};
    struct curve_parameters p = {CURVE_GENERATOR, UINT32_MAX, 0, UINT32_MAX};
    assert_int_equal(curve_of(&p, &c), BB_RANGE);
    p = (struct curve_parameters){CURVE_GENERATOR, 500000, 4294967295u - 1000000, 1000000};
    assert_int_equal(curve_of(&p, &c), BB_OK);
    p.intercept++;
    assert_int_equal(curve_of(&p, &c), BB_RANGE);
    assert_int_equal(c.hi, UINT32_MAX);
    expect((struct curve_parameters){CURVE_CONSUMER, UINT32_MAX, UINT32_MAX, UINT32_MAX},
           (struct curve){CURVE_CONSUMER, 0, UINT32_MAX, 500000});
    expect((struct curve_parameters){CURVE_CONSUMER, 1, UINT32_MAX, UINT32_MAX},
           (struct curve){CURVE_CONSUMER, UINT32_MAX - 8590, UINT32_MAX, UINT32_MAX});
    assert_false(curve_valid(&(struct curve){CURVE_GENERATOR, 2, 1, 3}));
    assert_false(curve_valid(&(struct curve){(enum curve_kind)2, 1, 2, 3}));
}

/* Generators never fall with the price, consumers never rise, and both stay within 0 … pmax. */
static void test_monotone(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        struct curve c = town_random_curve(&seed);
        uint32_t a = (uint32_t)town_random(&seed, 22000000);
        uint32_t b = a + (uint32_t)town_random(&seed, round % 2 == 0 ? 3 : 5000000);
        int64_t at_a = curve_power(&c, a);
        int64_t at_b = curve_power(&c, b);
        assert_in_range(at_a, 0, c.pmax);
        assert_true(c.kind == CURVE_GENERATOR ? at_a <= at_b : at_a >= at_b);
    }
}

int main(void)
{
    seed = town_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ramps),
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_monotone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
