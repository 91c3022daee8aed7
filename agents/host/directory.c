#include "agents/host/directory.h"

#include "agents/host/directory_shape.h"

#include <busbar/check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Sorted by service name, then peer. `said` is what the peer said, with every member there. */
struct entry {
    char *peer;
    const char *name; /* of `said` */
    json_t *said;
    size_t bytes;
    int64_t since_ms;
};

struct directory {
    struct entry *entries; /* [DIRECTORY_ALL_MAX] */
    size_t count, bytes;
    directory_on_change *on_change;
    void *context;
};

struct directory *directory_open(directory_on_change *on_change, void *context)
{
    struct directory *directory = calloc(1, sizeof *directory);
    CHECK(directory != NULL);
    directory->entries = calloc(DIRECTORY_ALL_MAX, sizeof *directory->entries);
    CHECK(directory->entries != NULL);
    directory->on_change = on_change;
    directory->context = context;
    return directory;
}

void directory_close(struct directory *directory)
{
    if (directory == NULL)
        return;
    for (size_t i = 0; i < directory->count; i++) {
        free(directory->entries[i].peer);
        json_decref(directory->entries[i].said);
    }
    free(directory->entries);
    free(directory);
}

size_t directory_count(const struct directory *directory)
{
    return directory->count;
}

static void tell(const struct directory *directory, const char *change, const char *peer, const char *name)
{
    if (directory->on_change != NULL)
        directory->on_change(directory->context, change, peer, name);
}

static void take_out(struct directory *directory, size_t at, bool tells)
{
    struct entry gone = directory->entries[at];
    directory->count--;
    directory->bytes -= gone.bytes;
    memmove(&directory->entries[at], &directory->entries[at + 1],
            (directory->count - at) * sizeof *directory->entries);
    if (tells)
        tell(directory, "drop", gone.peer, gone.name);
    free(gone.peer);
    json_decref(gone.said);
}

static void put_in(struct directory *directory, const char *peer, json_t *said, size_t bytes, int64_t now_ms)
{
    struct entry entry = {strdup(peer), json_string_value(json_object_get(said, "name")), said, bytes,
                          now_ms};
    size_t at = directory->count;
    CHECK(entry.peer != NULL && directory->count < DIRECTORY_ALL_MAX);
    while (at > 0) {
        const struct entry *before = &directory->entries[at - 1];
        int order = strcmp(before->name, entry.name);
        if (order < 0 || (order == 0 && strcmp(before->peer, peer) < 0))
            break;
        at--;
    }
    memmove(&directory->entries[at + 1], &directory->entries[at],
            (directory->count - at) * sizeof *directory->entries);
    directory->entries[at] = entry;
    directory->count++;
    directory->bytes += bytes;
    tell(directory, "add", peer, entry.name);
}

/* The place of a peer's service; directory->count: none. */
static size_t place_of(const struct directory *directory, const char *peer, const char *name)
{
    size_t i = 0;
    while (i < directory->count &&
           (strcmp(directory->entries[i].name, name) != 0 || strcmp(directory->entries[i].peer, peer) != 0))
        i++;
    return i;
}

/* -- registering ---------------------------------------------------------------------------------------- */

static size_t bytes_of_json(const json_t *json)
{
    return json_dumpb(json, NULL, 0, JSON_COMPACT | JSON_ENCODE_ANY);
}

/* The service with each of its members, methods as objects; new. */
static json_t *completed(const json_t *service)
{
    json_t *methods = json_array(), *topics = json_object_get(service, "topics");
    const json_t *said = json_object_get(service, "methods"), *version = json_object_get(service, "version");
    for (size_t i = 0; i < json_array_size(said); i++) {
        json_t *method = json_array_get(said, i);
        if (json_is_string(method))
            json_array_append_new(methods, json_pack("{s:O}", "name", method));
        else
            json_array_append_new(methods, json_deep_copy(method));
    }
    json_t *properties = json_object_get(service, "properties");
    json_t *whole = json_pack("{s:O,s:s,s:o,s:o,s:o}", "name", json_object_get(service, "name"), "version",
                              version != NULL ? json_string_value(version) : "", "methods", methods, "topics",
                              topics != NULL ? json_deep_copy(topics) : json_array(), "properties",
                              properties != NULL ? json_deep_copy(properties) : json_object());
    CHECK(whole != NULL);
    return whole;
}

static enum status check_services(const json_t *services, struct bb_reason *reason)
{
    if (!json_is_array(services)) {
        bb_reason_say(reason, "services: a list is needed");
        return BB_RANGE;
    }
    if (json_array_size(services) > DIRECTORY_SERVICES_MAX) {
        bb_reason_say(reason, "services: at most %d of one peer", DIRECTORY_SERVICES_MAX);
        return BB_FULL;
    }
    for (size_t i = 0; i < json_array_size(services); i++) {
        const json_t *service = json_array_get(services, i);
        enum status status = directory_shape_service(service, i, reason);
        if (status != BB_OK)
            return status;
        for (size_t k = 0; k < i; k++)
            if (json_equal(json_object_get(json_array_get(services, k), "name"),
                           json_object_get(service, "name"))) {
                bb_reason_say(reason, "services[%zu]: the name %.127s comes twice", i,
                              json_string_value(json_object_get(service, "name")));
                return BB_EXISTS;
            }
    }
    return BB_OK;
}

static enum status check_room(const struct directory *directory, const char *peer, const json_t *services,
                              struct bb_reason *reason)
{
    size_t count = directory->count + json_array_size(services), own = 0, old = 0;
    for (size_t i = 0; i < directory->count; i++)
        if (strcmp(directory->entries[i].peer, peer) == 0) {
            old += directory->entries[i].bytes;
            count--;
        }
    for (size_t i = 0; i < json_array_size(services); i++)
        own += bytes_of_json(json_array_get(services, i));
    if (own > DIRECTORY_PEER_BYTES_MAX) {
        bb_reason_say(reason, "services: at most %d bytes of one peer", DIRECTORY_PEER_BYTES_MAX);
        return BB_FULL;
    }
    if (count > DIRECTORY_ALL_MAX || directory->bytes - old + own > DIRECTORY_BYTES_MAX) {
        bb_reason_say(reason, "the directory is full");
        return BB_FULL;
    }
    return BB_OK;
}

/* Drops what `peer` has registered and that is not in `services` (completed) exactly so, and takes out of
 * `services` what stays. */
static void drop_others(struct directory *directory, const char *peer, json_t *services)
{
    for (size_t i = directory->count; i-- > 0;) {
        if (strcmp(directory->entries[i].peer, peer) != 0)
            continue;
        size_t same = json_array_size(services), named = same;
        for (size_t k = 0; k < json_array_size(services); k++) {
            if (json_equal(json_array_get(services, k), directory->entries[i].said))
                same = k;
            if (strcmp(json_string_value(json_object_get(json_array_get(services, k), "name")),
                       directory->entries[i].name) == 0)
                named = k;
        }
        if (same < json_array_size(services))
            json_array_remove(services, same);
        else /* an altered one is only added anew */
            take_out(directory, i, named == json_array_size(services));
    }
}

enum status directory_register(struct directory *directory, const char *peer, const json_t *params,
                               int64_t now_ms, struct bb_reason *reason)
{
    const json_t *services = json_object_get(params, "services");
    enum status status = check_services(services, reason);
    if (status == BB_OK)
        status = check_room(directory, peer, services, reason);
    if (status != BB_OK)
        return status;
    json_t *whole = json_array();
    for (size_t i = 0; i < json_array_size(services); i++)
        json_array_append_new(whole, completed(json_array_get(services, i)));
    drop_others(directory, peer, whole);
    for (size_t i = 0; i < json_array_size(whole); i++) {
        json_t *service = json_array_get(whole, i);
        put_in(directory, peer, json_incref(service), bytes_of_json(service), now_ms);
    }
    json_decref(whole);
    return BB_OK;
}

enum status directory_withdraw(struct directory *directory, const char *peer, const json_t *params,
                               struct bb_reason *reason)
{
    const json_t *name = json_object_get(params, "name");
    if (name == NULL) {
        directory_leave(directory, peer);
        return BB_OK;
    }
    if (!json_is_string(name)) {
        bb_reason_say(reason, "name: a text is needed");
        return BB_RANGE;
    }
    size_t at = place_of(directory, peer, json_string_value(name));
    if (at == directory->count) {
        bb_reason_say(reason, "%.64s has registered no service %.127s", peer, json_string_value(name));
        return BB_NOT_FOUND;
    }
    take_out(directory, at, true);
    return BB_OK;
}

void directory_leave(struct directory *directory, const char *peer)
{
    for (size_t i = directory->count; i-- > 0;)
        if (strcmp(directory->entries[i].peer, peer) == 0)
            take_out(directory, i, true);
}

void directory_keep(struct directory *directory, const json_t *peers)
{
    json_t *present = json_object();
    for (size_t i = 0; i < json_array_size(peers); i++) {
        const char *peer = json_string_value(json_array_get(peers, i));
        if (peer != NULL)
            json_object_set_new(present, peer, json_true());
    }
    for (size_t i = directory->count; i-- > 0;)
        if (json_object_get(present, directory->entries[i].peer) == NULL)
            take_out(directory, i, true);
    json_decref(present);
}

/* -- looking up ----------------------------------------------------------------------------------------- */

struct conditions {
    const char *name, *peer, *method; /* NULL: any */
    const json_t *properties;
};

static enum status read_conditions(const json_t *params, struct bb_reason *reason, struct conditions *out)
{
    struct conditions conditions = {NULL, NULL, NULL, NULL};
    const struct {
        const char *key, **at;
    } texts[] = {{"name", &conditions.name}, {"peer", &conditions.peer}, {"method", &conditions.method}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        const json_t *value = json_object_get(params, texts[i].key);
        if (value != NULL && !json_is_string(value)) {
            bb_reason_say(reason, "%s: a text is needed", texts[i].key);
            return BB_RANGE;
        }
        *texts[i].at = json_string_value(value);
    }
    conditions.properties = json_object_get(params, "properties");
    if (conditions.properties != NULL && !json_is_object(conditions.properties)) {
        bb_reason_say(reason, "properties: an object is needed");
        return BB_RANGE;
    }
    *out = conditions;
    return BB_OK;
}

static bool name_fits(const char *pattern, const char *name)
{
    size_t size = strlen(pattern);
    if (size > 0 && pattern[size - 1] == '*')
        return strncmp(pattern, name, size - 1) == 0;
    return strcmp(pattern, name) == 0;
}

static bool has_method(const json_t *service, const char *name)
{
    const json_t *methods = json_object_get(service, "methods");
    for (size_t i = 0; i < json_array_size(methods); i++)
        if (strcmp(json_string_value(json_object_get(json_array_get(methods, i), "name")), name) == 0)
            return true;
    return false;
}

static bool has_properties(const json_t *service, const json_t *wanted)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)wanted, key, value)
    {
        if (!json_equal(json_object_get(json_object_get(service, "properties"), key), value))
            return false;
    }
    return true;
}

static bool meets(const struct entry *entry, const struct conditions *conditions)
{
    return (conditions->name == NULL || name_fits(conditions->name, entry->name)) &&
           (conditions->peer == NULL || strcmp(conditions->peer, entry->peer) == 0) &&
           (conditions->method == NULL || has_method(entry->said, conditions->method)) &&
           has_properties(entry->said, conditions->properties);
}

enum status directory_lookup(const struct directory *directory, const char *platform, const json_t *params,
                             struct bb_reason *reason, json_t **out)
{
    struct conditions conditions;
    enum status status = read_conditions(params, reason, &conditions);
    if (status != BB_OK)
        return status;
    json_t *services = json_array();
    for (size_t i = 0; i < directory->count; i++) {
        const struct entry *entry = &directory->entries[i];
        if (!meets(entry, &conditions))
            continue;
        json_t *found = json_pack("{s:s,s:s}", "peer", entry->peer, "platform", platform);
        json_object_update(found, entry->said);
        json_object_set_new(found, "since_ms", json_integer(entry->since_ms));
        json_array_append_new(services, found);
    }
    *out = json_pack("{s:o}", "services", services);
    CHECK(*out != NULL);
    return BB_OK;
}
