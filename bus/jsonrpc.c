#include "bus/jsonrpc.h"

#include <string.h>

static struct jsonrpc_message invalid(json_t *id, const char *why)
{
    return (struct jsonrpc_message){.kind = JSONRPC_INVALID, .id = id, .why = why};
}

struct jsonrpc_message jsonrpc_read(json_t *message)
{
    if (!json_is_object(message))
        return invalid(NULL, "expected an object, or a list of objects that is not empty");
    struct jsonrpc_message m = {.id = json_object_get(message, "id"),
                                .params = json_object_get(message, "params")};
    const char *version = json_string_value(json_object_get(message, "jsonrpc"));
    if (m.id != NULL && !json_is_string(m.id) && !json_is_number(m.id) && !json_is_null(m.id))
        return invalid(NULL, "\"id\" must be a text, a number or null");
    if (json_is_null(m.id))
        m.id = NULL;
    if (version == NULL || strcmp(version, "2.0") != 0)
        return invalid(m.id, "\"jsonrpc\" must be \"2.0\"");
    if ((m.answer = json_object_get(message, "error")) != NULL) {
        m.kind = JSONRPC_ERROR;
        return m;
    }
    if ((m.answer = json_object_get(message, "result")) != NULL) {
        m.kind = JSONRPC_RESULT;
        return m;
    }
    m.method = json_string_value(json_object_get(message, "method"));
    if (m.method == NULL)
        return invalid(m.id, "there is no \"method\", \"result\" or \"error\"");
    m.kind = JSONRPC_REQUEST;
    return m;
}

static const struct {
    const char *name;
    json_type types[2];
} TYPES[] = {[JSONRPC_TEXT] = {"a text", {JSON_STRING, JSON_STRING}},
             [JSONRPC_BOOL] = {"true or false", {JSON_TRUE, JSON_FALSE}},
             [JSONRPC_INTEGER] = {"an integer", {JSON_INTEGER, JSON_INTEGER}},
             [JSONRPC_OBJECT] = {"an object", {JSON_OBJECT, JSON_OBJECT}},
             [JSONRPC_LIST] = {"a list", {JSON_ARRAY, JSON_ARRAY}},
             [JSONRPC_ANY] = {"anything", {JSON_NULL, JSON_NULL}}};

static size_t count_of(const struct jsonrpc_parameter *parameters)
{
    size_t count = 0;
    while (parameters[count].name != NULL)
        count++;
    return count;
}

static enum status bind_list(const struct jsonrpc_parameter *parameters, json_t *list, json_t **arguments,
                             struct bb_reason *reason)
{
    size_t count = count_of(parameters);
    if (json_array_size(list) > count) {
        bb_reason_say(reason, "at most %zu arguments are taken, and there are %zu", count,
                      json_array_size(list));
        return BB_RANGE;
    }
    for (size_t i = 0; i < json_array_size(list); i++)
        arguments[i] = json_array_get(list, i);
    return BB_OK;
}

static enum status bind_object(const struct jsonrpc_parameter *parameters, json_t *object, json_t **arguments,
                               struct bb_reason *reason)
{
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        size_t i = 0;
        while (parameters[i].name != NULL && strcmp(parameters[i].name, name) != 0)
            i++;
        if (parameters[i].name == NULL || arguments[i] != NULL) {
            bb_reason_say(reason,
                          parameters[i].name == NULL ? "there is no parameter \"%.64s\""
                                                     : "\"%.64s\" is given twice",
                          name);
            return BB_RANGE;
        }
        arguments[i] = value;
    }
    return BB_OK;
}

/* The value at its place is of its type, or rightly absent. */
static enum status check(const struct jsonrpc_parameter *parameter, json_t **argument,
                         struct bb_reason *reason)
{
    if (parameter->optional && json_is_null(*argument))
        *argument = NULL;
    if (*argument == NULL && !parameter->optional) {
        bb_reason_say(reason, "\"%s\" is missing", parameter->name);
        return BB_RANGE;
    }
    const json_type *types = TYPES[parameter->type].types;
    if (*argument == NULL || parameter->type == JSONRPC_ANY || json_typeof(*argument) == types[0] ||
        json_typeof(*argument) == types[1])
        return BB_OK;
    bb_reason_say(reason, "\"%s\" must be %s", parameter->name, TYPES[parameter->type].name);
    return BB_RANGE;
}

enum status jsonrpc_bind(const struct jsonrpc_parameter *parameters, json_t *params, json_t **arguments_out,
                         struct bb_reason *reason)
{
    json_t *arguments[JSONRPC_PARAMETERS_MAX] = {NULL};
    json_t *list = json_is_array(params) ? params : NULL;
    json_t *object = json_is_object(params) ? params : NULL;
    enum status status = BB_OK;
    if (params != NULL && list == NULL && object == NULL && !json_is_null(params)) {
        bb_reason_say(reason, "\"params\" must be a list or an object");
        return BB_RANGE;
    }
    if (json_is_array(json_object_get(object, "*args")) &&
        json_is_object(json_object_get(object, "**kwargs"))) {
        list = json_object_get(object, "*args");
        object = json_object_get(object, "**kwargs");
    }
    status = bind_list(parameters, list, arguments, reason);
    if (status == BB_OK)
        status = bind_object(parameters, object, arguments, reason);
    for (size_t i = 0; parameters[i].name != NULL && status == BB_OK; i++)
        status = check(&parameters[i], &arguments[i], reason);
    if (status == BB_OK)
        memcpy(arguments_out, arguments, sizeof arguments);
    return status;
}

json_t *jsonrpc_inspect(const struct jsonrpc_parameter *parameters)
{
    json_t *all = json_object();
    for (; parameters->name != NULL; parameters++) {
        json_t *one = json_pack("{s:s}", "kind", "POSITIONAL_OR_KEYWORD");
        if (parameters->optional)
            json_object_set_new(one, "default", json_null());
        json_object_set_new(all, parameters->name, one);
    }
    return json_pack("{s:o}", "params", all);
}

static char *text_of(json_t *message)
{
    char *text = json_dumps(message, JSON_COMPACT | JSON_ENSURE_ASCII);
    json_decref(message);
    return text;
}

char *jsonrpc_result_text(json_t *id, json_t *result)
{
    return text_of(json_pack("{s:s,s:O*,s:o}", "jsonrpc", "2.0", "id", id, "result",
                             result == NULL ? json_null() : result));
}

char *jsonrpc_error_text(json_t *id, int code, const char *message, json_t *data)
{
    json_t *error = json_pack("{s:i,s:s}", "code", code, "message", message);
    if (data != NULL)
        json_object_set_new(error, "data", data);
    json_t *all = json_pack("{s:s,s:o}", "jsonrpc", "2.0", "error", error);
    json_object_set(all, "id", id == NULL ? json_null() : id);
    return text_of(all);
}

char *jsonrpc_request_text(const char *id, const char *method, json_t *params)
{
    json_t *all = json_pack("{s:s,s:s}", "jsonrpc", "2.0", "method", method);
    if (params != NULL)
        json_object_set_new(all, "params", params);
    if (id != NULL)
        json_object_set_new(all, "id", json_string(id));
    return text_of(all);
}
