/* When the overview is told. */
#include "agents/web/model/overview.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void test_pauses(void **state)
{
    (void)state;
    struct overview_telling telling = {0};
    struct overview now = {.load_mw = 1, .price_micro = -1};
    assert_true(overview_tell(&telling, &now, 1000));
    assert_false(overview_tell(&telling, &now, 1999));
    now.load_mw = 2;
    assert_true(overview_tell(&telling, &now, 1999));
    now.load_mw = 3;
    assert_false(overview_tell(&telling, &now, 2248));
    assert_true(overview_tell(&telling, &now, 2249));
    now.updated_ms = 5; /* alone it is no news */
    assert_false(overview_tell(&telling, &now, 3248));
    assert_true(overview_tell(&telling, &now, 3249));
    assert_int_equal(telling.told.updated_ms, 5);
}

/* However often it changes, it is told four times a second and no more. */
static void test_rate(void **state)
{
    (void)state;
    struct overview_telling telling = {0};
    struct overview now = {0};
    int told = 0;
    for (int64_t t = 0; t < 10000; t++) {
        now.load_mw = t;
        told += overview_tell(&telling, &now, t);
    }
    assert_int_equal(told, 40);
}

/* Apart is what differs by enough, in kW and in proportion, for long enough, while the bus is there. */
static void test_balance(void **state)
{
    (void)state;
    struct overview_balance balance = {0};
    struct overview now = {.bus = true, .online = 2, .load_mw = 100000000, .generation_mw = 98000000};
    overview_balance(&balance, &now, 1000);
    assert_int_equal(balance.since_ms, 0); /* two percent are not more than two percent */
    now.generation_mw--;
    overview_balance(&balance, &now, 1000);
    overview_balance(&balance, &now, 1000 + OVERVIEW_APART_MS - 1);
    assert_false(balance.apart);
    overview_balance(&balance, &now, 1000 + OVERVIEW_APART_MS);
    assert_true(balance.apart);
    now.bus = false;
    overview_balance(&balance, &now, 20000);
    assert_false(balance.apart);
    now = (struct overview){.bus = true, .online = 2, .generation_mw = OVERVIEW_APART_MW};
    overview_balance(&balance, &now, 30000);
    assert_int_equal(balance.since_ms, 0);
    now.generation_mw++;
    overview_balance(&balance, &now, 30000);
    overview_balance(&balance, &now, 40000);
    assert_true(balance.apart);
    now.generation_mw = 0;
    overview_balance(&balance, &now, 40001);
    assert_false(balance.apart);
}

static void test_lambda(void **state)
{
    (void)state;
    const struct overview agreed = {.lambda_min = 7371025, .lambda_max = 7371025};
    const struct overview wide = {.lambda_min = -3, .lambda_max = 4};
    assert_int_equal(overview_lambda(&agreed), 7371025);
    assert_int_equal(overview_lambda(&wide), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pauses), cmocka_unit_test(test_rate),
                                       cmocka_unit_test(test_balance), cmocka_unit_test(test_lambda)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
