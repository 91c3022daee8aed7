#include "agents/host/method.h"

#include "bus/client/log.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS 10000
#define BROKER "platform.auth"

static const struct method *const TABLES[] = {agent_methods, install_methods, directory_methods,
                                              move_methods};

static void finish(struct method_call *call)
{
    json_decref(call->params);
    free(call->caller);
    free(call);
}

void method_answer(struct method_call *call, json_t *result)
{
    char *text = result == NULL ? NULL : json_dumps(result, JSON_COMPACT | JSON_ENCODE_ANY);
    bb_answer(call->pending, BB_OK, text);
    free(text);
    json_decref(result);
    finish(call);
}

void method_refuse(struct method_call *call, enum status status, const char *format, ...)
{
    va_list values;
    struct bb_reason reason;
    va_start(values, format);
    vsnprintf(reason.text, sizeof reason.text, format, values);
    va_end(values);
    if (call->method->acts)
        log_info("refused", LOG_TEXT("method", call->method->name), LOG_TEXT("caller", call->caller),
                 LOG_TEXT("reason", reason.text));
    bb_answer(call->pending, status, reason.text);
    finish(call);
}

const char *method_text(struct method_call *call, const char *member, size_t most, bool *good_out)
{
    const json_t *value = json_object_get(call->params, member);
    size_t size = json_string_length(value);
    *good_out = value == NULL || (json_is_string(value) && size > 0 && size <= most &&
                                  strlen(json_string_value(value)) == size);
    if (!*good_out)
        method_refuse(call, BB_RANGE, "%s: expected a text of 1 to %zu bytes", member, most);
    return *good_out ? json_string_value(value) : NULL;
}

struct hosted *method_agent(struct method_call *call)
{
    bool good;
    const char *name = method_text(call, "name", MANIFEST_NAME_ROOM - 1, &good);
    if (!good)
        return NULL;
    struct hosted *agent = host_find(call->host, name);
    if (agent == NULL)
        method_refuse(call, BB_NOT_FOUND, name == NULL ? "name: which agent?%s" : "no agent %s is installed",
                      name == NULL ? "" : name);
    return agent;
}

void method_settled(void *context, struct hosted *agent, const char *reason)
{
    struct method_call *call = context;
    if (reason != NULL)
        method_refuse(call, BB_REMOTE, "%s: %s", agent->row.name, reason);
    else
        method_answer(call, json_pack("{s:o}", "agent", host_agent_json(agent)));
}

static bool is_known(const struct method *method, const char *member)
{
    for (size_t i = 0; method->params != NULL && method->params[i] != NULL; i++) {
        if (strcmp(method->params[i], member) == 0)
            return true;
    }
    return false;
}

/* Params are an object, or a list of nothing but one. */
static json_t *read_params(const char *text)
{
    json_t *params = text == NULL ? json_object() : json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_array(params) && json_array_size(params) < 2) {
        json_t *only = json_array_size(params) == 0 ? json_object() : json_incref(json_array_get(params, 0));
        json_decref(params);
        params = only;
    }
    if (json_is_null(params))
        params = json_object();
    if (json_is_object(params))
        return params;
    json_decref(params);
    return NULL;
}

/* True when the caller is an agent that is hosted here: such a one never acts, whatever it was granted. */
static bool is_hosted(const struct host *host, const char *caller)
{
    for (size_t i = 0; i < host->count; i++) {
        if (strcmp(host->agents[i]->row.identity, caller) == 0)
            return true;
    }
    return false;
}

static void on_capabilities(void *context, enum status status, const char *json)
{
    struct method_call *call = context;
    json_t *map = status == BB_OK ? json_loads(json, 0, NULL) : NULL;
    bool granted = json_is_object(map) && json_object_get(map, METHOD_CAPABILITY) != NULL;
    json_decref(map);
    if (status == BB_CLOSED)
        method_refuse(call, status, "busbar-agentd lost the broker while it asked what %.100s may",
                      call->caller);
    else if (status != BB_OK)
        method_refuse(call, status, "the broker does not say what %.100s may: %s", call->caller,
                      bb_status_text(status));
    else if (!granted || is_hosted(call->host, call->caller))
        method_refuse(call, BB_DENIED, "%s needs the capability " METHOD_CAPABILITY ", which %.100s has not",
                      call->method->name, call->caller);
    else
        call->method->run(call);
}

/* Asks the broker what the caller may, before the method runs. */
static void authorise(struct method_call *call)
{
    json_t *params = json_pack("[s]", call->caller);
    char *text = params == NULL ? NULL : json_dumps(params, JSON_COMPACT);
    enum status status = text == NULL ? BB_RANGE
                                      : bb_request(call->host->client, BROKER, "get_capabilities", text,
                                                   ASK_MS, on_capabilities, call);
    free(text);
    json_decref(params);
    if (status != BB_OK)
        method_refuse(call, status, "the broker cannot be asked what %.100s may", call->caller);
}

struct served {
    struct host *host;
    const struct method *method;
};

static void on_call(void *context, struct bb_pending *pending, const char *caller, const char *params)
{
    const struct served *served = context;
    struct method_call *call = calloc(1, sizeof *call);
    const char *member;
    json_t *value;
    CHECK(call != NULL);
    *call = (struct method_call){served->host, served->method, pending, strdup(caller), read_params(params)};
    CHECK(call->caller != NULL);
    if (call->params == NULL) {
        method_refuse(call, BB_MALFORMED, "%s: params: expected an object", served->method->name);
        return;
    }
    json_object_foreach(call->params, member, value)
    {
        if (!is_known(served->method, member)) {
            method_refuse(call, BB_MALFORMED, "%s: unknown member \"%.64s\"", served->method->name, member);
            return;
        }
    }
    if (served->method->acts)
        authorise(call);
    else
        served->method->run(call);
}

static size_t count_rows(const struct method *table)
{
    size_t rows = 0;
    while (table[rows].name != NULL)
        rows++;
    return rows;
}

enum status method_serve_all(struct host *host)
{
    size_t rows = 0, at = 0;
    for (size_t i = 0; i < sizeof TABLES / sizeof *TABLES; i++)
        rows += count_rows(TABLES[i]);
    host->served = calloc(rows, sizeof *host->served);
    CHECK(host->served != NULL);
    enum status status = BB_OK;
    for (size_t i = 0; i < sizeof TABLES / sizeof *TABLES; i++) {
        for (const struct method *row = TABLES[i]; status == BB_OK && row->name != NULL; row++) {
            host->served[at] = (struct served){host, row};
            status = bb_serve_later(host->client, row->name, on_call, &host->served[at++]);
        }
    }
    return status;
}
