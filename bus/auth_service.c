#include "bus/auth_service.h"

#include "bus/auth_file.h"
#include "bus/state.h"

#include <busbar/check.h>
#include <stdlib.h>

/* Capabilities of the broker's own identities: agents let config.store push their configuration only when it
 * is known to have this one. */
static const struct {
    const char *identity, *capability;
} BUILT_IN[] = {{"config.store", "sync_agent_config"}, {"platform.auth", "modify_rpc_method_allowance"}};

/* Adds one capability, as access.h has it, to a map {name: null or {argument: value}}. */
static void add_capability(json_t *map, struct bytes text)
{
    char name[POOL_TEXT_MAX + 1];
    const uint8_t *equals = memchr(text.data, '=', text.size);
    size_t size = equals == NULL ? text.size : (size_t)(equals - text.data);
    json_t *restriction =
        equals == NULL ? NULL : json_loadb((const char *)equals + 1, text.size - size - 1, 0, NULL);
    snprintf(name, sizeof name, "%.*s", (int)size, (const char *)text.data);
    if (json_object_get(map, name) == NULL)
        json_object_set_new(map, name, json_null());
    if (json_is_object(json_object_get(map, name)))
        json_object_update(json_object_get(map, name), restriction);
    else if (restriction != NULL)
        json_object_set(map, name, restriction);
    json_decref(restriction);
}

/* The capabilities of `identity` under `entry`, new: what access.json gives, and that everybody may change
 * its own configuration. */
static json_t *capabilities_of(const struct auth_service *s, uint32_t entry, const char *identity)
{
    json_t *map = json_object();
    struct bytes text;
    uint32_t at = 0;
    while (access_next(s->broker->access, entry, ACCESS_CAPABILITY, &at, &text))
        add_capability(map, text);
    if (json_object_get(map, "edit_config_store") == NULL)
        json_object_set_new(map, "edit_config_store",
                            entry == ACCESS_OPEN ? json_null() : json_pack("{s:s}", "identity", identity));
    return map;
}

static void set_if_absent(json_t *map, const char *key, json_t *value)
{
    if (json_object_get(map, key) == NULL)
        json_object_set_new(map, key, value);
    else
        json_decref(value);
}

/* Adds the identities that the entries name in full. */
static void add_named(const struct auth_service *s, json_t *map)
{
    const struct access *access = s->broker->access;
    char name[BB_IDENTITY_MAX + 1];
    for (uint32_t entry = 0; entry < access->entry_count; entry++) {
        uint32_t at = access->entries[entry].first[ACCESS_IDENTITY];
        for (; at != 0; at = access->grants[at].next) {
            const struct access_grant *grant = &access->grants[at];
            struct bytes text = pool_text(&access->texts, grant->text, grant->size);
            snprintf(name, sizeof name, "%.*s", (int)text.size, (const char *)text.data);
            if (!grant->prefix)
                set_if_absent(map, name, capabilities_of(s, entry, name));
        }
    }
}

/* Adds the peers that are here under a name that only a pattern allows. */
static void add_present(const struct auth_service *s, json_t *map)
{
    const struct peers *peers = &s->broker->router->peers;
    char name[BB_IDENTITY_MAX + 1];
    for (uint32_t at = peers_next(peers, 0); at != 0; at = peers_next(peers, at)) {
        struct bytes text = peers_identity(peers, at);
        snprintf(name, sizeof name, "%.*s", (int)text.size, (const char *)text.data);
        set_if_absent(map, name, capabilities_of(s, peers_at(peers, at)->entry, name));
    }
}

static json_t *user_map(const struct auth_service *s)
{
    json_t *map = json_object();
    for (size_t i = 0; i < sizeof BUILT_IN / sizeof *BUILT_IN; i++)
        json_object_set_new(map, BUILT_IN[i].identity, json_pack("{s:n}", BUILT_IN[i].capability));
    add_named(s, map);
    add_present(s, map);
    return map;
}

static void get_user_to_capabilities(struct hosted_call *call)
{
    struct auth_service *s = call->context;
    json_object_set_new(s->askers, call->caller, json_true());
    hosted_result(call, user_map(s));
}

static void update_id_rpc_authorizations(struct hosted_call *call)
{
    hosted_result(call, json_incref(call->arguments[1]));
}

/* The capabilities of a user, new; NULL: there is none of that name. */
static json_t *find_user(const struct hosted_call *call)
{
    json_t *map = user_map(call->context);
    json_t *found = json_incref(json_object_get(map, json_string_value(call->arguments[0])));
    json_decref(map);
    return found;
}

static void get_capabilities(struct hosted_call *call)
{
    json_t *found = find_user(call);
    hosted_result(call, found == NULL ? json_array() : found);
}

/* Groups and roles do not exist here: capabilities stand in the entries themselves. */
static void get_authorizations(struct hosted_call *call)
{
    json_t *found = find_user(call);
    hosted_result(call, found == NULL ? NULL : json_pack("[o,[],[]]", found));
}

static void get_nothing(struct hosted_call *call)
{
    hosted_result(call, json_array());
}

#define END                                                                                                  \
    {                                                                                                        \
        NULL, JSONRPC_ANY, false                                                                             \
    }
static const struct jsonrpc_parameter USER[] = {{"user_id", JSONRPC_TEXT, false}, END};
static const struct jsonrpc_parameter KEY[] = {
    {"credentials", JSONRPC_TEXT, false}, {"is_allow", JSONRPC_BOOL, true}, END};
static const struct jsonrpc_parameter ENTRY[] = {{"entry", JSONRPC_OBJECT, false}, END};
static const struct jsonrpc_parameter ENTRY_AT[] = {{"auth_entry", JSONRPC_OBJECT, false},
                                                    {"index", JSONRPC_INTEGER, false},
                                                    {"is_allow", JSONRPC_BOOL, true},
                                                    END};
static const struct jsonrpc_parameter INDEX[] = {
    {"index", JSONRPC_INTEGER, false}, {"is_allow", JSONRPC_BOOL, true}, END};
static const struct jsonrpc_parameter INDICES[] = {
    {"indices", JSONRPC_LIST, false}, {"is_allow", JSONRPC_BOOL, true}, END};
static const struct jsonrpc_parameter AUTHORIZATIONS[] = {
    {"identity", JSONRPC_TEXT, false}, {"rpc_methods", JSONRPC_OBJECT, false}, END};

/* VOLTTRON leaves these to every peer. */
#define GUARDED(method, function, table)                                                                     \
    {                                                                                                        \
        .name = method, .run = function, .parameters = table, .capability = "allow_auth_modifications",      \
        .writes = true                                                                                       \
    }

static const struct hosted_method METHODS[] = {
    {.name = "get_user_to_capabilities", .run = get_user_to_capabilities},
    {.name = "update_id_rpc_authorizations",
     .run = update_id_rpc_authorizations,
     .parameters = AUTHORIZATIONS},
    {.name = "get_capabilities", .run = get_capabilities, .parameters = USER},
    {.name = "get_authorizations", .run = get_authorizations, .parameters = USER},
    {.name = "get_groups", .run = get_nothing, .parameters = USER},
    {.name = "get_roles", .run = get_nothing, .parameters = USER},
    GUARDED("auth_file.read", auth_file_read, NULL),
    GUARDED("auth_file.find_by_credentials", auth_file_find, KEY),
    GUARDED("auth_file.add", auth_file_add, ENTRY),
    GUARDED("auth_file.update_by_index", auth_file_update, ENTRY_AT),
    GUARDED("auth_file.remove_by_credentials", auth_file_remove_key, KEY),
    GUARDED("auth_file.remove_by_index", auth_file_remove_at, INDEX),
    GUARDED("auth_file.remove_by_indices", auth_file_remove_at, INDICES),
    GUARDED("list", auth_file_read, NULL),
    GUARDED("add", auth_file_add, ENTRY),
    GUARDED("remove", auth_file_remove_key, KEY)};

/* A number that changes when agents would look other capabilities up: with the rules, and with the peers that
 * have capabilities under a name that only a pattern allows. */
static uint64_t state_of(const struct auth_service *s)
{
    const struct peers *peers = &s->broker->router->peers;
    uint64_t sum = s->broker->reload.generation;
    struct bytes text;
    for (uint32_t peer = peers_next(peers, 0); peer != 0; peer = peers_next(peers, peer)) {
        uint32_t at = 0;
        uint64_t hash = 1;
        if (!access_next(s->broker->access, peers_at(peers, peer)->entry, ACCESS_CAPABILITY, &at, &text))
            continue;
        struct bytes name = peers_identity(peers, peer);
        for (size_t i = 0; i < name.size; i++)
            hash = (hash ^ name.data[i]) * 0x100000001b3u;
        sum += hash << 16;
    }
    return sum;
}

/* Tells those who looked the capabilities up that they have changed, as VOLTTRON does. */
static void tick(void *context)
{
    struct auth_service *s = context;
    uint64_t state = state_of(s);
    const char *asker;
    json_t *ignored;
    void *next;
    if (state == s->told)
        return;
    s->told = state;
    if (json_object_size(s->askers) == 0)
        return;
    json_t *map = user_map(s);
    json_object_foreach_safe(s->askers, next, asker, ignored)
    {
        if (hosted_ask(s->hosted, PLATFORM_AUTH.name, asker, "auth.update", json_pack("[O]", map), 0, NULL,
                       NULL) != BB_OK)
            json_object_del(s->askers, asker);
    }
    json_decref(map);
}

static void *open_service(struct broker *broker, struct hosted *hosted)
{
    struct auth_service *s = calloc(1, sizeof *s);
    CHECK(s != NULL);
    *s = (struct auth_service){.broker = broker, .hosted = hosted, .askers = json_object()};
    return s;
}

static void close_service(void *context)
{
    struct auth_service *s = context;
    json_decref(s->askers);
    free(s);
}

static json_t *status_of(void *context)
{
    (void)context;
    return json_pack("{s:s}", "trouble", "");
}

const struct hosted_identity PLATFORM_AUTH = {.name = "platform.auth",
                                              .methods = METHODS,
                                              .method_count = sizeof METHODS / sizeof *METHODS,
                                              .open = open_service,
                                              .close = close_service,
                                              .status = status_of,
                                              .tick = tick};
