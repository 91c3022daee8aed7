/* The recorder of runs. A seed for the last test: the first argument, or BUSBAR_SEED. */
#include "agents/web/model/runs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct runs runs;
static unsigned seed;

static int fresh(void **state)
{
    (void)state;
    memset(&runs, 0, sizeof runs);
    return 0;
}

static enum runs_change say(const char *name, int64_t exchange, int64_t lambda, bool certified, int64_t now)
{
    const struct runs_board board = {.name = name,
                                     .online = true,
                                     .certified = certified,
                                     .lambda = lambda,
                                     .exchange = exchange,
                                     .incarnation = 1};
    return runs_take(&runs, &board, now);
}

/* Two boards converge; the run ends a while after both are certified, and the next begins with a change. */
static void test_converging(void **state)
{
    (void)state;
    assert_int_equal(say("L1", 5, 9000000, false, 1000), RUNS_BEGAN);
    assert_int_equal(say("DG1", 7, 6000000, false, 1010), RUNS_FRAME);
    assert_int_equal(say("L1", 6, 8000000, false, 1150), RUNS_FRAME);
    assert_int_equal(say("L1", 6, 8000000, false, 1160), RUNS_NOTHING);
    assert_int_equal(say("L1", 8, 7000000, true, 1300), RUNS_FRAME);
    assert_int_equal(runs_tick(&runs, 9000), RUNS_NOTHING); /* DG1 is not certified */
    assert_int_equal(say("DG1", 9, 7000000, true, 9100), RUNS_FRAME);
    assert_int_equal(runs_tick(&runs, 9100 + RUNS_TAIL_MS - 1), RUNS_NOTHING);
    assert_int_equal(runs_tick(&runs, 9100 + RUNS_TAIL_MS), RUNS_ENDED);
    const struct run *run = runs_find(&runs, 1);
    assert_int_equal(run->frames, 5);
    assert_int_equal(run->ended_ms, 9100 + RUNS_TAIL_MS);
    const uint32_t k[] = {0, 0, 1, 3, 2};
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(runs_frame(&runs, run, i)->k, k[i]);
    assert_int_equal(runs_frame(&runs, run, 2)->t_ms, 150);
    assert_null(runs_live(&runs));
    assert_int_equal(say("L1", 9, 7000000, true, 20000), RUNS_NOTHING); /* a heartbeat */
    assert_int_equal(say("L1", 10, 7000000, false, 20100), RUNS_BEGAN);
    assert_int_equal(runs_live(&runs)->frames, 2);
    assert_int_equal(runs_frame(&runs, runs_live(&runs), 0)->k, 0);
}

/* A board that goes, a board that comes to another price while it is certified: both begin a run. */
static void test_changes(void **state)
{
    (void)state;
    say("L1", 1, 7000000, true, 1);
    runs_tick(&runs, 1 + RUNS_TAIL_MS);
    assert_null(runs_live(&runs));
    struct runs_board board = {.name = "L1", .lambda = 7000000, .exchange = 1, .incarnation = 1};
    assert_int_equal(runs_take(&runs, &board, 10000), RUNS_BEGAN);
    assert_int_equal(runs_tick(&runs, 10000 + RUNS_TAIL_MS), RUNS_ENDED);
    board.online = board.certified = true;
    assert_int_equal(runs_take(&runs, &board, 20000), RUNS_BEGAN);
    assert_int_equal(runs_tick(&runs, 20000 + RUNS_TAIL_MS), RUNS_ENDED);
    board.lambda += RUNS_LAMBDA_STEP;
    assert_int_equal(runs_take(&runs, &board, 30000), RUNS_NOTHING);
    board.lambda += RUNS_LAMBDA_STEP + 1;
    assert_int_equal(runs_take(&runs, &board, 31000), RUNS_BEGAN);
}

/* k grows over a restart of the board, whose own count begins anew. */
static void test_restart(void **state)
{
    (void)state;
    say("L1", 100, 1, false, 0);
    say("L1", 104, 2, false, 1);
    const struct runs_board again = {.name = "L1", .online = true, .exchange = 3, .incarnation = 2};
    assert_int_equal(runs_take(&runs, &again, 2), RUNS_FRAME);
    assert_int_equal(runs_frame(&runs, runs_live(&runs), 2)->k, 7);
}

static void test_silence(void **state)
{
    (void)state;
    say("L1", 1, 1, false, 0);
    assert_int_equal(runs_tick(&runs, RUNS_SILENCE_MS - 1), RUNS_NOTHING);
    assert_int_equal(runs_tick(&runs, RUNS_SILENCE_MS), RUNS_ENDED);
}

/* The clock was set back. */
static void test_clock(void **state)
{
    (void)state;
    say("L1", 1, 1, false, 50000);
    say("L1", 2, 2, false, 50300);
    say("L1", 3, 3, false, 20000);
    assert_int_equal(runs_frame(&runs, runs_live(&runs), 2)->t_ms, 300);
}

/* Strangers' numbers and names. */
static void test_hostile(void **state)
{
    (void)state;
    const struct runs_board wild = {"L1",      false,     true,      false,     INT64_MAX / 2,
                                    INT64_MAX, INT64_MAX, INT64_MIN, INT64_MAX, 0};
    assert_int_equal(runs_take(&runs, &wild, 0), RUNS_BEGAN);
    assert_int_equal(runs_frame(&runs, runs_live(&runs), 0)->lambda, INT32_MAX);
    assert_int_equal(runs_frame(&runs, runs_live(&runs), 0)->mismatch, INT32_MIN);
    assert_int_equal(say("", 1, 1, false, 0), RUNS_NOTHING);
    assert_int_equal(say("a name that is much too long", 1, 1, false, 0), RUNS_NOTHING);
    for (int i = 0; i < 2 * BB_BOARDS_MAX; i++) {
        char name[BB_NAME_MAX];
        snprintf(name, sizeof name, "B%d", i);
        say(name, 1, 1, false, 1);
    }
    assert_int_equal(runs.board_count, BB_BOARDS_MAX);
}

static void test_full(void **state)
{
    (void)state;
    for (int64_t i = 0; i < RUNS_FRAMES_MAX; i++)
        say("L1", i, i, false, i);
    assert_null(runs_live(&runs));
    assert_true(runs_find(&runs, 1)->full);
    assert_int_equal(runs_find(&runs, 1)->frames, RUNS_FRAMES_MAX);
    assert_int_equal(say("L1", 0, 0, false, RUNS_FRAMES_MAX), RUNS_BEGAN);
}

/* Every frame that a kept run has is still the one that was put there, whatever happens. */
static void check(void)
{
    uint64_t kept = 0;
    assert_true(runs.count <= RUNS_MAX);
    for (size_t i = 0; i < runs.count; i++) {
        const struct run *run = &runs.list[i];
        kept += run->frames;
        assert_true(run->frames <= RUNS_FRAMES_MAX + BB_BOARDS_MAX && runs.written - run->first <= RUNS_ROOM);
        assert_true(i + 1 == runs.count || (run->ended_ms != 0 && run->first + run->frames == run[1].first));
        for (uint32_t k = 1; k < run->frames; k += 97)
            assert_true(runs_frame(&runs, run, k)->t_ms >= runs_frame(&runs, run, k - 1)->t_ms);
    }
    assert_true(kept <= RUNS_ROOM);
}

static void test_any_order(void **state)
{
    (void)state;
    int64_t now = 0;
    printf("seed %u\n", seed);
    for (int i = 0; i < 400000; i++) {
        char name[BB_NAME_MAX];
        snprintf(name, sizeof name, "B%d", rand_r(&seed) % 16);
        now += rand_r(&seed) % 4;
        if (rand_r(&seed) % 20000 == 0)
            now += RUNS_SILENCE_MS;
        const struct runs_board board = {.name = name,
                                         .online = rand_r(&seed) % 50 != 0,
                                         .certified = rand_r(&seed) % 3 != 0,
                                         .lambda = rand_r(&seed) % 1000,
                                         .exchange = i / 16,
                                         .incarnation = i / 50000};
        (void)runs_take(&runs, &board, now);
        (void)runs_tick(&runs, now);
        if (i % 5000 == 0)
            check();
    }
    check();
    assert_true(runs.written > RUNS_ROOM);
}

int main(int argc, char **argv)
{
    const char *given = argc > 1 ? argv[1] : getenv("BUSBAR_SEED");
    seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : 7;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_converging, fresh), cmocka_unit_test_setup(test_changes, fresh),
        cmocka_unit_test_setup(test_restart, fresh),    cmocka_unit_test_setup(test_silence, fresh),
        cmocka_unit_test_setup(test_hostile, fresh),    cmocka_unit_test_setup(test_clock, fresh),
        cmocka_unit_test_setup(test_full, fresh),       cmocka_unit_test_setup(test_any_order, fresh)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
