/* Reservations: who conflicts, who gives way, who holds a device. */
#include "agents/modbus/schedule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define GRACE 60

static enum schedule_verdict ask(struct schedule *s, const char *owner, const char *id,
                                 enum schedule_priority priority, size_t device, int64_t start, int64_t end,
                                 int64_t now)
{
    static struct schedule_task task;
    memset(&task, 0, sizeof task);
    snprintf(task.id, sizeof task.id, "%s", id);
    snprintf(task.owner, sizeof task.owner, "%s", owner);
    task.priority = priority;
    task.slots[0] = (struct schedule_slot){device, start, end};
    task.count = 1;
    return schedule_request(s, &task, now, GRACE);
}

static const char *holder(const struct schedule *s, size_t device, int64_t now, int64_t *end)
{
    int64_t none;
    const struct schedule_task *task = schedule_holder(s, device, now, end == NULL ? &none : end);
    return task == NULL ? "" : task->id;
}

static void test_slots(void **state)
{
    (void)state;
    struct schedule s = {0};
    assert_int_equal(ask(&s, "a", "one", PRIORITY_LOW, 0, 100, 200, 0), SCHEDULE_DONE);
    assert_int_equal(ask(&s, "b", "two", PRIORITY_LOW, 0, 150, 250, 0), SCHEDULE_MEETS_OTHERS);
    assert_int_equal(s.tasks[0]->mark, MARK_CONFLICT);
    assert_int_equal(ask(&s, "b", "two", PRIORITY_LOW, 0, 200, 250, 0), SCHEDULE_DONE);
    assert_int_equal(ask(&s, "b", "three", PRIORITY_LOW, 1, 150, 250, 0), SCHEDULE_DONE);
    assert_int_equal(ask(&s, "b", "three", PRIORITY_LOW, 2, 150, 250, 0), SCHEDULE_ID_TAKEN);
    assert_int_equal(ask(&s, "b", "", PRIORITY_LOW, 2, 150, 250, 0), SCHEDULE_ID_MISSING);
    assert_int_equal(ask(&s, "b", "x", PRIORITY_LOW, 2, 250, 250, 0), SCHEDULE_MALFORMED);
    assert_string_equal(holder(&s, 0, 99, NULL), "");
    assert_string_equal(holder(&s, 0, 100, NULL), "one");
    assert_string_equal(holder(&s, 0, 200, NULL), "two");
    assert_string_equal(holder(&s, 0, 250, NULL), "");
    assert_int_equal(schedule_next(&s, 0), 100);
    assert_int_equal(schedule_next(&s, 100), 150);
    assert_int_equal(schedule_cancel(&s, "a", "two", 0), SCHEDULE_NOT_YOURS);
    assert_int_equal(schedule_cancel(&s, "b", "two", 0), SCHEDULE_DONE);
    assert_int_equal(schedule_cancel(&s, "b", "two", 0), SCHEDULE_ID_UNKNOWN);
    schedule_leave(&s, "b");
    assert_int_equal(s.count, 1);
    schedule_tidy(&s, 200);
    assert_int_equal(s.count, 0);
    assert_int_equal(schedule_next(&s, 0), INT64_MAX);
    schedule_free(&s);
}

static void test_itself(void **state)
{
    (void)state;
    struct schedule s = {0};
    struct schedule_task *task = calloc(1, sizeof *task);
    strncpy(task->id, "t", 2);
    strncpy(task->owner, "a", 2);
    assert_int_equal(schedule_request(&s, task, 0, GRACE), SCHEDULE_EMPTY);
    task->count = 3;
    task->slots[0] = (struct schedule_slot){0, 10, 20};
    task->slots[1] = (struct schedule_slot){1, 10, 20};
    task->slots[2] = (struct schedule_slot){0, 19, 30};
    assert_int_equal(schedule_request(&s, task, 0, GRACE), SCHEDULE_MEETS_ITSELF);
    task->slots[2].start_ms = 20;
    assert_int_equal(schedule_request(&s, task, 0, GRACE), SCHEDULE_DONE);
    free(task);
    schedule_free(&s);
}

/* Who gives way to whom, before and after it has begun. */
static void test_priorities(void **state)
{
    (void)state;
    static const struct {
        enum schedule_priority first, second;
        int64_t now;
        enum schedule_verdict verdict;
    } cases[] = {
        {PRIORITY_LOW, PRIORITY_HIGH, 50, SCHEDULE_DONE},
        {PRIORITY_LOW, PRIORITY_HIGH, 150, SCHEDULE_MEETS_OTHERS},
        {PRIORITY_LOW_PREEMPT, PRIORITY_HIGH, 50, SCHEDULE_DONE},
        {PRIORITY_LOW_PREEMPT, PRIORITY_HIGH, 150, SCHEDULE_DONE},
        {PRIORITY_HIGH, PRIORITY_HIGH, 50, SCHEDULE_MEETS_OTHERS},
        {PRIORITY_LOW_PREEMPT, PRIORITY_LOW, 50, SCHEDULE_MEETS_OTHERS},
        {PRIORITY_LOW_PREEMPT, PRIORITY_LOW_PREEMPT, 150, SCHEDULE_MEETS_OTHERS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct schedule s = {0};
        assert_int_equal(ask(&s, "a", "one", cases[i].first, 0, 100, 1000, 0), SCHEDULE_DONE);
        assert_int_equal(ask(&s, "b", "two", cases[i].second, 0, 120, 900, cases[i].now), cases[i].verdict);
        assert_int_equal(s.count, cases[i].verdict == SCHEDULE_DONE ? 2 : 1);
        schedule_free(&s);
    }
}

static void test_grace(void **state)
{
    (void)state;
    struct schedule s = {0};
    int64_t end = 0;
    assert_int_equal(ask(&s, "a", "one", PRIORITY_LOW_PREEMPT, 0, 100, 1000, 0), SCHEDULE_DONE);
    assert_int_equal(ask(&s, "b", "two", PRIORITY_HIGH, 0, 150, 900, 150), SCHEDULE_DONE);
    assert_int_equal(s.tasks[0]->mark, MARK_PREEMPTED);
    assert_string_equal(holder(&s, 0, 150, &end), "one");
    assert_int_equal(end, 150 + GRACE);
    assert_string_equal(holder(&s, 0, 150 + GRACE, NULL), "two");
    /* A second one that waits for the grace to end; what was preempted is not preempted again. */
    assert_int_equal(ask(&s, "c", "three", PRIORITY_LOW, 0, 160, 170, 155), SCHEDULE_MEETS_OTHERS);
    schedule_tidy(&s, 150 + GRACE);
    assert_int_equal(s.count, 1);
    schedule_free(&s);
}

static void test_bounds(void **state)
{
    (void)state;
    struct schedule s = {0};
    char id[32];
    for (int i = 0; i < SCHEDULE_OWNER_MAX; i++) {
        snprintf(id, sizeof id, "t%d", i);
        assert_int_equal(ask(&s, "a", id, PRIORITY_LOW, 0, 100 * i + 1, 100 * i + 2, 0), SCHEDULE_DONE);
    }
    assert_int_equal(ask(&s, "a", "more", PRIORITY_LOW, 9, 1, 2, 0), SCHEDULE_FULL);
    assert_int_equal(ask(&s, "b", "more", PRIORITY_LOW, 9, 1, 2, 0), SCHEDULE_DONE);
    schedule_free(&s);
    enum schedule_priority priority;
    assert_true(schedule_priority("LOW_PREEMPT", &priority));
    assert_int_equal(priority, PRIORITY_LOW_PREEMPT);
    assert_false(schedule_priority("low", &priority));
}

/* With any tasks: those that were let in and were not preempted never meet. */
static void test_any(void **state)
{
    (void)state;
    const char *given = getenv("BUSBAR_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : 7U;
    struct schedule s = {0};
    char id[32], owner[2] = "a";
    print_message("seed %u\n", seed);
    srandom(seed);
    for (int now = 0; now < 3000; now++) {
        int64_t start = now + random() % 200;
        snprintf(id, sizeof id, "t%d", now);
        owner[0] = (char)('a' + random() % 5);
        (void)ask(&s, owner, id, (enum schedule_priority)(random() % 3), (size_t)(random() % 3), start,
                  start + 1 + random() % 100, now);
        for (size_t i = 0; i < s.count; i++)
            for (size_t k = 0; k < i; k++)
                for (size_t j = 0; j < s.tasks[i]->count * s.tasks[k]->count; j++)
                    assert_true(s.tasks[i]->preempted || s.tasks[k]->preempted ||
                                !schedule_meet(&s.tasks[i]->slots[j % s.tasks[i]->count],
                                               &s.tasks[k]->slots[j / s.tasks[i]->count]));
    }
    schedule_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_slots),      cmocka_unit_test(test_itself),
                                       cmocka_unit_test(test_priorities), cmocka_unit_test(test_grace),
                                       cmocka_unit_test(test_bounds),     cmocka_unit_test(test_any)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
