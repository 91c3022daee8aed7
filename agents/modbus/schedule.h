/* Who may set points of a device, and when: tasks of reservations, and which of them gives way. Pure but for
 * the memory of its tasks. Times are milliseconds of the wall clock.
 *
 * A HIGH task is never preempted; it preempts others. A LOW task is preempted before it has begun only; a
 * LOW_PREEMPT task at any time, and keeps what it holds just then for a time of grace. A task has begun when
 * its earliest slot has. Source: VOLTTRON, Actuator agent. */
#ifndef AGENTS_MODBUS_SCHEDULE_H
#define AGENTS_MODBUS_SCHEDULE_H

#include <busbar/limits.h>
#include <busbar/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SCHEDULE_TASKS_MAX 1024
#define SCHEDULE_OWNER_MAX 128 /* tasks of one owner */
#define SCHEDULE_SLOTS_MAX 128 /* slots of one task */
#define SCHEDULE_ID_MAX    255

enum schedule_priority { PRIORITY_HIGH, PRIORITY_LOW, PRIORITY_LOW_PREEMPT };

/* Reasons of a refusal, in VOLTTRON's words. */
#define SCHEDULE_VERDICTS(X)                                                                                 \
    X(SCHEDULE_DONE, "")                                                                                     \
    X(SCHEDULE_ID_TAKEN, "TASK_ID_ALREADY_EXISTS")                                                           \
    X(SCHEDULE_ID_UNKNOWN, "TASK_ID_DOES_NOT_EXIST")                                                         \
    X(SCHEDULE_NOT_YOURS, "AGENT_ID_TASK_ID_MISMATCH")                                                       \
    X(SCHEDULE_ID_MISSING, "MISSING_TASK_ID")                                                                \
    X(SCHEDULE_PRIORITY_MISSING, "MISSING_PRIORITY")                                                         \
    X(SCHEDULE_PRIORITY_UNKNOWN, "INVALID_PRIORITY")                                                         \
    X(SCHEDULE_EMPTY, "MALFORMED_REQUEST_EMPTY")                                                             \
    X(SCHEDULE_MALFORMED, "MALFORMED_REQUEST")                                                               \
    X(SCHEDULE_MEETS_ITSELF, "REQUEST_CONFLICTS_WITH_SELF")                                                  \
    X(SCHEDULE_MEETS_OTHERS, "CONFLICTS_WITH_EXISTING_SCHEDULES")                                            \
    X(SCHEDULE_FULL, "TOO_MANY_TASKS")

enum schedule_verdict {
#define SCHEDULE_X(name, word) name,
    SCHEDULE_VERDICTS(SCHEDULE_X)
#undef SCHEDULE_X
};

struct schedule_slot {
    size_t device;
    int64_t start_ms, end_ms; /* the end is not part of it */
};

/* What the last request did to a task. */
enum schedule_mark { MARK_NONE, MARK_CONFLICT, MARK_PREEMPTED };

struct schedule_task {
    char id[SCHEDULE_ID_MAX + 1], owner[BB_IDENTITY_MAX + 1];
    enum schedule_priority priority;
    int64_t start_ms; /* of its earliest slot, as it was asked for */
    bool preempted;   /* and in its time of grace */
    enum schedule_mark mark;
    size_t count;
    struct schedule_slot slots[SCHEDULE_SLOTS_MAX];
};

struct schedule {
    struct schedule_task **tasks;
    size_t count;
};

/* The word of a verdict. Static storage. */
const char *schedule_word(enum schedule_verdict verdict);

/* The priority of a word: HIGH, LOW or LOW_PREEMPT; false when it is none. */
bool schedule_priority(const char *word, enum schedule_priority *out);

/* Asks for a task of `owner`; `wanted` has its id, owner, priority and slots. When it is refused for others,
 * these are marked MARK_CONFLICT and nothing has changed; when it is done, those that gave way are marked
 * MARK_PREEMPTED; those without any slots left are gone with the next schedule_tidy. */
enum schedule_verdict schedule_request(struct schedule *schedule, const struct schedule_task *wanted,
                                       int64_t now_ms, int64_t grace_ms);

/* Ends a task of `owner`. */
enum schedule_verdict schedule_cancel(struct schedule *schedule, const char *owner, const char *id,
                                      int64_t now_ms);

/* Ends all tasks of an owner that is gone. */
void schedule_leave(struct schedule *schedule, const char *owner);

/* Lets go of slots and tasks that are over. */
void schedule_tidy(struct schedule *schedule, int64_t now_ms);

/* The task that holds a device now, and until when; NULL: nobody. */
const struct schedule_task *schedule_holder(const struct schedule *schedule, size_t device, int64_t now_ms,
                                            int64_t *end_ms_out);

/* When the next slot begins or ends, behind now_ms; INT64_MAX: never. */
int64_t schedule_next(const struct schedule *schedule, int64_t now_ms);

/* True when two slots meet: on one device, at one time. */
bool schedule_meet(const struct schedule_slot *a, const struct schedule_slot *b);

/* Frees all tasks. */
void schedule_free(struct schedule *schedule);

#endif
