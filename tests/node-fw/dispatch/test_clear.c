#include "node-fw/dispatch/clear.h"
#include "tests/node-fw/dispatch/town.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint64_t seed;

static int64_t excess_at(const struct curve *curves, size_t count, uint32_t lambda)
{
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++)
        sum += curve_power(&curves[i], lambda) * (curves[i].kind == CURVE_CONSUMER ? 1 : -1);
    return sum;
}

/* Load and generation are equal to the milliwatt, nobody leaves his limits, λ is the smallest price that
 * clears, and every power lies between what the curve says at λ and just below it. */
static void check(const struct curve *curves, size_t count)
{
    int64_t power[64];
    struct clearing c;
    clear_market(curves, count, power, &c);
    assert_int_equal(c.residual_mw, 0);
    assert_int_equal(c.load_mw, c.generation_mw);
    int64_t sum = 0;
    uint32_t lowest = UINT32_MAX;
    for (size_t i = 0; i < count; i++) {
        assert_in_range(power[i], 0, curves[i].pmax);
        sum += power[i] * (curves[i].kind == CURVE_CONSUMER ? 1 : -1);
        lowest = curves[i].lo < lowest ? curves[i].lo : lowest;
        int64_t here = curve_power(&curves[i], c.lambda);
        assert_true(curves[i].kind == CURVE_CONSUMER ? power[i] >= here : power[i] <= here);
        if (c.lambda > lowest && c.lambda > 0) {
            int64_t below = curve_power(&curves[i], c.lambda - 1);
            assert_true(curves[i].kind == CURVE_CONSUMER ? power[i] <= below : power[i] >= below);
        }
    }
    assert_int_equal(sum, 0);
    assert_true(excess_at(curves, count, c.lambda) <= 0);
    assert_true(c.lambda == lowest || excess_at(curves, count, c.lambda - 1) > 0);
}

static void test_random_markets(void **state)
{
    (void)state;
    struct curve curves[40];
    for (int round = 0; round < 5000; round++) {
        size_t count = 2 + town_random(&seed, 39);
        for (size_t i = 0; i < count; i++)
            curves[i] = town_random_curve(&seed);
        check(curves, count);
    }
}

static void test_edges(void **state)
{
    (void)state;
    struct clearing c;
    int64_t power[4] = {1, 1, 1, 1};
    clear_market(NULL, 0, power, &c);
    assert_int_equal(c.lambda, 0);
    struct curve alone = {CURVE_CONSUMER, 0, 12000000, 120000000};
    clear_market(&alone, 1, power, &c);
    assert_int_equal(c.lambda, 12000000);
    assert_int_equal(power[0], 0);
    alone.kind = CURVE_GENERATOR;
    alone.lo = 4000000;
    clear_market(&alone, 1, power, &c);
    assert_int_equal(c.lambda, 4000000);
    /* Free power, wanted at no price but zero: the generator stands back. */
    const struct curve gift[2] = {{CURVE_GENERATOR, 0, 0, 5000}, {CURVE_CONSUMER, 0, 0, 3000}};
    clear_market(gift, 2, power, &c);
    assert_int_equal(c.residual_mw, 0);
    /* The utility: sells without limit at 9 $, buys at 2 $; in between the neighbourhood trades alone. */
    const struct curve utility[3] = {{CURVE_GENERATOR, 9000000, 9000000, UINT32_MAX},
                                     {CURVE_CONSUMER, 2000000, 2000000, UINT32_MAX},
                                     {CURVE_CONSUMER, 10000000, 12000000, 50000000}};
    clear_market(utility, 3, power, &c);
    assert_int_equal(c.lambda, 9000000);
    assert_int_equal(power[0], 50000000);
    assert_int_equal(power[2], 50000000);
}

/* Extreme curves stay within their arithmetic. */
static void test_extremes(void **state)
{
    (void)state;
    const struct curve wide[4] = {{CURVE_GENERATOR, 0, UINT32_MAX, UINT32_MAX},
                                  {CURVE_CONSUMER, 0, UINT32_MAX, UINT32_MAX},
                                  {CURVE_CONSUMER, UINT32_MAX, UINT32_MAX, UINT32_MAX},
                                  {CURVE_GENERATOR, UINT32_MAX, UINT32_MAX, 7}};
    check(wide, 2);
    check(wide, 4);
    check(wide + 2, 1);
    check(wide + 2, 2);
}

static uint32_t price(const struct curve_parameters *p, size_t count)
{
    struct curve curves[64];
    int64_t power[64];
    struct clearing c;
    for (size_t i = 0; i < count; i++)
        assert_int_equal(curve_of(&p[i], &curves[i]), BB_OK);
    clear_market(curves, count, power, &c);
    return c.lambda;
}

/* λ never falls when any ω rises, and never rises with any generator's Pmax. The parameters are such that the
 * ramps are exact, so that rounding cannot hide a fault. */
static void test_price_follows_parameters(void **state)
{
    (void)state;
    struct curve_parameters p[40];
    for (int round = 0; round < 2000; round++) {
        size_t count = 2 + town_random(&seed, 39);
        for (size_t i = 0; i < count; i++) {
            enum curve_kind kind = town_random(&seed, 2) == 0 ? CURVE_GENERATOR : CURVE_CONSUMER;
            uint32_t floor = kind == CURVE_CONSUMER ? 8000000 : 1000000;
            p[i] = (struct curve_parameters){kind, 500 * (uint32_t)town_random(&seed, 80),
                                             floor + (uint32_t)town_random(&seed, 9000000),
                                             1000000 * (uint32_t)(1 + town_random(&seed, 99))};
        }
        uint32_t before = price(p, count);
        size_t i = town_random(&seed, count);
        bool consumer = p[i].kind == CURVE_CONSUMER;
        if (consumer)
            p[i].intercept += (uint32_t)town_random(&seed, 3000000);
        else
            p[i].pmax += 1000000 * (uint32_t)town_random(&seed, 50);
        uint32_t after = price(p, count);
        assert_true(consumer ? after >= before : after <= before);
    }
}

static void test_table1(void **state)
{
    (void)state;
    struct curve curves[16];
    int64_t power[16];
    struct clearing c;
    for (size_t i = 0; i < 16; i++)
        assert_int_equal(curve_of(&town_table1[i], &curves[i]), BB_OK);
    clear_market(curves, 16, power, &c);
    assert_int_equal(c.lambda, 7371025);
    assert_int_equal(c.residual_mw, 0);
    assert_int_equal((c.load_mw + 500) / 1000, 420934);
    for (size_t i = 0; i < 16; i++)
        assert_int_equal((power[i] + 50000) / 100000, town_table1_printed[i]);
}

int main(void)
{
    seed = town_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table1),
        cmocka_unit_test(test_random_markets),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_extremes),
        cmocka_unit_test(test_price_follows_parameters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
