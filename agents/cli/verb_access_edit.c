/* busbar access approve, grant, revoke: edits access.json, and waits for the broker to take it. */
#include "agents/cli/access_file.h"
#include "agents/cli/access_pending.h"
#include "agents/cli/json.h"
#include "agents/cli/verbs.h"
#include "bus/client/keys.h"

#include <stdlib.h>
#include <string.h>

/* The options that name what is granted. */
static const char *const OPTIONS[ACCESS_KINDS] = {[ACCESS_IDENTITY] = "identity",
                                                  [ACCESS_PUBLISH] = "publish",
                                                  [ACCESS_SUBSCRIBE] = "subscribe",
                                                  [ACCESS_CAPABILITY] = "capability"};

/* An item of a list: the text, or {"name":{…}} for a capability given as name={…}; NULL: it is neither. */
static json_t *item_of(enum access_kind kind, const char *text)
{
    const char *equals = kind == ACCESS_CAPABILITY ? strchr(text, '=') : NULL;
    if (equals == NULL)
        return json_string(text);
    json_t *parameters = json_loads(equals + 1, JSON_REJECT_DUPLICATES, NULL);
    json_t *item = json_is_object(parameters) ? json_object() : NULL;
    if (item != NULL)
        json_object_setn_new(item, text, (size_t)(equals - text), json_incref(parameters));
    json_decref(parameters);
    return item;
}

/* Grants what the options name. *changed_out is set when something is new. */
static enum exit_code grant_all(const struct call *call, json_t *entry, bool *changed_out)
{
    for (size_t kind = 0; kind < ACCESS_KINDS; kind++) {
        const char *values[VERB_MANY_MAX];
        size_t count = call_values(call, OPTIONS[kind], values);
        for (size_t i = 0; i < count; i++) {
            json_t *item = item_of((enum access_kind)kind, values[i]);
            if (item == NULL)
                return call_fail(call, EXIT_USAGE,
                                 "--%s %s: a name, or a name and its parameters: edit={\"identity\":\"x\"}",
                                 OPTIONS[kind], values[i]);
            if (edit_grant(entry, (enum access_kind)kind, item))
                *changed_out = true;
            json_decref(item);
        }
    }
    return EXIT_DONE;
}

static size_t count_of(const struct call *call, enum access_kind kind)
{
    const char *values[VERB_MANY_MAX];
    return call_values(call, OPTIONS[kind], values);
}

static void grant_text(json_t *entry, enum access_kind kind, const char *text)
{
    json_t *item = json_string(text);
    (void)edit_grant(entry, kind, item);
    json_decref(item);
}

/* What a new key gets when no topics are named: what is below its name, and its heartbeat. */
static void grant_own_topics(json_t *entry)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(entry, "identities"), i, item)
    {
        char topic[BB_IDENTITY_MAX + 16];
        const char *identity = json_string_value(item);
        bool guest = strncmp(identity, "federation.", 11) == 0; /* of another platform: calls only */
        if (strchr(identity, '*') != NULL || strlen(identity) > BB_IDENTITY_MAX || guest)
            continue;
        snprintf(topic, sizeof topic, "%s/", identity);
        grant_text(entry, ACCESS_PUBLISH, topic);
        grant_text(entry, ACCESS_SUBSCRIBE, topic);
        snprintf(topic, sizeof topic, "heartbeat/%s", identity);
        grant_text(entry, ACCESS_PUBLISH, topic);
    }
}

/* Tells on standard error when an identity of the entry is another key's, too: whoever connects first has it.
 */
static void tell_shared(const struct call *call, const struct edit *edit, const json_t *entry)
{
    size_t i, k;
    json_t *other, *item;
    json_array_foreach(edit_entries(edit), i, other)
    {
        json_array_foreach(json_object_get(other, "identities"), k, item)
        {
            char fingerprint[KEY_FINGERPRINT_SIZE];
            size_t n;
            json_t *mine;
            json_array_foreach(json_object_get(entry, "identities"), n, mine)
            {
                if (other != entry && json_equal(mine, item))
                    (void)call_fail(call, EXIT_DONE,
                                    "note: %s is also granted to the key %s: whichever connects first has it",
                                    json_string_value(item),
                                    access_file_fingerprint(json_string_value(json_object_get(other, "key")),
                                                            fingerprint));
            }
        }
    }
}

/* Shows the entry as it will be, writes it, and tells what came of it. */
static enum exit_code finish(const struct call *call, struct edit *edit, const json_t *entry, bool changed)
{
    struct bb_reason reason = {""};
    json_t *document = json_document();
    enum status status = edit_check(edit, &reason);
    if (status != BB_OK) {
        json_decref(document);
        return call_fail(call, EXIT_USAGE, "nothing is written: %s", reason.text);
    }
    json_object_set(document, "entry", (json_t *)(uintptr_t)entry);
    if (!call_flag(call, "json"))
        access_file_print(entry);
    return access_file_finish(call, edit, changed, document);
}

/* The key that args[0] names: itself, or the fingerprint of one that was refused. */
static enum exit_code key_of(const struct call *call, char *key_out)
{
    char z85[KEY_Z85_SIZE];
    if (keys_from_text(call->args[0], z85) == BB_OK && keys_to_base64(z85, key_out) == BB_OK)
        return EXIT_DONE;
    return access_pending_key(call, call->args[0], key_out);
}

static enum exit_code approve(const struct call *call, struct edit *edit, const char *key)
{
    bool changed = true;
    char fingerprint[KEY_FINGERPRINT_SIZE];
    if (edit_find(edit, key) != NULL)
        return call_fail(call, EXIT_REFUSED, "this key has an entry: busbar access grant %s adds to it",
                         access_file_fingerprint(key, fingerprint));
    const char *comment = call_value(call, "comment");
    json_t *entry = edit_add(edit, key, comment);
    enum exit_code code = grant_all(call, entry, &changed);
    if (code == EXIT_DONE && count_of(call, ACCESS_PUBLISH) == 0 && count_of(call, ACCESS_SUBSCRIBE) == 0)
        grant_own_topics(entry);
    if (code != EXIT_DONE)
        return code;
    tell_shared(call, edit, entry);
    return finish(call, edit, entry, changed);
}

enum exit_code verb_access_approve(const struct call *call)
{
    char key[KEY_BASE64_SIZE];
    struct edit edit;
    if (count_of(call, ACCESS_IDENTITY) == 0)
        return call_fail(call, EXIT_USAGE, "which identity may it take? give --identity NAME (or 'NAME.*')");
    enum exit_code code = key_of(call, key);
    if (code == EXIT_DONE)
        code = access_file_open(call, true, &edit);
    if (code != EXIT_DONE)
        return code;
    code = approve(call, &edit, key);
    edit_close(&edit);
    return code;
}

static size_t count_all(const struct call *call)
{
    size_t count = 0;
    for (size_t kind = 0; kind < ACCESS_KINDS; kind++)
        count += count_of(call, (enum access_kind)kind);
    return count;
}

enum exit_code verb_access_grant(const struct call *call)
{
    struct edit edit;
    json_t *entry = NULL;
    bool changed = false;
    if (count_all(call) == 0 && call_value(call, "comment") == NULL)
        return call_fail(call, EXIT_USAGE,
                         "what? give --identity, --publish, --subscribe, --capability or --comment");
    enum exit_code code = access_file_open(call, true, &edit);
    if (code != EXIT_DONE)
        return code;
    code = access_file_find(call, &edit, call->args[0], &entry);
    if (code == EXIT_DONE)
        code = grant_all(call, entry, &changed);
    if (code == EXIT_DONE && call_value(call, "comment") != NULL) {
        json_t *comment = json_string(call_value(call, "comment"));
        changed = changed || !json_equal(comment, json_object_get(entry, "comment"));
        json_object_set_new(entry, "comment", comment);
    }
    if (code == EXIT_DONE) {
        if (count_of(call, ACCESS_IDENTITY) > 0)
            tell_shared(call, &edit, entry);
        code = finish(call, &edit, entry, changed);
    }
    edit_close(&edit);
    return code;
}

/* Takes away what the options name; what is not there is refused, so that a slip does not pass for a
 * revocation.
 */
static enum exit_code revoke_some(const struct call *call, struct edit *edit, json_t *entry)
{
    for (size_t kind = 0; kind < ACCESS_KINDS; kind++) {
        const char *values[VERB_MANY_MAX];
        size_t count = call_values(call, OPTIONS[kind], values);
        for (size_t i = 0; i < count; i++)
            if (!edit_revoke(entry, (enum access_kind)kind, values[i]))
                return call_fail(call, EXIT_MISSING,
                                 "--%s \"%s\" is not what the entry says: busbar access show %s",
                                 OPTIONS[kind], values[i], call->args[0]);
    }
    return finish(call, edit, entry, true);
}

static enum exit_code revoke_all(const struct call *call, struct edit *edit, json_t *entry)
{
    json_incref(entry);
    edit_remove(edit, entry);
    if (!call_flag(call, "json"))
        puts("taken away:");
    enum exit_code code = finish(call, edit, entry, true);
    json_decref(entry);
    return code;
}

enum exit_code verb_access_revoke(const struct call *call)
{
    struct edit edit;
    json_t *entry = NULL;
    enum exit_code code = access_file_open(call, true, &edit);
    if (code != EXIT_DONE)
        return code;
    code = access_file_find(call, &edit, call->args[0], &entry);
    if (code == EXIT_DONE)
        code = count_all(call) > 0 ? revoke_some(call, &edit, entry) : revoke_all(call, &edit, entry);
    edit_close(&edit);
    return code;
}
