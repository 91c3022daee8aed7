#include "agents/modbus/schedule.h"

#include <stdlib.h>
#include <string.h>

const char *schedule_word(enum schedule_verdict verdict)
{
    static const char *const words[] = {
#define SCHEDULE_X(name, word) word,
        SCHEDULE_VERDICTS(SCHEDULE_X)
#undef SCHEDULE_X
    };
    return words[verdict];
}

bool schedule_priority(const char *word, enum schedule_priority *out)
{
    static const char *const words[] = {"HIGH", "LOW", "LOW_PREEMPT"};
    for (size_t i = 0; i < 3; i++)
        if (strcmp(word, words[i]) == 0) {
            *out = (enum schedule_priority)i;
            return true;
        }
    return false;
}

bool schedule_meet(const struct schedule_slot *a, const struct schedule_slot *b)
{
    return a->device == b->device && a->start_ms < b->end_ms && b->start_ms < a->end_ms;
}

static bool tasks_meet(const struct schedule_task *a, const struct schedule_task *b)
{
    for (size_t i = 0; i < a->count; i++)
        for (size_t k = 0; k < b->count; k++)
            if (schedule_meet(&a->slots[i], &b->slots[k]))
                return true;
    return false;
}

static void remove_task(struct schedule *schedule, size_t at)
{
    free(schedule->tasks[at]);
    schedule->tasks[at] = schedule->tasks[--schedule->count];
}

void schedule_tidy(struct schedule *schedule, int64_t now_ms)
{
    for (size_t i = schedule->count; i > 0; i--) {
        struct schedule_task *task = schedule->tasks[i - 1];
        for (size_t k = task->count; k > 0; k--)
            if (task->slots[k - 1].end_ms <= now_ms)
                task->slots[k - 1] = task->slots[--task->count];
        if (task->count == 0)
            remove_task(schedule, i - 1);
    }
}

/* -- asking -----------------------------------------------------------------------------------------------
 */

static bool gives_way(const struct schedule_task *task, const struct schedule_task *to, int64_t now_ms)
{
    bool running = task->start_ms <= now_ms && !task->preempted;
    return to->priority == PRIORITY_HIGH && task->priority != PRIORITY_HIGH &&
           (!running || task->priority == PRIORITY_LOW_PREEMPT);
}

/* What it holds now stays for the time of grace; the rest goes. */
static void preempt(struct schedule_task *task, int64_t now_ms, int64_t grace_ms)
{
    size_t kept = 0;
    task->mark = MARK_PREEMPTED;
    if (task->preempted)
        return;
    for (size_t i = 0; i < task->count; i++) {
        struct schedule_slot slot = task->slots[i];
        if (slot.start_ms > now_ms || slot.end_ms <= now_ms)
            continue;
        if (slot.end_ms > now_ms + grace_ms)
            slot.end_ms = now_ms + grace_ms;
        task->slots[kept++] = slot;
    }
    task->count = kept;
    task->preempted = true;
}

static enum schedule_verdict check(const struct schedule *schedule, const struct schedule_task *wanted)
{
    size_t mine = 0;
    if (wanted->id[0] == '\0')
        return SCHEDULE_ID_MISSING;
    if (wanted->count == 0)
        return SCHEDULE_EMPTY;
    for (size_t i = 0; i < schedule->count; i++) {
        if (strcmp(schedule->tasks[i]->id, wanted->id) == 0)
            return SCHEDULE_ID_TAKEN;
        mine += strcmp(schedule->tasks[i]->owner, wanted->owner) == 0 ? 1 : 0;
    }
    if (schedule->count >= SCHEDULE_TASKS_MAX || mine >= SCHEDULE_OWNER_MAX)
        return SCHEDULE_FULL;
    for (size_t i = 0; i < wanted->count; i++) {
        if (wanted->slots[i].start_ms >= wanted->slots[i].end_ms)
            return SCHEDULE_MALFORMED;
        for (size_t k = 0; k < i; k++)
            if (schedule_meet(&wanted->slots[i], &wanted->slots[k]))
                return SCHEDULE_MEETS_ITSELF;
    }
    return SCHEDULE_DONE;
}

/* Marks whom it meets; true when all of them give way. */
static bool mark_met(struct schedule *schedule, const struct schedule_task *wanted, int64_t now_ms)
{
    bool free_of_conflicts = true;
    for (size_t i = 0; i < schedule->count; i++) {
        struct schedule_task *task = schedule->tasks[i];
        task->mark = MARK_NONE;
        if (!tasks_meet(task, wanted))
            continue;
        task->mark = gives_way(task, wanted, now_ms) ? MARK_PREEMPTED : MARK_CONFLICT;
        free_of_conflicts = free_of_conflicts && task->mark == MARK_PREEMPTED;
    }
    for (size_t i = 0; i < schedule->count && !free_of_conflicts; i++)
        if (schedule->tasks[i]->mark == MARK_PREEMPTED)
            schedule->tasks[i]->mark = MARK_NONE;
    return free_of_conflicts;
}

static struct schedule_task *add(struct schedule *schedule, const struct schedule_task *wanted)
{
    struct schedule_task *task = malloc(sizeof *task);
    struct schedule_task **tasks = realloc(schedule->tasks, (schedule->count + 1) * sizeof *tasks);
    schedule->tasks = tasks == NULL ? schedule->tasks : tasks;
    if (task == NULL || tasks == NULL) {
        free(task);
        return NULL;
    }
    *task = *wanted;
    schedule->tasks[schedule->count++] = task;
    return task;
}

enum schedule_verdict schedule_request(struct schedule *schedule, const struct schedule_task *wanted,
                                       int64_t now_ms, int64_t grace_ms)
{
    schedule_tidy(schedule, now_ms);
    enum schedule_verdict verdict = check(schedule, wanted);
    if (verdict != SCHEDULE_DONE)
        return verdict;
    if (!mark_met(schedule, wanted, now_ms))
        return SCHEDULE_MEETS_OTHERS;
    struct schedule_task *task = add(schedule, wanted);
    if (task == NULL)
        return SCHEDULE_FULL;
    task->preempted = false;
    task->mark = MARK_NONE;
    task->start_ms = INT64_MAX;
    for (size_t i = 0; i < task->count; i++)
        if (task->slots[i].start_ms < task->start_ms)
            task->start_ms = task->slots[i].start_ms;
    for (size_t i = 0; i + 1 < schedule->count; i++)
        if (schedule->tasks[i]->mark == MARK_PREEMPTED)
            preempt(schedule->tasks[i], now_ms, grace_ms);
    return SCHEDULE_DONE;
}

enum schedule_verdict schedule_cancel(struct schedule *schedule, const char *owner, const char *id,
                                      int64_t now_ms)
{
    schedule_tidy(schedule, now_ms);
    for (size_t i = 0; i < schedule->count; i++) {
        if (strcmp(schedule->tasks[i]->id, id) != 0)
            continue;
        if (strcmp(schedule->tasks[i]->owner, owner) != 0)
            return SCHEDULE_NOT_YOURS;
        remove_task(schedule, i);
        return SCHEDULE_DONE;
    }
    return SCHEDULE_ID_UNKNOWN;
}

void schedule_leave(struct schedule *schedule, const char *owner)
{
    for (size_t i = schedule->count; i > 0; i--)
        if (strcmp(schedule->tasks[i - 1]->owner, owner) == 0)
            remove_task(schedule, i - 1);
}

/* -- looking ----------------------------------------------------------------------------------------------
 */

const struct schedule_task *schedule_holder(const struct schedule *schedule, size_t device, int64_t now_ms,
                                            int64_t *end_ms_out)
{
    const struct schedule_task *holder = NULL;
    for (size_t i = 0; i < schedule->count; i++) {
        const struct schedule_task *task = schedule->tasks[i];
        for (size_t k = 0; k < task->count; k++) {
            const struct schedule_slot *slot = &task->slots[k];
            if (slot->device != device || slot->start_ms > now_ms || slot->end_ms <= now_ms)
                continue;
            /* Who has a time of grace keeps the device for it. */
            if (holder == NULL || (task->preempted && !holder->preempted)) {
                holder = task;
                *end_ms_out = slot->end_ms;
            }
        }
    }
    return holder;
}

int64_t schedule_next(const struct schedule *schedule, int64_t now_ms)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < schedule->count; i++)
        for (size_t k = 0; k < schedule->tasks[i]->count; k++) {
            const struct schedule_slot *slot = &schedule->tasks[i]->slots[k];
            if (slot->start_ms > now_ms && slot->start_ms < next)
                next = slot->start_ms;
            if (slot->end_ms > now_ms && slot->end_ms < next)
                next = slot->end_ms;
        }
    return next;
}

void schedule_free(struct schedule *schedule)
{
    for (size_t i = 0; i < schedule->count; i++)
        free(schedule->tasks[i]);
    free(schedule->tasks);
    *schedule = (struct schedule){NULL, 0};
}
