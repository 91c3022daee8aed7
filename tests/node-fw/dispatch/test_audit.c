#include "tests/node-fw/dispatch/town.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct town town;
static uint64_t seed;

static void settle(int64_t ms)
{
    town_run(&town, town.now + ms, NULL);
    town_check_audit(&town);
}

static void start(unsigned loss)
{
    town_clear(&town, 16, seed);
    town_circulant(&town, 2);
    town.loss_percent = loss;
    town.repeat_percent = loss / 3;
    town.delay_most = 1 + loss;
    town_start_all(&town);
}

static void expect_everywhere(int64_t mismatch_mw, int64_t within_mw)
{
    for (size_t i = 0; i < town.count; i++) {
        if (!town.up[i])
            continue;
        int64_t error = dispatch_view(&town.boards[i]).mismatch_mw - mismatch_mw;
        assert_in_range(error + within_mw, 0, 2 * within_mw);
    }
}

/* Boards that apply what they cleared agree on no mismatch; one that takes 16 kW more shows 1 kW on each. */
static void test_finds_a_cheat(void **state)
{
    (void)state;
    start(0);
    settle(60000);
    expect_everywhere(0, 10000);
    int64_t power = dispatch_view(&town.boards[2]).setpoint_mw;
    dispatch_set_applied(&town.boards[2], power + 16000000);
    settle(60000);
    expect_everywhere(1000000, 10000);
    dispatch_set_applied(&town.boards[2], power);
    settle(60000);
    expect_everywhere(0, 10000);
}

/* Lost, repeated and late broadcasts lose nothing. */
static void test_lossy(void **state)
{
    (void)state;
    start(30);
    settle(3000);
    for (int round = 0; round < 20; round++) {
        dispatch_set_applied(&town.boards[town_random(&seed, 16)], (int64_t)town_random(&seed, 90000000));
        settle((int64_t)town_random(&seed, 700));
    }
    int64_t sum = 0;
    for (size_t i = 0; i < town.count; i++)
        sum += town.boards[i].audit.value / 65536;
    settle(120000);
    expect_everywhere(sum / 16, 50000);
}

/* A board dies with everybody's shares in its pocket: they are taken back. It returns: its weight counts
 * once. */
static void test_death_and_return(void **state)
{
    (void)state;
    start(10);
    settle(20000);
    town_stop(&town, 4);
    town_run(&town, town.now + 10000, NULL);
    uint64_t weight = 0;
    for (size_t i = 0; i < town.count; i++) {
        const struct dispatch *d = &town.boards[i];
        weight += town.up[i] ? d->audit.weight : 0;
        for (size_t k = 0; k < d->neighbour_count && town.up[i]; k++)
            weight += d->neighbours[k].given_weight - d->neighbours[k].taken_weight;
    }
    assert_true(weight == UINT64_C(15) << 32);
    settle(60000);
    expect_everywhere(0, 20000);
    town_start(&town, 4);
    settle(90000);
    expect_everywhere(0, 20000);
}

/* Power outside what a board can say is cut to its range. */
static void test_range(void **state)
{
    (void)state;
    start(0);
    dispatch_set_applied(&town.boards[0], INT64_MAX);
    assert_true(town.boards[0].audit.value == (int64_t)UINT32_MAX * 65536);
    dispatch_set_applied(&town.boards[0], INT64_MIN);
    assert_true(town.boards[0].audit.value == 0);
}

int main(void)
{
    seed = town_seed(1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_finds_a_cheat),
        cmocka_unit_test(test_lossy),
        cmocka_unit_test(test_death_and_return),
        cmocka_unit_test(test_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
