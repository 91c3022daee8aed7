/* Limits: who is judged for what, and when. */
#include "agents/host/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct judge_limits LIMITS = {
    .memory = 1000, .processes = 4, .cpu_percent = 50, .messages_per_s = 100};

static void test_size(void **state)
{
    (void)state;
    assert_int_equal(judge_size(&LIMITS, 1000, 4), JUDGE_FINE);
    assert_int_equal(judge_size(&LIMITS, 1001, 4), JUDGE_MEMORY);
    assert_int_equal(judge_size(&LIMITS, 1001, 5), JUDGE_PROCESSES);
}

static void test_cpu_needs_ten_seconds_in_a_row(void **state)
{
    struct judge judge;
    uint64_t ticks = 7;
    (void)state;
    judge_reset(&judge);
    assert_int_equal(judge_cpu(&judge, &LIMITS, ticks, 100, 0), JUDGE_FINE);
    for (int i = 1; i < 10; i++)
        assert_int_equal(judge_cpu(&judge, &LIMITS, ticks += 80, 100, i * 1000), JUDGE_FINE);
    assert_int_equal(judge_cpu(&judge, &LIMITS, ticks, 100, 10000), JUDGE_FINE); /* a rest */
    for (int i = 11; i < 20; i++)
        assert_int_equal(judge_cpu(&judge, &LIMITS, ticks += 51, 100, i * 1000), JUDGE_FINE);
    assert_int_equal(judge_cpu(&judge, &LIMITS, ticks += 51, 100, 20000), JUDGE_CPU);
    assert_true(judge.cpu_percent > 50.9 && judge.cpu_percent < 51.1);
    for (int i = 21; i < 60; i++)
        assert_int_equal(judge_cpu(&judge, &LIMITS, ticks += 80, 100, i * 1000), JUDGE_FINE); /* once */
    assert_int_equal(judge.used_ticks, ticks);
}

static void test_cpu_of_processes_that_end(void **state)
{
    struct judge judge;
    (void)state;
    judge_reset(&judge);
    (void)judge_cpu(&judge, &LIMITS, 500, 100, 0);
    (void)judge_cpu(&judge, &LIMITS, 100, 100, 1000); /* one with 400 has ended */
    assert_true(judge.cpu_percent == 0);
    assert_int_equal(judge.used_ticks, 500);
    (void)judge_cpu(&judge, &LIMITS, 130, 100, 2000);
    assert_int_equal(judge.used_ticks, 530);
}

static void test_messages(void **state)
{
    struct judge judge;
    uint64_t messages = 1000;
    (void)state;
    judge_reset(&judge);
    assert_int_equal(judge_messages(&judge, &LIMITS, messages, 0), JUDGE_FINE);
    assert_int_equal(judge_messages(&judge, &LIMITS, messages += 200, 2000),
                     JUDGE_FINE); /* exactly the limit */
    assert_true(judge.flood_over_ms == 0);
    for (int i = 2; i < 6; i++)
        assert_int_equal(judge_messages(&judge, &LIMITS, messages += 202, i * 2000), JUDGE_FINE);
    assert_int_equal(judge_messages(&judge, &LIMITS, messages += 202, 12000), JUDGE_FLOOD);
    assert_int_equal(judge_messages(&judge, &LIMITS, 202, 14000), JUDGE_FINE); /* connected again */
    assert_true(judge.messages_per_s > 100.9 && judge.messages_per_s < 101.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_cpu_needs_ten_seconds_in_a_row),
        cmocka_unit_test(test_cpu_of_processes_that_end),
        cmocka_unit_test(test_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
