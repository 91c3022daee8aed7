#include "bus/auth_file.h"

#include "bus/auth_service.h"
#include "bus/client/log.h"
#include "bus/rules/edit.h"
#include "bus/settings.h"
#include "bus/state.h"

#include <stdlib.h>

static const char NOT_OURS[] =
    "groups, roles, deny entries and entries that are not enabled do not exist here";

/* Opens access.json, to be changed with `write`; false when it cannot be, and the call is answered. */
static bool open_file(struct hosted_call *call, bool write, struct edit *out)
{
    const struct auth_service *s = call->context;
    char path[BB_PATH_MAX];
    struct bb_reason reason = {"there is no home"};
    if (!s->broker->secure) {
        hosted_fail(call, JSONRPC_FAILED, "RuntimeError",
                    "busbard runs without security: there are no rules");
        return false;
    }
    enum status status = config_home(s->broker->settings->home, "access.json", path, sizeof path);
    if (status == BB_OK)
        status = edit_open(path, write ? EDIT_WRITE_NOW : EDIT_READ, &reason, out);
    if (status != BB_OK)
        hosted_fail(call, JSONRPC_FAILED, "OSError", "%s", reason.text);
    return status == BB_OK;
}

/* Writes what was changed, and answers the call. */
static void save(struct hosted_call *call, struct edit *edit, const char *what, const char *key)
{
    const struct auth_service *s = call->context;
    struct bb_reason reason = {""};
    uint64_t digest;
    if (edit_save(edit, &digest, &reason) == BB_OK) {
        s->broker->reload.asked = true;
        log_info("access-changed", LOG_TEXT("by", call->caller), LOG_TEXT("what", what),
                 LOG_TEXT("key", key));
        hosted_result(call, NULL);
    } else {
        hosted_fail(call, JSONRPC_FAILED, "ValueError", "%s", reason.text);
    }
    edit_close(edit);
}

/* -- entries, there and back ----------------------------------------------------------------------------- */

/* The capabilities of an entry as one object {name: null or {argument: value}}, new. */
static json_t *merged(json_t *list)
{
    json_t *map = json_object();
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one)
    {
        if (json_is_string(one))
            json_object_set_new(map, json_string_value(one), json_null());
        else
            json_object_update(map, one);
    }
    return map;
}

static json_t *or_empty(json_t *list)
{
    return list == NULL ? json_array() : json_incref(list);
}

/* An entry of the file as an AuthEntry, new. */
static json_t *shown(const json_t *entry)
{
    json_t *name = json_array_get(json_object_get(entry, "identities"), 0);
    return json_pack("{s:n,s:n,s:s,s:O?,s:O?,s:O?,s:[],s:[],s:o,s:{},s:O?,s:b,s:o,s:o,s:o}", "domain",
                     "address", "mechanism", "CURVE", "credentials", json_object_get(entry, "key"), "user_id",
                     name, "identity", name, "groups", "roles", "capabilities",
                     merged(json_object_get(entry, "capabilities")), "rpc_method_authorizations", "comments",
                     json_object_get(entry, "comment"), "enabled", 1, "identities",
                     or_empty(json_object_get(entry, "identities")), "publish",
                     or_empty(json_object_get(entry, "publish")), "subscribe",
                     or_empty(json_object_get(entry, "subscribe")));
}

static bool is_empty(json_t *value)
{
    return value == NULL || json_is_null(value) || json_array_size(value) + json_object_size(value) == 0;
}

/* True when an AuthEntry holds nothing that there is not here. */
static bool is_ours(const json_t *given)
{
    const char *mechanism = json_string_value(json_object_get(given, "mechanism"));
    return (mechanism == NULL || strcmp(mechanism, "CURVE") == 0) &&
           is_empty(json_object_get(given, "groups")) && is_empty(json_object_get(given, "roles")) &&
           !json_is_false(json_object_get(given, "enabled"));
}

/* Grants a text, or each capability of an object {name: null or {argument: value}}. False when it is neither.
 */
static bool grant_one(json_t *entry, enum access_kind kind, json_t *given)
{
    const char *name;
    json_t *arguments;
    if (json_is_string(given))
        (void)edit_grant(entry, kind, given);
    else if (kind != ACCESS_CAPABILITY || !json_is_object(given))
        return false;
    json_object_foreach(given, name, arguments)
    {
        json_t *one = is_empty(arguments) ? json_string(name) : json_pack("{s:O}", name, arguments);
        (void)edit_grant(entry, kind, one);
        json_decref(one);
    }
    return true;
}

/* Grants what an AuthEntry has as one or as a list; `preset` when it says nothing. False when it is of
 * another form. */
static bool grant_all(json_t *entry, enum access_kind kind, json_t *given, const char *preset)
{
    size_t i;
    json_t *one;
    bool right = true;
    if (given == NULL || json_is_null(given)) {
        json_t *text = json_string(preset);
        if (text != NULL)
            (void)edit_grant(entry, kind, text);
        json_decref(text);
        return true;
    }
    if (!json_is_array(given))
        return grant_one(entry, kind, given);
    json_array_foreach(given, i, one) right = right && grant_one(entry, kind, one);
    return right;
}

/* Fills a new entry from an AuthEntry. VOLTTRON lets everybody publish and subscribe everything, so that an
 * AuthEntry which does not say otherwise means that. NULL, or what is wrong with it. */
static const char *fill(json_t *entry, json_t *given)
{
    const char *name = json_string_value(json_object_get(given, "identity"));
    if (name == NULL)
        name = json_string_value(json_object_get(given, "user_id"));
    if (!is_ours(given))
        return NOT_OURS;
    if (name == NULL && is_empty(json_object_get(given, "identities")))
        return "an entry needs an \"identity\"";
    bool right = grant_all(entry, ACCESS_IDENTITY, json_object_get(given, "identities"), name) &&
                 grant_all(entry, ACCESS_PUBLISH, json_object_get(given, "publish"), "") &&
                 grant_all(entry, ACCESS_SUBSCRIBE, json_object_get(given, "subscribe"), "") &&
                 grant_all(entry, ACCESS_CAPABILITY, json_object_get(given, "capabilities"), NULL);
    return right ? NULL : "identities, publish, subscribe and capabilities must be lists of texts";
}

/* Adds an entry as `given` says; NULL when it is refused, and the call is answered. */
static json_t *add(struct hosted_call *call, struct edit *edit, json_t *given)
{
    const char *key = json_string_value(json_object_get(given, "credentials"));
    char z85[KEY_Z85_SIZE], base64[KEY_BASE64_SIZE];
    if (key == NULL || keys_from_text(key, z85) != BB_OK || keys_to_base64(z85, base64) != BB_OK) {
        hosted_fail(call, JSONRPC_FAILED, "AuthEntryInvalid",
                    "\"credentials\" must be a public key of 43 characters");
        return NULL;
    }
    if (edit_find(edit, base64) != NULL) {
        hosted_fail(call, JSONRPC_FAILED, "AuthFileEntryAlreadyExists", "the key %s has an entry", base64);
        return NULL;
    }
    json_t *entry = edit_add(edit, base64, json_string_value(json_object_get(given, "comments")));
    const char *wrong = fill(entry, given);
    if (wrong != NULL)
        hosted_fail(call, JSONRPC_FAILED, "AuthEntryInvalid", "%s", wrong);
    return wrong == NULL ? entry : NULL;
}

/* -- methods --------------------------------------------------------------------------------------------- */

void auth_file_read(struct hosted_call *call)
{
    struct edit edit;
    size_t i;
    json_t *entry;
    if (!open_file(call, false, &edit))
        return;
    json_t *allow = json_array();
    json_array_foreach(edit_entries(&edit), i, entry) json_array_append_new(allow, shown(entry));
    edit_close(&edit);
    hosted_result(call, json_pack("{s:o,s:[],s:{},s:{},s:{s:i,s:i}}", "allow", allow, "deny", "groups",
                                  "roles", "version", "major", 1, "minor", 3));
}

void auth_file_find(struct hosted_call *call)
{
    struct edit edit;
    json_t *found = json_array();
    if (json_is_false(call->arguments[1])) {
        hosted_result(call, found);
        return;
    }
    if (open_file(call, false, &edit)) {
        json_t *entry = edit_find(&edit, json_string_value(call->arguments[0]));
        if (entry != NULL)
            json_array_append_new(found, shown(entry));
        edit_close(&edit);
        hosted_result(call, json_incref(found));
    }
    json_decref(found);
}

void auth_file_add(struct hosted_call *call)
{
    struct edit edit;
    if (!open_file(call, true, &edit))
        return;
    json_t *entry = add(call, &edit, call->arguments[0]);
    if (entry == NULL)
        edit_close(&edit);
    else
        save(call, &edit, "added", json_string_value(json_object_get(entry, "key")));
}

/* True when `index` is a place in the file; otherwise the call is answered. */
static bool is_place(struct hosted_call *call, const struct edit *edit, json_t *index)
{
    json_int_t at = json_integer_value(index);
    bool right = json_is_integer(index) && at >= 0 && (size_t)at < json_array_size(edit_entries(edit));
    if (!right)
        hosted_fail(call, JSONRPC_FAILED, "AuthFileIndexError", "there is no entry at that index");
    return right;
}

void auth_file_update(struct hosted_call *call)
{
    struct edit edit;
    if (!open_file(call, true, &edit))
        return;
    if (!is_place(call, &edit, call->arguments[1])) {
        edit_close(&edit);
        return;
    }
    size_t at = (size_t)json_integer_value(call->arguments[1]);
    json_array_remove(edit_entries(&edit), at);
    json_t *entry = add(call, &edit, call->arguments[0]);
    if (entry == NULL) {
        edit_close(&edit);
        return;
    }
    json_array_insert(edit_entries(&edit), at, entry);
    json_array_remove(edit_entries(&edit), json_array_size(edit_entries(&edit)) - 1);
    save(call, &edit, "changed", json_string_value(json_object_get(entry, "key")));
}

void auth_file_remove_key(struct hosted_call *call)
{
    struct edit edit;
    if (!open_file(call, true, &edit))
        return;
    const char *key = json_string_value(call->arguments[0]);
    json_t *entry = json_is_false(call->arguments[1]) ? NULL : edit_find(&edit, key);
    if (entry == NULL) {
        edit_close(&edit);
        hosted_result(call, NULL);
        return;
    }
    edit_remove(&edit, entry);
    save(call, &edit, "removed", key);
}

/* Marks the places to go, so that each goes once whatever its order. */
static bool mark(struct hosted_call *call, const struct edit *edit, json_t *places, bool *gone)
{
    size_t i;
    json_t *place;
    json_array_foreach(places, i, place)
    {
        if (!is_place(call, edit, place))
            return false;
        gone[json_integer_value(place)] = true;
    }
    return true;
}

void auth_file_remove_at(struct hosted_call *call)
{
    static bool gone[ACCESS_ENTRIES_MAX];
    struct edit edit;
    json_t *places = json_is_array(call->arguments[0]) ? json_incref(call->arguments[0])
                                                       : json_pack("[O]", call->arguments[0]);
    memset(gone, 0, sizeof gone);
    if (open_file(call, true, &edit)) {
        if (mark(call, &edit, places, gone)) {
            for (size_t i = json_array_size(edit_entries(&edit)); i-- > 0;)
                if (gone[i])
                    json_array_remove(edit_entries(&edit), i);
            save(call, &edit, "removed", NULL);
        } else {
            edit_close(&edit);
        }
    }
    json_decref(places);
}
