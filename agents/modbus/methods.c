/* The calls of VOLTTRON's platform.driver and platform.actuator about points. */
#include "agents/modbus/agent.h"
#include "agents/modbus/change.h"
#include "agents/modbus/registry.h"
#include "agents/modbus/reservations.h"

#include <busbar/directory.h>
#include <stdlib.h>
#include <string.h>

/* A call on its way: its parameters, by place or by name. */
struct call {
    struct agent *agent;
    struct bb_pending *pending;
    const char *caller;
    json_t *params;
};

static json_t *parameter(const struct call *call, size_t place, const char *name, const char *other)
{
    if (json_is_array(call->params))
        return json_array_get(call->params, place);
    json_t *value = json_object_get(call->params, name);
    return value != NULL ? value : json_object_get(call->params, other);
}

static const char *text_parameter(const struct call *call, size_t place, const char *name, const char *other)
{
    return json_string_value(parameter(call, place, name, other));
}

static void refuse(const struct call *call, enum status status, const char *format, const char *what)
{
    struct bb_reason reason;
    bb_reason_say(&reason, "%s%.300s", format, what);
    bb_answer(call->pending, status, reason.text);
}

/* -- values -----------------------------------------------------------------------------------------------
 */

/* A number that came as JSON, as a text with the digits that it needs. */
static void print_real(double real, char *text, size_t size)
{
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, size, "%.*g", digits, real);
        if (strtod(text, NULL) == real)
            return;
    }
}

/* What a JSON value means for a point; a text is read as people write numbers, unless the point is one. */
static enum status value_of(const struct point *p, const json_t *json, struct value *out)
{
    *out = (struct value){.kind = VALUE_NULL};
    if (json_is_boolean(json)) {
        out->kind = VALUE_TRUTH;
        out->truth = json_is_true(json);
    } else if (json_is_integer(json)) {
        out->kind = VALUE_NUMBER;
        snprintf(out->text, sizeof out->text, "%lld", (long long)json_integer_value(json));
    } else if (json_is_real(json)) {
        out->kind = VALUE_NUMBER;
        print_real(json_real_value(json), out->text, sizeof out->text);
    } else if (json_is_string(json)) {
        return value_read(p, json_string_value(json), out);
    }
    return out->kind == VALUE_NULL ? BB_MALFORMED : BB_OK;
}

/* -- which point ------------------------------------------------------------------------------------------
 */

/* The driver's form names a device and a point; the actuator's a requester, which is ignored, and a topic. */
struct target {
    struct device *device;
    const char *point;
    json_t *value; /* of a set */
    bool by_topic;
};

/* `lead`: how many parameters stand before the topic in the actuator's form (its requester). */
static bool find_target(const struct call *call, size_t lead, struct target *out)
{
    const char *path = text_parameter(call, 0, "path", "topic");
    const char *point = text_parameter(call, 1, "point_name", "point");
    *out = (struct target){NULL, NULL, NULL, false};
    if (path != NULL && point != NULL && (out->device = agent_device(call->agent, path)) != NULL) {
        out->point = point;
        out->value = parameter(call, 2, "value", "value");
        return true;
    }
    const char *topic = text_parameter(call, lead, "topic", "path");
    const char *last =
        json_is_array(call->params) ? json_string_value(json_array_get(call->params, lead + 2)) : NULL;
    out->value = parameter(call, lead + 1, "value", "value");
    out->by_topic = true;
    if (topic != NULL && last != NULL && (out->device = agent_device(call->agent, topic)) != NULL)
        out->point = last;
    else if (topic != NULL)
        out->device = agent_topic(call->agent, topic, &out->point);
    return out->device != NULL;
}

static int find_point(const struct device *d, const char *name)
{
    int at = registry_find(&d->points, name);
    return at >= 0 && d->points.list[at].hidden ? -1 : at;
}

/* Starts one change of one point, or answers why not. */
static void change_one(const struct call *call, enum change_kind kind)
{
    struct target target;
    struct value value;
    struct bb_reason reason = {""};
    if (!find_target(call, kind == CHANGE_GET ? 0 : 1, &target)) {
        refuse(call, BB_NOT_FOUND, "there is no such device; wanted: path and point, or a topic", "");
        return;
    }
    int point = find_point(target.device, target.point);
    if (point < 0) {
        refuse(call, BB_NOT_FOUND, "the device has no point called ", target.point);
        return;
    }
    if (kind == CHANGE_SET && value_of(&target.device->points.list[point], target.value, &value) != BB_OK) {
        refuse(call, BB_MALFORMED, "that is no value of ", target.point);
        return;
    }
    if (kind != CHANGE_GET && !change_allowed(target.device, call->caller, &reason)) {
        refuse(call, BB_DENIED, "", reason.text);
        return;
    }
    struct answer *answer = answer_new(call->pending, kind == CHANGE_REVERT ? ANSWER_NOTHING : ANSWER_VALUE);
    struct change *change = answer == NULL ? NULL : change_new(target.device, kind, call->caller, answer);
    if (change != NULL && !change_add(change, (size_t)point, kind == CHANGE_SET ? &value : NULL))
        answer_error(answer, target.point, BB_FULL, "there is no memory");
    change_start(change);
    answer_done(answer);
}

static void on_get_point(const struct call *call)
{
    change_one(call, CHANGE_GET);
}

static void on_set_point(const struct call *call)
{
    change_one(call, CHANGE_SET);
}

static void on_revert_point(const struct call *call)
{
    change_one(call, CHANGE_REVERT);
}

/* The device that a call names, as its first parameter or, behind a requester, its second. */
static struct device *named_device(const struct call *call)
{
    const char *first = text_parameter(call, 0, "path", "topic"),
               *second = text_parameter(call, 1, "topic", "path");
    struct device *d = first == NULL ? NULL : agent_device(call->agent, first);
    if (d == NULL && second != NULL)
        d = agent_device(call->agent, second);
    if (d == NULL)
        refuse(call, BB_NOT_FOUND, "there is no such device: ", first == NULL ? "path is missing" : first);
    return d;
}

/* All that is set, and all that has a default value. */
static void on_revert_device(const struct call *call)
{
    struct bb_reason reason = {""};
    struct device *d = named_device(call);
    if (d == NULL)
        return;
    if (!change_allowed(d, call->caller, &reason)) {
        refuse(call, BB_DENIED, "", reason.text);
        return;
    }
    struct answer *answer = answer_new(call->pending, ANSWER_NOTHING);
    struct change *change = answer == NULL ? NULL : change_new(d, CHANGE_REVERT, call->caller, answer);
    for (size_t i = 0; i < d->points.count && change != NULL; i++) {
        const struct point *p = &d->points.list[i];
        if ((d->holds[i] != NULL || (p->writable && p->has_preset)) && !change_add(change, i, NULL))
            break;
    }
    change_start(change);
    answer_done(answer);
}

static void on_scrape_all(const struct call *call)
{
    struct device *d = named_device(call);
    struct answer *answer = d == NULL ? NULL : answer_new(call->pending, ANSWER_TEXT);
    if (answer != NULL)
        device_read(d, answer);
}

/* -- many -------------------------------------------------------------------------------------------------
 */

/* The changes of one call, one for each device that it names. */
struct batch {
    const struct call *call;
    enum change_kind kind;
    struct answer *answer;
    bool by_topic;
    struct change *changes[SETTINGS_DEVICES_MAX];
};

static void add_to(struct batch *b, struct device *d, const char *name, const char *key, const json_t *json)
{
    struct bb_reason reason = {""};
    struct value value;
    int point = find_point(d, name);
    if (point < 0) {
        answer_error(b->answer, key, BB_NOT_FOUND, "the device has no such point");
    } else if (b->kind == CHANGE_SET && value_of(&d->points.list[point], json, &value) != BB_OK) {
        answer_error(b->answer, key, BB_MALFORMED, "that is no value of it");
    } else if (b->kind == CHANGE_SET && !change_allowed(d, b->call->caller, &reason)) {
        answer_error(b->answer, key, BB_DENIED, reason.text);
    } else {
        struct change **change = &b->changes[d->index];
        if (*change == NULL) {
            *change = change_new(d, b->kind, b->call->caller, b->answer);
            if (*change != NULL && b->by_topic)
                change_by_topic(*change);
        }
        if (*change == NULL || !change_add(*change, (size_t)point, b->kind == CHANGE_SET ? &value : NULL))
            answer_error(b->answer, key, BB_FULL, "there is no memory");
    }
}

/* An item is a name or topic, or a pair with its value. */
static void add_item(struct batch *b, struct device *d, json_t *item)
{
    json_t *name = json_is_array(item) ? json_array_get(item, 0) : item;
    const char *text = json_string_value(name), *point = text;
    char key[32];
    if (text == NULL) {
        snprintf(key, sizeof key, "%zu", json_array_size(item));
        answer_error(b->answer, key, BB_MALFORMED, "wanted: a point, or a point and its value");
        return;
    }
    if (d == NULL) {
        while (*text == '/')
            text++;
        text += strncmp(text, "devices/", 8) == 0 ? 8 : 0;
        d = agent_topic(b->call->agent, text, &point);
    }
    if (d == NULL)
        answer_error(b->answer, text, BB_NOT_FOUND, "there is no such device");
    else
        add_to(b, d, point, text, json_is_array(item) ? json_array_get(item, 1) : NULL);
}

/* The list is behind a device's path, or behind `lead` parameters when its items are topics. */
static void change_many(const struct call *call, enum change_kind kind, size_t lead, const char *name,
                        const char *topics)
{
    const char *path = text_parameter(call, 0, "path", "path");
    struct device *d = path == NULL ? NULL : agent_device(call->agent, path);
    json_t *list = parameter(call, d != NULL ? 1 : lead, name, topics), *item;
    size_t i;
    if (!json_is_array(list) || json_array_size(list) > POINTS_MAX) {
        refuse(call, BB_MALFORMED, "wanted: path and a list of points, or a list of topics", "");
        return;
    }
    struct batch *b = calloc(1, sizeof *b);
    struct answer *answer = answer_new(call->pending, kind == CHANGE_GET ? ANSWER_BOTH : ANSWER_ERRORS);
    if (b != NULL && answer != NULL) {
        b->call = call;
        b->kind = kind;
        b->answer = answer;
        b->by_topic = d == NULL;
        json_array_foreach(list, i, item) add_item(b, d, item);
        for (i = 0; i < call->agent->device_count; i++)
            change_start(b->changes[i]);
    }
    answer_done(answer);
    free(b);
}

static void on_get_multiple(const struct call *call)
{
    change_many(call, CHANGE_GET, 0, "point_names", "topics");
}

static void on_set_multiple(const struct call *call)
{
    change_many(call, CHANGE_SET, 1, "point_names_values", "topics_values");
}

/* -- the rest ---------------------------------------------------------------------------------------------
 */

static void on_status(const struct call *call)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (to == NULL) {
        refuse(call, BB_FULL, "there is no memory", "");
        return;
    }
    fputs("{\"devices\":[", to);
    for (size_t i = 0; i < call->agent->device_count; i++) {
        fputs(i > 0 ? "," : "", to);
        device_status(&call->agent->devices[i], to);
    }
    fprintf(to, "],\"lines\":%zu,\"tasks\":%zu}", call->agent->line_count, call->agent->schedule.count);
    fclose(to);
    bb_answer(call->pending, BB_OK, text);
    free(text);
}

/* The points of a device: what they are, not what they are worth. */
static void on_points(const struct call *call)
{
    char *text = NULL;
    size_t size, count = 0;
    struct device *d = named_device(call);
    FILE *to = d == NULL ? NULL : open_memstream(&text, &size);
    if (to == NULL)
        return;
    fputc('{', to);
    for (size_t i = 0; i < d->points.count; i++) {
        const struct point *p = &d->points.list[i];
        if (p->hidden)
            continue;
        fputs(count++ > 0 ? "," : "", to);
        answer_print_text(to, p->name);
        fprintf(to, ":{\"writable\":%s,\"address\":%d,\"meta\":", p->writable ? "true" : "false", p->address);
        device_meta(d, p, to);
        fputc('}', to);
    }
    fputc('}', to);
    fclose(to);
    bb_answer(call->pending, BB_OK, text);
    free(text);
}

static void on_new_schedule(const struct call *call)
{
    reservations_request(call->agent, call->pending, call->caller, parameter(call, 1, "task_id", "taskID"),
                         parameter(call, 2, "priority", "priority"),
                         parameter(call, 3, "requests", "schedule"));
}

static void on_cancel_schedule(const struct call *call)
{
    reservations_cancel(call->agent, call->pending, call->caller, parameter(call, 1, "task_id", "taskID"));
}

/* -- serving ----------------------------------------------------------------------------------------------
 */

typedef void method(const struct call *call);

static void serve(void *context, struct bb_pending *pending, const char *caller, const char *params,
                  method *what)
{
    struct call call = {context, pending, caller, json_loads(params, JSON_DECODE_ANY, NULL)};
    if (call.agent->stopping)
        bb_answer(pending, BB_CLOSED, "the agent is about to end");
    else if (!json_is_array(call.params) && !json_is_object(call.params))
        bb_answer(pending, BB_MALFORMED, "the parameters are no list and no object that can be read");
    else
        what(&call);
    json_decref(call.params);
}

#define METHODS(X)                                                                                           \
    X(get_point)                                                                                             \
    X(set_point)                                                                                             \
    X(revert_point)                                                                                          \
    X(revert_device)                                                                                         \
    X(scrape_all)                                                                                            \
    X(get_multiple)                                                                                          \
    X(set_multiple)                                                                                          \
    X(new_schedule)                                                                                          \
    X(cancel_schedule)                                                                                       \
    X(status)                                                                                                \
    X(points)

#define DEFINE(name)                                                                                         \
    static void serve_##name(void *context, struct bb_pending *pending, const char *caller,                  \
                             const char *params)                                                             \
    {                                                                                                        \
        serve(context, pending, caller, params, on_##name);                                                  \
    }
METHODS(DEFINE)
#undef DEFINE

enum status agent_serve(struct agent *agent, struct bb_client *client)
{
    static const struct {
        const char *name;
        bb_on_call_later *serve;
    } methods[] = {
        {"get_point", serve_get_point},
        {"set_point", serve_set_point},
        {"revert_point", serve_revert_point},
        {"revert_device", serve_revert_device},
        {"scrape_all", serve_scrape_all},
        {"get_multiple_points", serve_get_multiple},
        {"set_multiple_points", serve_set_multiple},
        {"request_new_schedule", serve_new_schedule},
        {"request_cancel_schedule", serve_cancel_schedule},
        {"status", serve_status},
        {"points", serve_points},
    };
    enum status status = BB_OK;
    for (size_t i = 0; i < sizeof methods / sizeof *methods && status == BB_OK; i++)
        status = bb_serve_later(client, methods[i].name, methods[i].serve, agent);
    return status == BB_OK ? bb_offer_served(client, "driver", "[\"devices/\"]") : status;
}
