#include "agents/modbus/reservations.h"

#include "agents/modbus/agent.h"
#include "agents/modbus/hold.h"
#include "agents/modbus/moment.h"
#include "bus/client/log.h"

#include <busbar/directory.h>
#include <stdlib.h>
#include <string.h>

#define RESULT_TOPIC "devices/actuators/schedule/result"
#define LOOK_MS      1000

static void say(struct agent *agent, const char *topic, json_t *headers, json_t *message)
{
    char *head = json_dumps(headers, JSON_COMPACT);
    char *body = json_dumps(message, JSON_COMPACT | JSON_ENCODE_ANY);
    if (head != NULL && body != NULL && bb_publish(agent->client, topic, head, body) != BB_OK)
        log_warning("publish-refused", LOG_TEXT("topic", topic),
                    LOG_TEXT("reason", bb_client_reason(agent->client)));
    free(head);
    free(body);
    json_decref(headers);
    json_decref(message);
}

/* -- asking -----------------------------------------------------------------------------------------------
 */

static json_t *slot_as_json(const struct agent *agent, const struct schedule_slot *slot)
{
    char start[MOMENT_TEXT_MAX], end[MOMENT_TEXT_MAX];
    moment_text(slot->start_ms, start, sizeof start);
    moment_text(slot->end_ms, end, sizeof end);
    return json_pack("[s,s,s]", agent->devices[slot->device].settings->name, start, end);
}

/* {owner: {task: [slots that are in the way]}} */
static json_t *conflicts(const struct agent *agent, const struct schedule_task *wanted)
{
    json_t *all = json_object();
    for (size_t i = 0; i < agent->schedule.count; i++) {
        const struct schedule_task *task = agent->schedule.tasks[i];
        if (task->mark != MARK_CONFLICT)
            continue;
        json_t *slots = json_array(), *mine = json_object_get(all, task->owner);
        for (size_t k = 0; k < task->count; k++)
            for (size_t m = 0; m < wanted->count; m++)
                if (schedule_meet(&task->slots[k], &wanted->slots[m])) {
                    json_array_append_new(slots, slot_as_json(agent, &task->slots[k]));
                    break;
                }
        if (mine == NULL) {
            mine = json_object();
            json_object_set_new(all, task->owner, mine);
        }
        json_object_set_new(mine, task->id, slots);
    }
    return all;
}

/* Tells those that gave way. */
static json_t *preempted(struct agent *agent, const struct schedule_task *by)
{
    json_t *all = json_array();
    for (size_t i = 0; i < agent->schedule.count; i++) {
        const struct schedule_task *task = agent->schedule.tasks[i];
        if (task->mark != MARK_PREEMPTED)
            continue;
        json_array_append_new(all, json_pack("[s,s]", task->owner, task->id));
        say(agent, RESULT_TOPIC,
            json_pack("{s:s,s:s,s:s}", "type", "CANCEL_SCHEDULE", "requesterID", task->owner, "taskID",
                      task->id),
            json_pack("{s:s,s:n,s:{s:s,s:s}}", "result", "PREEMPTED", "info", "data", "agentID", by->owner,
                      "taskID", by->id));
    }
    return all;
}

static void answer(struct agent *agent, struct bb_pending *pending, enum schedule_verdict verdict,
                   const char *detail, json_t *data)
{
    char info[400];
    snprintf(info, sizeof info, "%s%s%.300s", schedule_word(verdict), detail[0] != '\0' ? ": " : "", detail);
    json_t *result = json_pack("{s:s,s:s,s:o}", "result", verdict == SCHEDULE_DONE ? "SUCCESS" : "FAILURE",
                               "info", info, "data", data);
    char *text = json_dumps(result, JSON_COMPACT);
    bb_answer(pending, text == NULL ? BB_FULL : BB_OK, text);
    free(text);
    json_decref(result);
    reservations_update(agent);
}

static bool read_slot(struct agent *agent, const json_t *request, struct schedule_slot *slot,
                      struct bb_reason *reason)
{
    const char *path = json_string_value(json_array_get(request, 0)),
               *start = json_string_value(json_array_get(request, 1)),
               *end = json_string_value(json_array_get(request, 2));
    const struct device *d = path == NULL ? NULL : agent_device(agent, path);
    if (path == NULL || start == NULL || end == NULL)
        bb_reason_say(reason, "wanted: [[path, start, end], …]");
    else if (d == NULL)
        bb_reason_say(reason, "there is no device %.200s", path);
    else if (moment_read(start, &slot->start_ms) != BB_OK || moment_read(end, &slot->end_ms) != BB_OK)
        bb_reason_say(reason, "\"%.60s\", \"%.60s\": wanted: 2013-12-06 16:00:00", start, end);
    else if (slot->start_ms >= slot->end_ms)
        bb_reason_say(reason, "\"%.60s\" is not before \"%.60s\"", start, end);
    else
        slot->device = d->index;
    return reason->text[0] == '\0';
}

static enum schedule_verdict read_task(struct agent *agent, const json_t *task_id, const json_t *priority,
                                       const json_t *requests, struct schedule_task *task,
                                       struct bb_reason *reason)
{
    const char *id = json_string_value(task_id), *word = json_string_value(priority);
    if (id == NULL || id[0] == '\0' || strlen(id) > SCHEDULE_ID_MAX)
        return SCHEDULE_ID_MISSING;
    snprintf(task->id, sizeof task->id, "%s", id);
    if (word == NULL)
        return SCHEDULE_PRIORITY_MISSING;
    if (!schedule_priority(word, &task->priority))
        return SCHEDULE_PRIORITY_UNKNOWN;
    if (json_is_string(json_array_get(requests, 0))) { /* a single one may stand alone */
        task->count = 1;
        return read_slot(agent, requests, &task->slots[0], reason) ? SCHEDULE_DONE : SCHEDULE_MALFORMED;
    }
    if (json_array_size(requests) == 0)
        return SCHEDULE_EMPTY;
    if (json_array_size(requests) > SCHEDULE_SLOTS_MAX)
        return SCHEDULE_FULL;
    for (task->count = 0; task->count < json_array_size(requests); task->count++)
        if (!read_slot(agent, json_array_get(requests, task->count), &task->slots[task->count], reason))
            return SCHEDULE_MALFORMED;
    return SCHEDULE_DONE;
}

void reservations_request(struct agent *agent, struct bb_pending *pending, const char *caller,
                          const json_t *task_id, const json_t *priority, const json_t *requests)
{
    struct schedule_task *task = calloc(1, sizeof *task);
    struct bb_reason reason = {""};
    int64_t now = bb_loop_wall_ms();
    if (task == NULL) {
        bb_answer(pending, BB_FULL, "there is no memory");
        return;
    }
    snprintf(task->owner, sizeof task->owner, "%s", caller);
    enum schedule_verdict verdict = read_task(agent, task_id, priority, requests, task, &reason);
    if (verdict == SCHEDULE_DONE)
        verdict = schedule_request(&agent->schedule, task, now, agent->settings->grace_ms);
    json_t *data = verdict == SCHEDULE_DONE           ? preempted(agent, task)
                   : verdict == SCHEDULE_MEETS_OTHERS ? conflicts(agent, task)
                                                      : json_object();
    answer(agent, pending, verdict, reason.text, data);
    free(task);
}

void reservations_cancel(struct agent *agent, struct bb_pending *pending, const char *caller,
                         const json_t *task_id)
{
    const char *id = json_string_value(task_id);
    enum schedule_verdict verdict =
        id == NULL ? SCHEDULE_ID_MISSING : schedule_cancel(&agent->schedule, caller, id, bb_loop_wall_ms());
    answer(agent, pending, verdict, "", json_object());
}

/* -- telling ----------------------------------------------------------------------------------------------
 */

static void announce(struct device *d, const struct schedule_task *task, int64_t left_ms)
{
    char topic[BB_TOPIC_MAX + 1];
    snprintf(topic, sizeof topic, "devices/actuators/schedule/announce/%s", d->settings->name);
    say(d->agent, topic,
        json_pack("{s:s,s:s,s:f}", "requesterID", task->owner, "taskID", task->id, "window",
                  (double)left_ms / 1000.0),
        json_null());
}

/* Who holds the device is another than before: what the one before has set goes back. */
static void look_at(struct device *d, int64_t now, bool all)
{
    int64_t end_ms = 0;
    const struct schedule_task *task = schedule_holder(&d->agent->schedule, d->index, now, &end_ms);
    const char *owner = task == NULL ? "" : task->owner, *id = task == NULL ? "" : task->id;
    bool other_owner = strcmp(owner, d->owner) != 0, other_task = other_owner || strcmp(id, d->task) != 0;
    if (other_owner && d->owner[0] != '\0')
        hold_put_back(d, d->owner);
    snprintf(d->owner, sizeof d->owner, "%s", owner);
    snprintf(d->task, sizeof d->task, "%s", id);
    if (task != NULL && (other_task || all))
        announce(d, task, end_ms - now);
}

/* -- who has left -----------------------------------------------------------------------------------------
 */

/* An owner that was not there when it was looked for first. */
struct absent {
    char owner[BB_IDENTITY_MAX + 1];
    int64_t since_ms;
    struct absent *next;
};

static bool is_there(const json_t *peers, const char *owner)
{
    const json_t *peer;
    size_t i;
    json_array_foreach(peers, i, peer)
    {
        if (json_is_string(peer) && strcmp(json_string_value(peer), owner) == 0)
            return true;
    }
    return false;
}

static bool has_tasks(const struct agent *agent, const char *owner)
{
    for (size_t i = 0; i < agent->schedule.count; i++)
        if (strcmp(agent->schedule.tasks[i]->owner, owner) == 0)
            return true;
    return false;
}

static struct absent **find_absent(struct agent *agent, const char *owner)
{
    struct absent **at = &agent->absent;
    while (*at != NULL && strcmp((*at)->owner, owner) != 0)
        at = &(*at)->next;
    return at;
}

static void forget_absent(struct absent **at)
{
    struct absent *found = *at;
    if (found == NULL)
        return;
    *at = found->next;
    free(found);
}

/* An owner of another platform cannot be seen to leave. */
static void note_absent(struct agent *agent, const char *owner)
{
    struct absent **at = find_absent(agent, owner);
    if (*at != NULL || strchr(owner, '@') != NULL || !has_tasks(agent, owner))
        return;
    struct absent *absent = calloc(1, sizeof *absent);
    if (absent == NULL)
        return;
    snprintf(absent->owner, sizeof absent->owner, "%s", owner);
    absent->since_ms = bb_loop_mono_ms();
    *at = absent;
}

/* All that are there now: after each connection. */
static void compare(struct agent *agent, const char *list)
{
    json_t *peers = json_loads(list, 0, NULL);
    for (size_t i = 0; i < agent->schedule.count && json_is_array(peers); i++) {
        const char *owner = agent->schedule.tasks[i]->owner;
        if (is_there(peers, owner))
            forget_absent(find_absent(agent, owner));
        else
            note_absent(agent, owner);
    }
    json_decref(peers);
}

static void on_peers(void *context, enum bb_peers_change change, const char *text)
{
    struct agent *agent = context;
    switch (change) {
    case BB_PEERS_LIST:
        compare(agent, text);
        break;
    case BB_PEERS_CAME:
        forget_absent(find_absent(agent, text));
        break;
    case BB_PEERS_LEFT:
        note_absent(agent, text);
        break;
    }
}

enum status reservations_open(struct agent *agent)
{
    return agent->settings->leave_ms > 0 ? bb_watch_peers(agent->client, on_peers, agent) : BB_OK;
}

/* Those that have been away for too long have left. */
static void let_go(struct agent *agent)
{
    int64_t now = bb_loop_mono_ms();
    for (struct absent **at = &agent->absent; *at != NULL;) {
        if (now - (*at)->since_ms < agent->settings->leave_ms) {
            at = &(*at)->next;
            continue;
        }
        log_info("owner-left", LOG_TEXT("owner", (*at)->owner));
        schedule_leave(&agent->schedule, (*at)->owner);
        forget_absent(at);
    }
}

/* -- the timer --------------------------------------------------------------------------------------------
 */

static void on_timer(void *context)
{
    struct agent *agent = context;
    agent->timer = 0;
    if (agent->stopping)
        return;
    let_go(agent);
    reservations_update(agent);
}

static void set_timer(struct agent *agent, int64_t now)
{
    if (agent->timer != 0)
        bb_loop_cancel(agent->loop, agent->timer);
    agent->timer = 0;
    int64_t left = schedule_next(&agent->schedule, now);
    if (agent->schedule.count == 0)
        return;
    left = left == INT64_MAX || left - now > LOOK_MS ? LOOK_MS : left - now + 1;
    if (bb_loop_after(agent->loop, (uint32_t)left, on_timer, agent, &agent->timer) != BB_OK)
        log_error("no-timer", LOG_TEXT("of", "reservations"));
}

void reservations_update(struct agent *agent)
{
    int64_t now = bb_loop_wall_ms(), mono = bb_loop_mono_ms();
    bool all = mono - agent->announced_ms >= agent->settings->announce_ms;
    schedule_tidy(&agent->schedule, now);
    for (size_t i = 0; i < agent->device_count; i++)
        look_at(&agent->devices[i], now, all);
    if (all)
        agent->announced_ms = mono;
    set_timer(agent, now);
}

void reservations_close(struct agent *agent)
{
    if (agent->timer != 0)
        bb_loop_cancel(agent->loop, agent->timer);
    agent->timer = 0;
    while (agent->absent != NULL)
        forget_absent(&agent->absent);
    schedule_free(&agent->schedule);
}
