#include "agents/host/grants.h"

#include "agents/host/method.h"
#include "bus/rules/edit.h"

#include <busbar/check.h>
#include <string.h>

static const char *const LISTS[] = {"publish", "subscribe", "capabilities"};
static const enum access_kind KINDS[] = {ACCESS_PUBLISH, ACCESS_SUBSCRIBE, ACCESS_CAPABILITY};
#define LIST_COUNT (sizeof LISTS / sizeof *LISTS)

/* Code from a bundle never looks after agents, the bus or its rules. */
static const char *const NEVER[] = {METHOD_CAPABILITY, ACCESS_ADMIN, "allow_auth_modifications"};

static bool is_forbidden(const char *capability)
{
    for (size_t i = 0; i < sizeof NEVER / sizeof *NEVER; i++) {
        if (strcmp(NEVER[i], capability) == 0)
            return true;
    }
    return false;
}

/* The name of a capability, which is a text or an object of one member; NULL: it is neither. */
static const char *capability_name(json_t *item)
{
    if (json_is_string(item))
        return json_string_value(item);
    return json_object_size(item) == 1 ? json_object_iter_key(json_object_iter(item)) : NULL;
}

static enum status check_item(size_t list, json_t *item, struct bb_reason *reason)
{
    const char *name = KINDS[list] == ACCESS_CAPABILITY ? capability_name(item) : json_string_value(item);
    if (name == NULL) {
        bb_reason_say(reason, "grant: %s: expected texts", LISTS[list]);
        return BB_MALFORMED;
    }
    if (KINDS[list] != ACCESS_CAPABILITY || !is_forbidden(name))
        return BB_OK;
    bb_reason_say(reason, "grant: no agent may have the capability %.200s", name);
    return BB_DENIED;
}

enum status grants_check(const json_t *grant, struct bb_reason *reason)
{
    size_t known = 0, at;
    json_t *item;
    if (grant == NULL)
        return BB_OK;
    for (size_t i = 0; i < LIST_COUNT; i++) {
        const json_t *list = json_object_get(grant, LISTS[i]);
        known += list != NULL;
        if (list != NULL && !json_is_array(list)) {
            bb_reason_say(reason, "grant: %s: expected a list", LISTS[i]);
            return BB_MALFORMED;
        }
        json_array_foreach(list, at, item)
        {
            enum status status = check_item(i, item, reason);
            if (status != BB_OK)
                return status;
        }
    }
    if (known == json_object_size(grant) && json_is_object(grant))
        return BB_OK;
    bb_reason_say(reason, "grant: expected {\"publish\":[…],\"subscribe\":[…],\"capabilities\":[…]}");
    return BB_MALFORMED;
}

static enum status open_file(const struct paths *paths, enum edit_purpose purpose, struct bb_reason *reason,
                             struct edit *out)
{
    char path[BB_PATH_MAX];
    return edit_open(paths_below(paths, "access.json", path), purpose, reason, out);
}

/* True when an entry of another key names the identity in full. */
static bool is_taken(const struct edit *edit, const struct grants_entry *wanted)
{
    const json_t *own = edit_find(edit, wanted->key);
    json_t *entry, *item;
    size_t i, at;
    json_array_foreach(edit_entries(edit), i, entry)
    {
        json_array_foreach(json_object_get(entry, edit_list_name(ACCESS_IDENTITY)), at, item)
        {
            const char *text = json_string_value(item);
            if (entry != own && text != NULL && strcmp(text, wanted->identity) == 0)
                return true;
        }
    }
    return false;
}

static void add_entry(struct edit *edit, const struct grants_entry *wanted)
{
    char comment[128];
    json_t *item, *identity = json_string(wanted->identity);
    size_t at;
    snprintf(comment, sizeof comment, "agent %.64s", wanted->name);
    json_t *entry = edit_add(edit, wanted->key, comment);
    (void)!edit_grant(entry, ACCESS_IDENTITY, identity);
    json_decref(identity);
    for (size_t i = 0; i < LIST_COUNT; i++) {
        json_array_foreach(json_object_get(wanted->grant, LISTS[i]), at, item)
        {
            (void)!edit_grant(entry, KINDS[i], item);
        }
    }
}

enum status grants_put(const struct paths *paths, const struct grants_entry *wanted, struct bb_reason *reason)
{
    struct edit edit;
    uint64_t digest;
    enum status status = open_file(paths, EDIT_WRITE_NOW, reason, &edit);
    if (status != BB_OK)
        return status;
    if (is_taken(&edit, wanted)) {
        bb_reason_say(reason, "the identity %.200s has an entry in access.json already", wanted->identity);
        status = BB_EXISTS;
    } else {
        const json_t *old = edit_find(&edit, wanted->key);
        if (old != NULL)
            edit_remove(&edit, old);
        add_entry(&edit, wanted);
        status = edit_save(&edit, &digest, reason);
    }
    edit_close(&edit);
    return status;
}

enum status grants_drop(const struct paths *paths, const char *key, struct bb_reason *reason)
{
    struct edit edit;
    uint64_t digest;
    enum status status = open_file(paths, EDIT_WRITE_NOW, reason, &edit);
    if (status != BB_OK)
        return status;
    const json_t *entry = edit_find(&edit, key);
    if (entry != NULL) {
        edit_remove(&edit, entry);
        status = edit_save(&edit, &digest, reason);
    }
    edit_close(&edit);
    return status;
}

enum status grants_get(const struct paths *paths, const char *key, struct bb_reason *reason,
                       json_t **grant_out)
{
    struct edit edit;
    enum status status = open_file(paths, EDIT_READ, reason, &edit);
    if (status != BB_OK)
        return status;
    const json_t *entry = edit_find(&edit, key);
    json_t *grant = entry == NULL ? NULL : json_object();
    for (size_t i = 0; grant != NULL && i < LIST_COUNT; i++) {
        json_t *list = json_deep_copy(json_object_get(entry, edit_list_name(KINDS[i])));
        json_object_set_new(grant, LISTS[i], list == NULL ? json_array() : list);
    }
    edit_close(&edit);
    if (grant == NULL) {
        bb_reason_say(reason, "its key has no entry in access.json");
        return BB_NOT_FOUND;
    }
    *grant_out = grant;
    return BB_OK;
}
