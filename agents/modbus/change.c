#include "agents/modbus/change.h"

#include "agents/modbus/agent.h"
#include "agents/modbus/hold.h"
#include "bus/client/log.h"

#include <stdlib.h>
#include <string.h>

#define NO_STEP SIZE_MAX

struct item {
    size_t point;
    struct value value;
    uint16_t registers[READ_MAX]; /* what is written */
    bool raw;                     /* they are known already */
    int power;
    size_t power_step, step; /* of the job under way; NO_STEP: none */
    uint32_t sets;           /* of its hold when it is put back */
    bool fresh;              /* its hold was made by this change */
    enum status status;
    char error[256];
};

struct change {
    struct device *device;
    enum change_kind kind;
    char caller[BB_IDENTITY_MAX + 1];
    struct answer *answer;
    bool by_topic;
    uint32_t generation;
    size_t count, capacity;
    struct item *items;
};

bool change_allowed(const struct device *d, const char *caller, struct bb_reason *reason)
{
    int64_t end_ms;
    const struct schedule_task *task =
        schedule_holder(&d->agent->schedule, d->index, bb_loop_wall_ms(), &end_ms);
    if (task != NULL && strcmp(task->owner, caller) == 0)
        return true;
    if (task == NULL && d->agent->settings->free_writes)
        return true;
    if (task == NULL)
        bb_reason_say(reason, "LockError: %.100s has not reserved %.200s: request_new_schedule", caller,
                      d->settings->name);
    else
        bb_reason_say(reason, "LockError: %.200s is reserved by %.100s", d->settings->name, task->owner);
    return false;
}

/* -- making one -------------------------------------------------------------------------------------------
 */

struct change *change_new(struct device *d, enum change_kind kind, const char *caller, struct answer *answer)
{
    struct change *c = calloc(1, sizeof *c);
    if (c == NULL) {
        answer_error(answer, d->settings->name, BB_FULL, "there is no memory");
        return NULL;
    }
    c->device = d;
    c->kind = kind;
    snprintf(c->caller, sizeof c->caller, "%s", caller);
    c->answer = answer;
    c->generation = d->generation;
    answer_expect(answer);
    return c;
}

void change_by_topic(struct change *change)
{
    change->by_topic = true;
}

bool change_add(struct change *c, size_t point, const struct value *value)
{
    if (c->count == c->capacity) {
        size_t capacity = c->capacity == 0 ? 4 : c->capacity * 2;
        struct item *items = realloc(c->items, capacity * sizeof *items);
        if (items == NULL)
            return false;
        c->items = items;
        c->capacity = capacity;
    }
    struct item *item = &c->items[c->count++];
    memset(item, 0, sizeof *item);
    item->point = point;
    if (value != NULL)
        item->value = *value;
    return true;
}

static const struct point *point_of(const struct change *c, const struct item *item)
{
    return &c->device->points.list[item->point];
}

static void fail(struct item *item, enum status status, const char *why)
{
    if (item->status != BB_OK)
        return;
    item->status = status;
    snprintf(item->error, sizeof item->error, "%.*s", (int)sizeof item->error - 1, why);
}

static void fail_all(struct change *c, enum status status, const char *why)
{
    for (size_t i = 0; i < c->count; i++)
        fail(&c->items[i], status, why);
}

/* Tells what came of it, and ends. */
static void finish(struct change *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct item *item = &c->items[i];
        char topic[SETTINGS_PATH_MAX + POINT_NAME_MAX + 2];
        const char *name = c->generation == c->device->generation ? point_of(c, item)->name : "?";
        snprintf(topic, sizeof topic, "%s/%s", c->device->settings->name, name);
        const char *key = c->by_topic ? topic : name;
        if (item->status != BB_OK)
            answer_error(c->answer, key, item->status, item->error);
        else if (c->kind != CHANGE_REVERT)
            answer_value(c->answer, key, &item->value);
    }
    answer_done(c->answer);
    free(c->items);
    free(c);
}

/* -- jobs -------------------------------------------------------------------------------------------------
 */

static size_t add_step(struct job *job, enum step_kind kind, const struct point *p)
{
    job->steps[job->count] =
        (struct step){.kind = kind, .table = p->table, .address = p->address, .count = p->count};
    return job->count++;
}

/* Hands a job over; when there is nothing to do in it, `done` is called at once. */
static void hand_over(struct change *c, struct job *job, job_done *done)
{
    if (job == NULL) {
        fail_all(c, BB_FULL, "there is no memory");
        finish(c);
        return;
    }
    job->done = done;
    job->context = c;
    job->urgent = true;
    if (job->count == 0) {
        done(c, job);
        free(job);
    } else if (line_submit(c->device->line, job) != BB_OK) {
        free(job);
        fail_all(c, BB_FULL, "too many calls wait for its line");
        done = NULL;
        finish(c);
    }
}

/* Why a step has no result; BB_OK when it has. */
static enum status trouble(const struct job *job, size_t step, const char **why)
{
    *why = job->text[0] != '\0' ? job->text : "it was not asked";
    if (step == NO_STEP || job->steps[step].result == STEP_DONE)
        return BB_OK;
    return job->steps[step].result == STEP_REFUSED ? BB_REMOTE : BB_UNREACHABLE;
}

/* -- second: writing --------------------------------------------------------------------------------------
 */

static void take_back(struct change *c, struct item *item, const struct job *job)
{
    const struct point *p = point_of(c, item);
    const char *why;
    struct hold *hold = c->device->holds[item->point];
    enum status written = trouble(job, item->step, &why), read = BB_OK;
    if (written != BB_OK) {
        fail(item, written, why);
        /* Nothing has changed when the device said no to the first set. */
        if (c->kind == CHANGE_SET && written == BB_REMOTE && item->fresh && hold != NULL && hold->sets == 1)
            hold_drop(c->device, item->point);
        return;
    }
    read = trouble(job, item->step + 1, &why);
    if (read != BB_OK) {
        fail(item, read, why);
        return;
    }
    const struct step *back = &job->steps[item->step + 1];
    value_decode(p, back->data, item->power, &item->value);
    if (memcmp(back->data, item->registers, p->count * sizeof *back->data) != 0) {
        char text[256];
        snprintf(text, sizeof text, "it was written, but the device has %.200s",
                 item->value.kind == VALUE_NULL    ? "no value"
                 : item->value.kind == VALUE_TRUTH ? "another state"
                                                   : item->value.text);
        fail(item, BB_REMOTE, text);
    }
    if (c->kind == CHANGE_REVERT && item->status == BB_OK && hold != NULL && hold->sets == item->sets)
        hold_drop(c->device, item->point);
}

static void tell_put_back(struct change *c)
{
    size_t failed = 0;
    const char *why = "";
    for (size_t i = 0; i < c->count; i++)
        if (c->items[i].status != BB_OK) {
            why = failed++ == 0 ? c->items[i].error : why;
            if (c->device->holds[c->items[i].point] != NULL)
                c->device->holds[c->items[i].point]->due = true;
        }
    if (failed > 0) {
        log_warning("not-put-back", LOG_TEXT("device", c->device->settings->name), LOG_INT("points", failed),
                    LOG_TEXT("reason", why));
        agent_alert(c->device->agent, c->device, "not-put-back", why);
    } else if (c->count > 0) {
        log_info("put-back", LOG_TEXT("device", c->device->settings->name), LOG_INT("points", c->count));
    }
}

static void on_written(void *context, struct job *job)
{
    struct change *c = context;
    bool same = c->generation == c->device->generation;
    for (size_t i = 0; i < c->count; i++)
        if (c->items[i].step != NO_STEP && same)
            take_back(c, &c->items[i], job);
    if (!same)
        fail_all(c, BB_UNREACHABLE, "its points have just changed");
    if (same && c->kind == CHANGE_REVERT)
        tell_put_back(c);
    (void)!hold_save(c->device->agent);
    finish(c);
}

/* Makes sure that what was there before is known, also to the disk. */
static void keep_before(struct change *c, struct item *item, const uint16_t *before)
{
    struct device *d = c->device;
    if (d->holds[item->point] == NULL) {
        if (hold_add(d, item->point, c->caller, before) != BB_OK) {
            fail(item, BB_FULL, "there is no memory");
            return;
        }
        item->fresh = true;
    }
    struct hold *hold = d->holds[item->point];
    hold->sets++;
    hold->due = false;
    snprintf(hold->owner, sizeof hold->owner, "%s", c->caller);
}

static void write_items(struct change *c)
{
    struct job *job = device_job(c->device, 2 * c->count);
    if (job != NULL)
        job->count = 0;
    for (size_t i = 0; i < c->count && job != NULL; i++) {
        struct item *item = &c->items[i];
        item->step = NO_STEP;
        if (item->status != BB_OK)
            continue;
        const struct point *p = point_of(c, item);
        item->step = add_step(job, STEP_WRITE, p);
        memcpy(job->steps[item->step].data, item->registers, p->count * sizeof *item->registers);
        (void)add_step(job, STEP_READ, p);
    }
    hand_over(c, job, on_written);
}

/* -- first: reading ---------------------------------------------------------------------------------------
 */

/* Works out what is to be written. */
static void prepare(struct change *c, struct item *item, const struct job *job)
{
    const struct point *p = point_of(c, item);
    struct bb_reason reason = {""};
    const char *why;
    enum status status = trouble(job, item->power_step, &why);
    if (status == BB_OK)
        status = trouble(job, item->step, &why);
    if (status != BB_OK) {
        fail(item, status, why);
        return;
    }
    if (item->power_step != NO_STEP && !value_power(job->steps[item->power_step].data[0], &item->power)) {
        fail(item, BB_REMOTE, "the device gives no scale factor for it");
        return;
    }
    if (c->kind == CHANGE_GET) {
        value_decode(p, job->steps[item->step].data, item->power, &item->value);
        return;
    }
    if (!item->raw)
        status = value_encode(p, &item->value, item->power, &reason, item->registers);
    if (status != BB_OK)
        fail(item, status, reason.text);
    else if (c->kind == CHANGE_SET)
        keep_before(c, item, item->step != NO_STEP ? job->steps[item->step].data : NULL);
}

static void on_read(void *context, struct job *job)
{
    struct change *c = context;
    struct bb_reason reason = {""};
    if (c->generation != c->device->generation)
        fail_all(c, BB_UNREACHABLE, "its points have just changed; ask again");
    else if (c->kind == CHANGE_SET && !change_allowed(c->device, c->caller, &reason))
        fail_all(c, BB_DENIED, reason.text);
    for (size_t i = 0; i < c->count; i++)
        if (c->items[i].status == BB_OK)
            prepare(c, &c->items[i], job);
    if (c->kind == CHANGE_SET && hold_save(c->device->agent) != BB_OK) {
        for (size_t i = 0; i < c->count; i++)
            if (c->items[i].status == BB_OK && c->items[i].fresh)
                hold_drop(c->device, c->items[i].point);
        fail_all(c, BB_IO, "what was there before cannot be written to the disk");
    }
    if (c->kind == CHANGE_GET)
        finish(c);
    else
        write_items(c);
}

/* What a point goes back to: the registry's default value, else what was there before. */
static void aim_back(struct change *c, struct item *item)
{
    const struct point *p = point_of(c, item);
    struct hold *hold = c->device->holds[item->point];
    item->sets = hold != NULL ? hold->sets : 0;
    if (p->has_preset && value_read(p, p->preset, &item->value) == BB_OK)
        return;
    if (hold != NULL) {
        memcpy(item->registers, hold->before, sizeof item->registers);
        item->raw = true;
        return;
    }
    fail(item, BB_NOT_FOUND, "nobody has set it, and it has no default value");
}

/* The steps that an item needs first. */
static void plan_item(struct change *c, struct item *item, struct job *job)
{
    const struct point *p = point_of(c, item);
    item->power_step = item->step = NO_STEP;
    if (c->kind != CHANGE_GET && !p->writable)
        fail(item, BB_DENIED, "it is not writable");
    if (c->kind == CHANGE_REVERT)
        aim_back(c, item);
    if (item->status != BB_OK)
        return;
    if (p->power_at >= 0 && !item->raw)
        item->power_step = add_step(job, STEP_READ, &c->device->points.list[p->power_at]);
    if (c->kind == CHANGE_GET || (c->kind == CHANGE_SET && c->device->holds[item->point] == NULL))
        item->step = add_step(job, STEP_READ, p);
}

void change_start(struct change *c)
{
    if (c == NULL)
        return;
    struct job *job = device_job(c->device, 2 * c->count);
    if (job != NULL)
        job->count = 0;
    for (size_t i = 0; i < c->count && job != NULL; i++)
        plan_item(c, &c->items[i], job);
    hand_over(c, job, on_read);
}
