/* The life of an agent: every way through it, and a random walk that never starts it twice. */
#include "agents/host/life.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define STOP_MS 5000

static struct life fresh(bool once)
{
    struct life life;
    life_init(&life, once, STOP_MS, 0);
    return life;
}

/* A life that runs since `now_ms`. */
static struct life running(bool once, int64_t now_ms)
{
    struct life life = fresh(once);
    assert_int_equal(life_step(&life, LIFE_START, now_ms), LIFE_DO_KILL);
    assert_int_equal(life_step(&life, LIFE_CLEARED, now_ms), LIFE_DO_SPAWN);
    assert_int_equal(life_step(&life, LIFE_RUNS, now_ms), 0);
    assert_int_equal(life.state, LIFE_RUNNING);
    return life;
}

static void test_starts_when_clear(void **state)
{
    (void)state;
    struct life life = fresh(false);
    assert_string_equal(life_word(life.state), "stopped");
    assert_int_equal(life_step(&life, LIFE_START, 1), LIFE_DO_KILL);
    assert_int_equal(life.state, LIFE_STARTING);
    assert_int_equal(life_step(&life, LIFE_START, 2), 0);
    assert_int_equal(life_step(&life, LIFE_TICK, 100000), 0);
    assert_int_equal(life_step(&life, LIFE_CLEARED, 3), LIFE_DO_SPAWN);
    assert_int_equal(life_step(&life, LIFE_CLEARED, 4), 0);
    assert_int_equal(life_step(&life, LIFE_RUNS, 5), 0);
    assert_int_equal(life.since_ms, 5);
    assert_int_equal(life_step(&life, LIFE_START, 6), 0);
}

static void test_stops(void **state)
{
    (void)state;
    struct life life = running(false, 0);
    assert_int_equal(life_step(&life, LIFE_STOP, 10), LIFE_DO_TERM);
    assert_int_equal(life_step(&life, LIFE_STOP, 11), 0);
    assert_int_equal(life_step(&life, LIFE_TICK, 10 + STOP_MS - 1), 0);
    assert_int_equal(life_step(&life, LIFE_EXITED, 20), LIFE_DO_KILL);
    assert_int_equal(life.state, LIFE_STOPPING);
    assert_int_equal(life_step(&life, LIFE_CLEARED, 30), 0);
    assert_int_equal(life.state, LIFE_STOPPED);
    assert_int_equal(life.restarts, 0);
    assert_true(life_due(&life) == INT64_MAX);
}

static void test_is_killed_when_it_does_not_stop(void **state)
{
    (void)state;
    struct life life = running(false, 0);
    (void)life_step(&life, LIFE_STOP, 0);
    assert_int_equal(life_step(&life, LIFE_TICK, STOP_MS), LIFE_DO_KILL | LIFE_SAY_UNSTOPPABLE);
    assert_int_equal(life_step(&life, LIFE_TICK, STOP_MS + 1), 0);
    assert_int_equal(life_step(&life, LIFE_TICK, STOP_MS + LIFE_STUCK_MS), LIFE_DO_KILL | LIFE_SAY_STUCK);
    assert_int_equal(life_step(&life, LIFE_TICK, STOP_MS + LIFE_STUCK_MS + 1), 0);
}

static void test_starts_again_later_and_later(void **state)
{
    static const int64_t PAUSES[] = {500, 1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    (void)state;
    struct life life = running(false, 0);
    int64_t now = 0;
    for (size_t i = 0; i < sizeof PAUSES / sizeof *PAUSES; i++) {
        now += 20000; /* too seldom for a loop, too short to be steady */
        assert_int_equal(life_step(&life, LIFE_EXITED, now), LIFE_DO_KILL);
        assert_int_equal(life.state, LIFE_WAITING);
        assert_true(life_due(&life) == INT64_MAX); /* not before it is clear */
        (void)life_step(&life, LIFE_CLEARED, now);
        assert_int_equal(life_due(&life), now + PAUSES[i]);
        assert_int_equal(life_step(&life, LIFE_TICK, now + PAUSES[i] - 1), 0);
        now += PAUSES[i];
        assert_int_equal(life_step(&life, LIFE_TICK, now), LIFE_DO_SPAWN);
        (void)life_step(&life, LIFE_RUNS, now);
    }
    (void)life_step(&life, LIFE_EXITED, now + LIFE_STEADY_MS);
    (void)life_step(&life, LIFE_CLEARED, now + LIFE_STEADY_MS);
    assert_int_equal(life_due(&life), now + LIFE_STEADY_MS + LIFE_PAUSE_FIRST_MS);
}

/* Ends again and again as soon as it is started: gives up with the fifth. */
static void loop(struct life *life, enum life_event event)
{
    int64_t now = life->since_ms;
    for (int i = 1; i < LIFE_LOOP_EXITS; i++) {
        assert_int_equal(life_step(life, event, now) & LIFE_SAY_CRASH_LOOP, 0);
        (void)life_step(life, LIFE_CLEARED, now);
        now = life_due(life);
        assert_int_equal(life_step(life, LIFE_TICK, now), LIFE_DO_SPAWN);
        (void)life_step(life, LIFE_RUNS, now);
    }
    assert_int_equal(life_step(life, event, now) & LIFE_SAY_CRASH_LOOP, LIFE_SAY_CRASH_LOOP);
    assert_int_equal(life->state, LIFE_CRASHED);
}

static void test_gives_up_after_a_crash_loop(void **state)
{
    (void)state;
    struct life life = running(false, 0);
    loop(&life, LIFE_EXITED);
    assert_int_equal(life_step(&life, LIFE_CLEARED, 50000), 0);
    assert_int_equal(life_step(&life, LIFE_TICK, 1 << 30), 0);
    assert_int_equal(life_step(&life, LIFE_START, 60000), LIFE_DO_SPAWN);
    (void)life_step(&life, LIFE_RUNS, 60000);
    loop(&life, LIFE_ENDED);
    (void)life_step(&life, LIFE_CLEARED, 90000);
    assert_int_equal(life_step(&life, LIFE_STOP, 90001), 0);
    assert_int_equal(life.state, LIFE_STOPPED);
}

static void test_failed_starts_are_exits(void **state)
{
    (void)state;
    struct life life = fresh(false);
    int64_t now = 0;
    (void)life_step(&life, LIFE_START, now);
    assert_int_equal(life_step(&life, LIFE_CLEARED, now), LIFE_DO_SPAWN);
    for (int i = 1; i < LIFE_LOOP_EXITS; i++) {
        assert_int_equal(life_step(&life, LIFE_FAILED, now), 0);
        now = life_due(&life);
        assert_int_equal(life_step(&life, LIFE_TICK, now), LIFE_DO_SPAWN);
    }
    assert_int_equal(life_step(&life, LIFE_FAILED, now), LIFE_SAY_CRASH_LOOP);
}

static void test_once(void **state)
{
    (void)state;
    struct life life = running(true, 0);
    assert_int_equal(life_step(&life, LIFE_ENDED, 5), LIFE_DO_KILL);
    (void)life_step(&life, LIFE_CLEARED, 6);
    assert_int_equal(life.state, LIFE_STOPPED);
    life = running(true, 0);
    (void)life_step(&life, LIFE_EXITED, 5);
    assert_int_equal(life.state, LIFE_WAITING);
}

static void test_restarts(void **state)
{
    (void)state;
    struct life life = running(false, 0);
    assert_int_equal(life_step(&life, LIFE_RESTART, 1), LIFE_DO_TERM);
    (void)life_step(&life, LIFE_EXITED, 2);
    assert_int_equal(life_step(&life, LIFE_CLEARED, 3), LIFE_DO_SPAWN);
    assert_int_equal(life.restarts, 0);
    /* A start while it stops is a restart, a stop after that takes it back. */
    (void)life_step(&life, LIFE_RUNS, 4);
    (void)life_step(&life, LIFE_STOP, 5);
    (void)life_step(&life, LIFE_START, 6);
    assert_true(life.again);
    (void)life_step(&life, LIFE_STOP, 7);
    (void)life_step(&life, LIFE_EXITED, 8);
    assert_int_equal(life_step(&life, LIFE_CLEARED, 9), 0);
    assert_int_equal(life.state, LIFE_STOPPED);
}

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* Whatever comes in whatever order: nothing is started while something of it may live, and a stop that is
 * left alone ends. */
static void test_walk(void **state)
{
    const char *given = getenv("BUSBAR_SEED");
    uint64_t seed = given == NULL ? 20260101 : strtoull(given, NULL, 10);
    (void)state;
    print_message("seed %" PRIu64 "\n", seed);
    struct life life = fresh(false);
    bool lives = true; /* in the world: something of it */
    bool first = false;
    int64_t now = 0;
    for (int i = 0; i < 200000; i++) {
        enum life_event event = (enum life_event)(next_random(&seed) % (LIFE_TICK + 1));
        bool ends = event == LIFE_FAILED || event == LIFE_EXITED || event == LIFE_ENDED;
        if ((ends || event == LIFE_RUNS) && !first)
            continue; /* the shell says only what has happened */
        if (event == LIFE_CLEARED && first)
            continue;
        if (ends)
            first = false;
        if (event == LIFE_FAILED || event == LIFE_CLEARED)
            lives = false;
        now += (int64_t)(next_random(&seed) % 2000);
        unsigned actions = life_step(&life, event, now);
        if (actions & LIFE_DO_SPAWN) {
            assert_false(lives);
            lives = first = true;
        }
        assert_int_equal(life.alive, first);
        if (life.state == LIFE_STOPPED || life.state == LIFE_CRASHED || life.state == LIFE_WAITING)
            assert_false(first);
    }
    (void)life_step(&life, LIFE_STOP, now);
    if (first)
        (void)life_step(&life, LIFE_EXITED, now);
    (void)life_step(&life, LIFE_CLEARED, now);
    assert_int_equal(life.state, LIFE_STOPPED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starts_when_clear),
        cmocka_unit_test(test_stops),
        cmocka_unit_test(test_is_killed_when_it_does_not_stop),
        cmocka_unit_test(test_starts_again_later_and_later),
        cmocka_unit_test(test_gives_up_after_a_crash_loop),
        cmocka_unit_test(test_failed_starts_are_exits),
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_restarts),
        cmocka_unit_test(test_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
