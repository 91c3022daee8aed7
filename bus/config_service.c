#include "bus/config_service.h"

#include "bus/client/log.h"
#include "bus/configs/config_store.h"
#include "bus/configs/config_text.h"
#include "bus/settings.h"
#include "bus/state.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* How long an agent has to take a configuration before the caller is answered all the same. */
#define UPDATE_MS 30000

struct config_service {
    struct hosted *hosted;
    char path[BB_PATH_MAX];
    struct config_store *store; /* NULL: not opened yet, or it could not be; `trouble` says why */
    struct bb_reason trouble;
};

/* A caller who waits for an agent to take its configuration. */
struct waiting {
    struct hosted *hosted;
    uint64_t ticket;
    char agent[BB_IDENTITY_MAX + 1];
};

/* -- answers -------------------------------------------------------------------------------------------- */

/* Answers that the store failed; what is wrong with the file itself is kept for `busbar status`. */
static void fail_store(struct hosted_call *call, enum status status, const struct bb_reason *reason)
{
    struct config_service *s = call->context;
    if (status != BB_FULL) {
        s->trouble = *reason;
        log_error("config-store", LOG_TEXT("status", bb_status_word(status)),
                  LOG_TEXT("reason", reason->text));
    }
    hosted_fail(call, JSONRPC_FAILED, status == BB_FULL ? "ValueError" : "OSError", "%s", reason->text);
}

/* Opens the store, and says so when that fails. */
static void open_store(struct config_service *s)
{
    enum status status = config_store_open(s->path, &s->store, &s->trouble);
    if (status == BB_OK && config_store_is_readonly(s->store))
        bb_reason_say(&s->trouble, "%.400s can be read but not written", s->path);
    if (s->trouble.text[0] != '\0')
        log_error("config-store", LOG_TEXT("status", bb_status_word(status)),
                  LOG_TEXT("reason", s->trouble.text),
                  LOG_TEXT("hint", "the broker runs without it; nothing in the file was changed"));
}

/* True when there is a store to work with; otherwise the call is answered. */
static bool has_store(struct hosted_call *call)
{
    struct config_service *s = call->context;
    if (s->store == NULL && s->trouble.text[0] == '\0')
        open_store(s);
    if (s->store == NULL)
        hosted_fail(call, JSONRPC_FAILED, "OSError", "the configurations cannot be used: %s",
                    s->trouble.text);
    return s->store != NULL;
}

/* -- arguments ------------------------------------------------------------------------------------------ */

enum { AT_IDENTITY, AT_NAME };

static const char *text_at(const struct hosted_call *call, size_t at, const char *preset)
{
    return call->arguments[at] == NULL ? preset : json_string_value(call->arguments[at]);
}

static bool bool_at(const struct hosted_call *call, size_t at, bool preset)
{
    return call->arguments[at] == NULL ? preset : json_is_true(call->arguments[at]);
}

/* Takes the identity; false when it is none, and the call is answered. */
static bool take_identity(struct hosted_call *call, const char **out)
{
    *out = text_at(call, AT_IDENTITY, "");
    bool is_identity = access_is_identity(bytes_of(*out));
    if (!is_identity)
        hosted_fail(call, JSONRPC_INVALID_PARAMS, "ValueError", "\"%.64s\" is no identity", *out);
    return is_identity && has_store(call);
}

/* Takes a configuration's name; false when it is none, and the call is answered. */
static bool take_name(struct hosted_call *call, size_t at, char *name_out)
{
    struct bb_reason reason = {""};
    if (config_text_name(text_at(call, at, ""), name_out, &reason) == BB_OK)
        return true;
    hosted_fail(call, JSONRPC_INVALID_PARAMS, "ValueError", "%s", reason.text);
    return false;
}

static bool take_names(struct hosted_call *call, const char **identity_out, char *name_out)
{
    return take_identity(call, identity_out) && take_name(call, AT_NAME, name_out);
}

/* -- rows ----------------------------------------------------------------------------------------------- */

/* Copies a row into a JSON object {type, modified, data}. */
static void keep_row(void *context, const struct config_row *row)
{
    json_t **out = context;
    json_decref(*out);
    *out = json_pack("{s:s,s:s,s:s}", "type", row->type, "modified", row->modified, "data", row->data);
}

static void keep_name(void *context, const struct config_row *row)
{
    json_array_append_new(context, json_string(row->name));
}

/* The value of a row kept by keep_row, new; NULL: it cannot be read any more. */
static json_t *value_of(json_t *row)
{
    json_t *value = NULL;
    (void)!config_text_parse(json_string_value(json_object_get(row, "type")),
                             json_string_value(json_object_get(row, "data")), &value, NULL);
    return value;
}

/* Adds a row's value to an object {name: value}. */
static void keep_value(void *context, const struct config_row *row)
{
    json_t *value = NULL;
    if (config_text_parse(row->type, row->data, &value, NULL) == BB_OK)
        json_object_set_new(context, row->name, value);
}

/* One agent's configurations, for config_lookup. */
struct shelf {
    struct config_store *store;
    const char *identity;
};

static json_t *look_up(void *context, const char *name)
{
    const struct shelf *shelf = context;
    json_t *row = NULL;
    json_t *value = NULL;
    if (config_store_get(shelf->store, shelf->identity, name, keep_row, &row, NULL) == BB_OK && row != NULL)
        value = value_of(row);
    json_decref(row);
    return value;
}

/* -- pushes --------------------------------------------------------------------------------------------- */

/* The agent has taken its configuration, or has not: the caller is answered either way, as VOLTTRON does. */
static void on_taken(void *context, enum status status, json_t *answer)
{
    struct waiting *waiting = context;
    const char *message = json_string_value(json_object_get(answer, "message"));
    if (status != BB_OK)
        log_warning("config-not-taken", LOG_TEXT("agent", waiting->agent),
                    LOG_TEXT("status", bb_status_word(status)), LOG_TEXT("reason", message));
    hosted_finish(waiting->hosted, waiting->ticket, NULL);
    free(waiting);
}

/* Calls `method` on the agent and answers the call when it is done; an agent that is not there needs no push.
 * `params` is taken over. */
static void push(struct hosted_call *call, const char *agent, const char *method, json_t *params)
{
    uint64_t ticket;
    if (hosted_defer(call, &ticket) != BB_OK) {
        json_decref(params);
        hosted_fail(call, JSONRPC_FAILED, "RuntimeError",
                    "it is stored, but not pushed: too many callers wait for their agents");
        return;
    }
    struct waiting *waiting = calloc(1, sizeof *waiting);
    CHECK(waiting != NULL);
    waiting->hosted = call->hosted;
    waiting->ticket = ticket;
    snprintf(waiting->agent, sizeof waiting->agent, "%s", agent);
    if (hosted_ask(call->hosted, call->self, agent, method, params, UPDATE_MS, on_taken, waiting) == BB_OK)
        return;
    hosted_finish(call->hosted, ticket, NULL);
    free(waiting);
}

/* -- methods -------------------------------------------------------------------------------------------- */

/* Pushes all that an agent has, then answers. */
static void push_all(struct hosted_call *call, const char *identity)
{
    struct bb_reason reason = {""};
    struct config_service *s = call->context;
    json_t *all = json_object();
    enum status status = config_store_each(s->store, identity, keep_value, all, &reason);
    if (status == BB_OK)
        push(call, identity, "config.initial_update", json_pack("[O]", all));
    else
        fail_store(call, status, &reason);
    json_decref(all);
}

static void initialize_configs(struct hosted_call *call)
{
    const char *identity;
    if (take_identity(call, &identity))
        push_all(call, identity);
}

/* The same for the caller, as agents of older releases ask for it. */
static void get_configs(struct hosted_call *call)
{
    if (has_store(call))
        push_all(call, call->caller);
}

/* The present time as VOLTTRON writes it, with microseconds. */
static void write_time(char text[40])
{
    struct timeval now;
    struct tm utc;
    char seconds[24];
    CHECK(gettimeofday(&now, NULL) == 0 && gmtime_r(&now.tv_sec, &utc) != NULL);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text, 40, "%s.%06ld+00:00", seconds, (long)now.tv_usec);
}

/* A configuration that is to be stored. */
struct change {
    const char *identity, *name, *type, *text;
    bool trigger, send;
};

/* Reads the new contents; NULL when they are refused, and the call is answered. */
static json_t *take_contents(struct hosted_call *call, const struct change *c)
{
    struct bb_reason reason = {""};
    const struct config_service *s = call->context;
    struct shelf shelf = {s->store, c->identity};
    json_t *value = NULL;
    if (config_text_parse(c->type, c->text, &value, &reason) != BB_OK) {
        hosted_fail(call, JSONRPC_FAILED, "ValueError", "%s: %s", c->name, reason.text);
        return NULL;
    }
    if (!config_text_is_cyclic(c->name, value, look_up, &shelf))
        return value;
    json_decref(value);
    hosted_fail(call, JSONRPC_FAILED, "ValueError", "%s: it would contain itself through its links", c->name);
    return NULL;
}

static void store(struct hosted_call *call, const struct change *c)
{
    char modified[40];
    struct bb_reason reason = {""};
    struct config_service *s = call->context;
    bool fresh = false;
    json_t *value = take_contents(call, c);
    if (value == NULL)
        return;
    write_time(modified);
    const struct config_row row = {c->name, c->type, c->text, modified};
    enum status status = config_store_put(s->store, c->identity, &row, &fresh, &reason);
    if (status != BB_OK)
        fail_store(call, status, &reason);
    else if (c->send)
        push(call, c->identity, "config.update",
             json_pack("{s:[s,s],s:{s:O,s:b}}", "*args", fresh ? "NEW" : "UPDATE", c->name, "**kwargs",
                       "contents", value, "trigger_callback", c->trigger));
    json_decref(value);
}

enum { AT_CONTENTS = AT_NAME + 1, AT_TYPE, AT_SET_TRIGGER, AT_SET_SEND };

static void set_config(struct hosted_call *call)
{
    char name[CONFIG_NAME_MAX + 1];
    struct change c = {.name = name};
    if (!take_names(call, &c.identity, name))
        return;
    c.text = text_at(call, AT_CONTENTS, "");
    c.type = text_at(call, AT_TYPE, "raw");
    c.trigger = bool_at(call, AT_SET_TRIGGER, true);
    c.send = bool_at(call, AT_SET_SEND, true);
    store(call, &c);
}

/* Answers that there is no such configuration, in VOLTTRON's words for it. */
static void fail_missing(struct hosted_call *call, const char *identity, const char *name)
{
    hosted_fail(call, JSONRPC_FAILED, "KeyError", "there is no configuration \"%s\" of %s", name, identity);
}

static void discard(struct hosted_call *call, const struct change *c)
{
    struct bb_reason reason = {""};
    struct config_service *s = call->context;
    enum status status = config_store_delete(s->store, c->identity, c->name, &reason);
    if (status == BB_NOT_FOUND)
        fail_missing(call, c->identity, c->name);
    else if (status != BB_OK)
        fail_store(call, status, &reason);
    else if (c->send)
        push(call, c->identity, "config.update",
             json_pack("{s:[s,s],s:{s:b}}", "*args", "DELETE", c->name, "**kwargs", "trigger_callback",
                       c->trigger));
}

enum { AT_DELETE_TRIGGER = AT_NAME + 1, AT_DELETE_SEND };

static void delete_config(struct hosted_call *call)
{
    char name[CONFIG_NAME_MAX + 1];
    struct change c = {.name = name,
                       .trigger = bool_at(call, AT_DELETE_TRIGGER, true),
                       .send = bool_at(call, AT_DELETE_SEND, true)};
    if (take_names(call, &c.identity, name))
        discard(call, &c);
}

static void delete_store(struct hosted_call *call)
{
    const char *identity;
    struct bb_reason reason = {""};
    struct config_service *s = call->context;
    if (!take_identity(call, &identity))
        return;
    enum status status = config_store_delete(s->store, identity, NULL, &reason);
    if (status == BB_OK)
        push(call, identity, "config.update",
             json_pack("{s:[s,n],s:{s:b}}", "*args", "DELETE_ALL", "**kwargs", "trigger_callback", 1));
    else if (status != BB_NOT_FOUND)
        fail_store(call, status, &reason);
}

static void list_configs(struct hosted_call *call)
{
    const char *identity;
    struct bb_reason reason = {""};
    struct config_service *s = call->context;
    if (!take_identity(call, &identity))
        return;
    json_t *list = json_array();
    enum status status = config_store_each(s->store, identity, keep_name, list, &reason);
    if (status == BB_OK)
        hosted_result(call, json_incref(list));
    else
        fail_store(call, status, &reason);
    json_decref(list);
}

static void list_stores(struct hosted_call *call)
{
    struct bb_reason reason = {""};
    struct config_service *s = call->context;
    if (!has_store(call))
        return;
    json_t *list = json_array();
    enum status status = config_store_identities(s->store, keep_name, list, &reason);
    if (status == BB_OK)
        hosted_result(call, json_incref(list));
    else
        fail_store(call, status, &reason);
    json_decref(list);
}

/* The row that the call names, new; NULL when there is none, and the call is answered. */
static json_t *take_row(struct hosted_call *call, const char **identity_out)
{
    char name[CONFIG_NAME_MAX + 1];
    struct bb_reason reason = {""};
    const struct config_service *s = call->context;
    json_t *row = NULL;
    if (!take_names(call, identity_out, name))
        return NULL;
    enum status status = config_store_get(s->store, *identity_out, name, keep_row, &row, &reason);
    if (status == BB_NOT_FOUND)
        fail_missing(call, *identity_out, name);
    else if (status != BB_OK)
        fail_store(call, status, &reason);
    else if (row == NULL)
        hosted_fail(call, JSONRPC_FAILED, "ValueError", "%s: what is stored is no text", name);
    return row;
}

enum { AT_RAW = AT_NAME + 1, AT_RESOLVE };

/* Answers with a row's value, its links replaced when that is asked for. */
static void answer_value(struct hosted_call *call, const char *identity, json_t *row)
{
    const struct config_service *s = call->context;
    struct shelf shelf = {s->store, identity};
    json_t *value = value_of(row);
    json_t *resolved = NULL;
    if (value == NULL)
        hosted_fail(call, JSONRPC_FAILED, "ValueError", "what is stored cannot be read");
    else if (!bool_at(call, AT_RESOLVE, false))
        hosted_result(call, json_incref(value));
    else if (config_text_resolve(value, look_up, &shelf, &resolved) == BB_OK)
        hosted_result(call, resolved);
    else
        hosted_fail(call, JSONRPC_FAILED, "ValueError", "with its links it is too large (%d values, %d deep)",
                    CONFIG_VALUES_MAX, CONFIG_DEPTH_MAX);
    json_decref(value);
}

static void get_config(struct hosted_call *call)
{
    const char *identity;
    json_t *row = take_row(call, &identity);
    if (row == NULL)
        return;
    if (bool_at(call, AT_RAW, true))
        hosted_result(call, json_incref(json_object_get(row, "data")));
    else
        answer_value(call, identity, row);
    json_decref(row);
}

static void get_metadata(struct hosted_call *call)
{
    const char *identity;
    json_t *row = take_row(call, &identity);
    if (row != NULL)
        hosted_result(call, row);
}

/* -- VOLTTRON 10: an agent's own configurations, without its identity -------------------------------------
 */

enum { AT_OWN_NAME, AT_OWN_VALUE, AT_OWN_TRIGGER, AT_OWN_SEND };

static void set_own_config(struct hosted_call *call)
{
    char name[CONFIG_NAME_MAX + 1];
    json_t *value = call->arguments[AT_OWN_VALUE];
    bool tree = json_is_object(value) || json_is_array(value);
    if (!has_store(call) || !take_name(call, AT_OWN_NAME, name))
        return;
    if (!tree && !json_is_string(value)) {
        hosted_fail(call, JSONRPC_FAILED, "ValueError", "%s: contents are a text, an object or a list", name);
        return;
    }
    char *text = tree ? json_dumps(value, 0) : strdup(json_string_value(value));
    CHECK(text != NULL);
    bool trigger = bool_at(call, AT_OWN_TRIGGER, false), send = bool_at(call, AT_OWN_SEND, true);
    const struct change c = {call->caller, name, tree ? "json" : "raw", text, trigger, send};
    store(call, &c);
    free(text);
}

static void delete_own_config(struct hosted_call *call)
{
    char name[CONFIG_NAME_MAX + 1];
    const struct change c = {.identity = call->caller,
                             .name = name,
                             .trigger = bool_at(call, AT_OWN_VALUE, false),
                             .send = bool_at(call, AT_OWN_TRIGGER, true)};
    if (has_store(call) && take_name(call, AT_OWN_NAME, name))
        discard(call, &c);
}

/* -- the tables ------------------------------------------------------------------------------------------ */

#define END                                                                                                  \
    {                                                                                                        \
        NULL, JSONRPC_ANY, false                                                                             \
    }
#define OF_IDENTITY                                                                                          \
    {                                                                                                        \
        "identity", JSONRPC_TEXT, false                                                                      \
    }
#define OF_CONFIG                                                                                            \
    OF_IDENTITY,                                                                                             \
    {                                                                                                        \
        "config_name", JSONRPC_TEXT, false                                                                   \
    }
#define UPDATES                                                                                              \
    {"trigger_callback", JSONRPC_BOOL, true},                                                                \
    {                                                                                                        \
        "send_update", JSONRPC_BOOL, true                                                                    \
    }

static const struct jsonrpc_parameter STORE[] = {OF_IDENTITY, END};
static const struct jsonrpc_parameter CONFIG[] = {OF_CONFIG, END};
static const struct jsonrpc_parameter SET[] = {
    OF_CONFIG, {"raw_contents", JSONRPC_TEXT, false}, {"config_type", JSONRPC_TEXT, true}, UPDATES, END};
static const struct jsonrpc_parameter DELETE[] = {OF_CONFIG, UPDATES, END};
static const struct jsonrpc_parameter GET[] = {
    OF_CONFIG, {"raw", JSONRPC_BOOL, true}, {"resolve", JSONRPC_BOOL, true}, END};

/* A change needs VOLTTRON's capability for it; to read what others have, here, one of two: configurations
 * hold passwords. */
#define CHANGE(method, function, table)                                                                      \
    {                                                                                                        \
        .name = method, .run = function, .parameters = table, .capability = "edit_config_store",             \
        .own = "identity", .writes = true                                                                    \
    }
#define READ(method, function, table)                                                                        \
    {                                                                                                        \
        .name = method, .run = function, .parameters = table, .capability = "read_config_store",             \
        .other_capability = "edit_config_store", .own = "identity"                                           \
    }

/* The manage_… names are those of older releases, which VOLTTRON 9 still has. */
static const struct hosted_method METHODS[] = {CHANGE("initialize_configs", initialize_configs, STORE),
                                               CHANGE("set_config", set_config, SET),
                                               CHANGE("manage_store", set_config, SET),
                                               CHANGE("delete_config", delete_config, DELETE),
                                               CHANGE("manage_delete_config", delete_config, DELETE),
                                               CHANGE("delete_store", delete_store, STORE),
                                               CHANGE("manage_delete_store", delete_store, STORE),
                                               READ("get_config", get_config, GET),
                                               READ("manage_get", get_config, GET),
                                               READ("get_metadata", get_metadata, CONFIG),
                                               READ("manage_get_metadata", get_metadata, CONFIG),
                                               READ("list_configs", list_configs, STORE),
                                               READ("manage_list_configs", list_configs, STORE),
                                               {.name = "get_configs", .run = get_configs},
                                               {.name = "list_stores", .run = list_stores},
                                               {.name = "manage_list_stores", .run = list_stores}};

static const struct jsonrpc_parameter SET_OWN[] = {
    {"config_name", JSONRPC_TEXT, false}, {"contents", JSONRPC_ANY, false}, UPDATES, END};
static const struct jsonrpc_parameter DELETE_OWN[] = {{"config_name", JSONRPC_TEXT, false}, UPDATES, END};

/* As VOLTTRON 10 has them. */
static const struct hosted_method METHODS_10[] = {
    CHANGE("manage_store", set_config, SET),
    CHANGE("manage_delete_config", delete_config, DELETE),
    CHANGE("manage_delete_store", delete_store, STORE),
    READ("manage_get", get_config, GET),
    READ("manage_get_metadata", get_metadata, CONFIG),
    READ("manage_list_configs", list_configs, STORE),
    {.name = "manage_list_stores", .run = list_stores},
    {.name = "get_configs", .run = get_configs},
    {.name = "set_config", .run = set_own_config, .parameters = SET_OWN, .writes = true},
    {.name = "delete_config", .run = delete_own_config, .parameters = DELETE_OWN, .writes = true}};

/* A file that is there is opened at once, so that what is wrong with it is known at the start. Where nobody
 * has configurations, SQLite's megabyte stays away. */
static void *open_service(struct broker *broker, struct hosted *hosted)
{
    struct config_service *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    broker->configs = s;
    s->hosted = hosted;
    if (config_home(broker->settings->home, "config.db", s->path, sizeof s->path) != BB_OK)
        bb_reason_say(&s->trouble, "there is no home for config.db");
    else if (access(s->path, F_OK) == 0)
        open_store(s);
    return s;
}

/* Both names lead to one store. */
static void *share_service(struct broker *broker, struct hosted *hosted)
{
    (void)hosted;
    return broker->configs;
}

static void leave_service(void *context)
{
    (void)context;
}

static void close_service(void *context)
{
    struct config_service *s = context;
    config_store_close(s->store);
    free(s);
}

static json_t *status_of(void *context)
{
    const struct config_service *s = context;
    return json_pack("{s:s}", "trouble", s->trouble.text);
}

const struct hosted_identity CONFIG_STORE = {.name = "config.store",
                                             .methods = METHODS,
                                             .method_count = sizeof METHODS / sizeof *METHODS,
                                             .open = open_service,
                                             .close = close_service,
                                             .status = status_of};

const struct hosted_identity CONFIG_STORE_10 = {.name = "platform.config_store",
                                                .methods = METHODS_10,
                                                .method_count = sizeof METHODS_10 / sizeof *METHODS_10,
                                                .open = share_service,
                                                .close = leave_service,
                                                .status = status_of};
