/* The lives of alarms. A seed for the last test: the first argument, or BUSBAR_SEED. */
#include "agents/web/model/alarms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct alarms alarms;
static unsigned seed;

static int fresh(void **state)
{
    (void)state;
    memset(&alarms, 0, sizeof alarms);
    return 0;
}

static const struct alarm *raise_it(const char *alert, bool standing, int64_t now)
{
    const struct alarm_event event = {"alerts/x", "L1", alert, "it happened", standing};
    return alarms_raise(&alarms, &event, now);
}

static enum alarm_state acknowledge(uint32_t id, int64_t now)
{
    const struct alarm *alarm = NULL;
    assert_int_equal(alarms_acknowledge(&alarms, id, "ann", now, &alarm), ALARMS_DONE);
    assert_string_equal(alarm->by, "ann");
    return alarm->state;
}

/* A condition: active, acknowledged while it stands, cleared when it ends. */
static void test_condition(void **state)
{
    (void)state;
    const struct alarm *alarm = raise_it("offline", true, 100);
    assert_int_equal(alarm->id, 1);
    assert_int_equal(alarm->state, ALARM_ACTIVE);
    assert_true(alarms_stands(&alarms, "alerts/x", "offline"));
    assert_false(alarms_stands(&alarms, "alerts/x", "lost"));
    assert_int_equal(acknowledge(1, 200), ALARM_ACKNOWLEDGED);
    assert_int_equal(alarms_open(&alarms), 1);
    assert_ptr_equal(alarms_clear(&alarms, "alerts/x", "offline", 300), alarm);
    assert_int_equal(alarm->state, ALARM_CLEARED);
    assert_null(alarms_clear(&alarms, "alerts/x", "offline", 400));
    assert_int_equal(alarms_open(&alarms), 0);
}

/* What ended before anybody looked stays until somebody does. */
static void test_ended_unseen(void **state)
{
    (void)state;
    const struct alarm *alarm = raise_it("offline", true, 100);
    alarms_clear(&alarms, "alerts/x", "offline", 200);
    assert_int_equal(alarm->state, ALARM_ACTIVE);
    assert_false(alarm->standing);
    assert_int_equal(acknowledge(1, 300), ALARM_CLEARED);
    assert_int_equal(alarms_acknowledge(&alarms, 1, "bob", 400, &alarm), ALARMS_OVER);
}

static void test_occurrence(void **state)
{
    (void)state;
    const struct alarm *alarm = raise_it("crash-loop", false, 100);
    raise_it("crash-loop", false, 150);
    assert_int_equal(alarms.count, 1);
    assert_int_equal(alarm->count, 2);
    assert_int_equal(alarm->since_ms, 100);
    assert_int_equal(alarm->last_ms, 150);
    assert_int_equal(acknowledge(1, 200), ALARM_CLEARED);
    raise_it("crash-loop", false, 300);
    assert_int_equal(alarm->state, ALARM_ACTIVE);
    assert_int_equal(alarm->count, 3);
    assert_int_equal(alarm->since_ms, 300);
    assert_string_equal(alarm->by, "");
}

/* A condition that is told again in the same words is no new event. */
static void test_told_again(void **state)
{
    (void)state;
    const struct alarm *alarm = raise_it("offline", true, 100);
    acknowledge(1, 150);
    raise_it("offline", true, 200);
    assert_int_equal(alarm->count, 1);
    assert_int_equal(alarm->last_ms, 200);
    assert_int_equal(alarm->state, ALARM_ACKNOWLEDGED);
}

static void test_shelf(void **state)
{
    (void)state;
    const struct alarm *alarm = raise_it("offline", true, 0), *out = NULL;
    assert_int_equal(alarms_shelve(&alarms, 1, "ann", 0, 0, &out), ALARMS_MINUTES);
    assert_int_equal(alarms_shelve(&alarms, 1, "ann", ALARMS_SHELF_MAX_MIN + 1, 0, &out), ALARMS_MINUTES);
    assert_int_equal(alarms_shelve(&alarms, 9, "ann", 1, 0, &out), ALARMS_UNKNOWN);
    assert_null(out);
    assert_int_equal(alarms_shelve(&alarms, 1, "ann", 2, 1000, &out), ALARMS_DONE);
    assert_int_equal(alarm->until_ms, 121000);
    assert_int_equal(alarms_open(&alarms), 0);
    assert_null(alarms_tick(&alarms, 120999));
    assert_ptr_equal(alarms_tick(&alarms, 121000), alarm);
    assert_int_equal(alarm->state, ALARM_ACTIVE);
    assert_null(alarms_tick(&alarms, 121000));
}

/* Over while it lay on the shelf: cleared; an occurrence that came again meanwhile: active. */
static void test_shelf_ends(void **state)
{
    (void)state;
    const struct alarm *one = raise_it("offline", true, 0), *two = raise_it("flood", false, 0), *out;
    assert_int_equal(alarms_shelve(&alarms, one->id, "ann", 1, 0, &out), ALARMS_DONE);
    assert_int_equal(alarms_shelve(&alarms, two->id, "ann", 1, 0, &out), ALARMS_DONE);
    alarms_clear(&alarms, "alerts/x", "offline", 10);
    raise_it("flood", false, 20);
    assert_int_equal(two->state, ALARM_SHELVED);
    assert_non_null(alarms_tick(&alarms, 60000));
    assert_non_null(alarms_tick(&alarms, 60000));
    assert_null(alarms_tick(&alarms, 60000));
    assert_int_equal(one->state, ALARM_CLEARED);
    assert_int_equal(two->state, ALARM_ACTIVE);
}

/* Texts of any length are cut, and never within a character. */
static void test_long_texts(void **state)
{
    (void)state;
    char text[2000] = "";
    for (size_t i = 0; i + 2 < 1000; i += 2)
        memcpy(text + i, "é", 3);
    const struct alarm_event event = {text + 0, text, text, text, false};
    const struct alarm *alarm = alarms_raise(&alarms, &event, 0);
    assert_int_equal(strlen(alarm->text), ALARMS_TEXT_SIZE - 2);
    assert_int_equal(strlen(alarm->alert), ALARMS_WORD_SIZE - 2);
    assert_ptr_equal(alarms_raise(&alarms, &event, 1), alarm);
    assert_int_equal(alarm->count, 2);
}

/* The bound: cleared ones make room before open ones, the oldest first. */
static void test_bounded(void **state)
{
    (void)state;
    char word[16];
    for (int i = 0; i < ALARMS_MAX; i++) {
        snprintf(word, sizeof word, "a%d", i);
        raise_it(word, true, i);
    }
    acknowledge(501, 5000);
    alarms_clear(&alarms, "alerts/x", "a500", 5001);
    assert_int_equal(raise_it("new", true, 6000)->id, ALARMS_MAX + 1);
    assert_int_equal(alarms.list[500].id, ALARMS_MAX + 1);
    assert_int_equal(alarms.pushed_out, 501);
    raise_it("newer", true, 6001);
    assert_int_equal(alarms.list[0].id, ALARMS_MAX + 2);
    assert_int_equal(alarms.count, ALARMS_MAX);
    assert_int_equal(alarms.forgotten, 2);
}

static void check(void)
{
    for (size_t i = 0; i < alarms.count; i++) {
        const struct alarm *a = &alarms.list[i];
        assert_true(a->id >= 1 && a->id <= alarms.last_id && a->count >= 1);
        assert_true(a->state != ALARM_ACKNOWLEDGED || a->standing);
        assert_true((a->state == ALARM_SHELVED) == (a->until_ms != 0));
        for (size_t k = 0; k < i; k++)
            assert_true(alarms.list[k].id != a->id && strcmp(alarms.list[k].alert, a->alert) != 0);
    }
}

/* Whatever happens in whatever order, an acknowledged alarm stands, a shelved one has its time, and none is
 * there twice. */
static void test_any_order(void **state)
{
    (void)state;
    const struct alarm *out;
    printf("seed %u\n", seed);
    for (int64_t now = 1; now < 20000; now++) {
        char word[8];
        int what = rand_r(&seed) % 6;
        uint32_t id = (uint32_t)(rand_r(&seed) % 12);
        snprintf(word, sizeof word, "a%d", rand_r(&seed) % 8);
        if (what < 2)
            raise_it(word, what == 0, now * 1000);
        else if (what == 2)
            alarms_clear(&alarms, "alerts/x", word, now * 1000);
        else if (what == 3)
            (void)alarms_acknowledge(&alarms, id, "ann", now * 1000, &out);
        else if (what == 4)
            (void)alarms_shelve(&alarms, id, "ann", rand_r(&seed) % 3, now * 1000, &out);
        else
            while (alarms_tick(&alarms, now * 1000) != NULL)
                ;
        if (now % 64 == 0)
            check();
    }
    check();
}

int main(int argc, char **argv)
{
    const char *given = argc > 1 ? argv[1] : getenv("BUSBAR_SEED");
    seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : 7;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_condition, fresh),  cmocka_unit_test_setup(test_ended_unseen, fresh),
        cmocka_unit_test_setup(test_occurrence, fresh), cmocka_unit_test_setup(test_told_again, fresh),
        cmocka_unit_test_setup(test_shelf, fresh),      cmocka_unit_test_setup(test_shelf_ends, fresh),
        cmocka_unit_test_setup(test_long_texts, fresh), cmocka_unit_test_setup(test_bounded, fresh),
        cmocka_unit_test_setup(test_any_order, fresh)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
