/* VOLTTRON's auth.json: entries that allow and deny, roles and groups. */
#include "bus/client/keys.h"
#include "bus/rules/import_parts.h"

#include <stdlib.h>
#include <string.h>

/* VOLTTRON's mark of a regular expression: a text between slashes. */
static bool is_pattern(const char *text)
{
    size_t size = strlen(text);
    return size > 1 && text[0] == '/' && text[size - 1] == '/';
}

/* The text of a member; NULL: it is absent, null or no text. */
static const char *text_of(const json_t *entry, const char *name)
{
    const char *text = json_string_value(json_object_get(entry, name));
    return text != NULL && *text != '\0' ? text : NULL;
}

/* True when the member says nothing: absent, null, "", or an empty list or object. */
static bool is_empty(const json_t *entry, const char *name)
{
    const json_t *value = json_object_get(entry, name);
    return value == NULL || json_is_null(value) ||
           (json_is_string(value) && json_string_length(value) == 0) ||
           (json_is_array(value) && json_array_size(value) == 0) ||
           (json_is_object(value) && json_object_size(value) == 0);
}

/* Why an entry cannot be translated; NULL: it can. */
static const char *objection(const json_t *entry)
{
    const char *mechanism = text_of(entry, "mechanism"), *domain = text_of(entry, "domain");
    const char *credentials = text_of(entry, "credentials"), *identity = text_of(entry, "identity");
    char z85[KEY_Z85_SIZE];
    if (json_is_false(json_object_get(entry, "enabled")))
        return "it is disabled";
    if (mechanism != NULL && strcmp(mechanism, "CURVE") != 0)
        return "it admits without a key: here every connection has one";
    if (credentials == NULL)
        return "it admits every key: here each key has an entry of its own";
    if (is_pattern(credentials))
        return "its credentials are a regular expression: here each key has an entry of its own";
    if (keys_from_text(credentials, z85) != BB_OK)
        return "its credentials are no public key of 43 characters";
    if (domain != NULL && strcmp(domain, "vip") != 0)
        return "it is for another domain than vip";
    if (!is_empty(entry, "address"))
        return "it admits the key from some addresses only: addresses are not looked at here; to admit it "
               "from "
               "everywhere: busbar access approve";
    if (identity != NULL && is_pattern(identity))
        return "its identity is a regular expression: busbar access approve with the identities, or NAME.*";
    return NULL;
}

/* True when one of the entries that deny is about this key. */
static bool is_denied(const json_t *root, const char *key)
{
    size_t i;
    json_t *entry;
    char denied[KEY_Z85_SIZE], wanted[KEY_Z85_SIZE];
    if (keys_from_text(key, wanted) != BB_OK)
        return true;
    json_array_foreach(json_object_get(root, "deny"), i, entry)
    {
        const char *text = text_of(entry, "credentials");
        if (text != NULL && !json_is_false(json_object_get(entry, "enabled")) &&
            keys_from_text(text, denied) == BB_OK && strcmp(denied, wanted) == 0)
            return true;
    }
    return false;
}

/* Grants one capability; `parameters` may be NULL. */
static void grant(struct import *import, json_t *entry, const char *about, const char *name,
                  json_t *parameters)
{
    bool plain = *name != '\0' && strpbrk(name, "= ") == NULL;
    for (const char *at = name; *at != '\0'; at++)
        plain = plain && *at > ' ' && *at < 0x7f;
    if (!plain) {
        import_say(import, "refused", about,
                   "the capability \"%s\": a name is printable characters without =", name);
        return;
    }
    if (strcmp(name, ACCESS_ADMIN) == 0) {
        import_say(import, "refused", about,
                   "the capability " ACCESS_ADMIN " means to look after the bus here: busbar access grant");
        return;
    }
    json_t *item = parameters == NULL || json_is_null(parameters) ? json_string(name)
                                                                  : json_pack("{s:O}", name, parameters);
    char *text = json_is_object(parameters) ? json_dumps(parameters, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    bool fits = strlen(name) + (text == NULL ? 0 : strlen(text) + 1) <= BB_TOPIC_MAX;
    if (!fits || (parameters != NULL && !json_is_null(parameters) && !json_is_object(parameters)))
        import_say(import, "refused", about,
                   "the capability \"%s\": its parameters are no object, or too long", name);
    else
        (void)edit_grant(entry, ACCESS_CAPABILITY, item);
    json_decref(item);
    free(text);
}

/* Grants what VOLTTRON writes as "c", ["c",{"d":{…}}] or {"c":null,"d":{…}}. */
static void grant_capabilities(struct import *import, json_t *entry, const char *about, json_t *value)
{
    size_t i;
    json_t *item;
    const char *name;
    if (json_is_string(value))
        grant(import, entry, about, json_string_value(value), NULL);
    json_object_foreach(value, name, item) grant(import, entry, about, name, item);
    json_array_foreach(value, i, item)
    {
        json_t *parameters;
        if (json_is_string(item))
            grant(import, entry, about, json_string_value(item), NULL);
        json_object_foreach(item, name, parameters) grant(import, entry, about, name, parameters);
    }
}

static void grant_role(struct import *import, const json_t *root, json_t *entry, const char *about,
                       const json_t *role)
{
    const char *name = json_string_value(role);
    json_t *capabilities = name == NULL ? NULL : json_object_get(json_object_get(root, "roles"), name);
    if (capabilities == NULL)
        import_say(import, "refused", about, "the role \"%s\": the file does not say what it is",
                   name == NULL ? "" : name);
    else
        grant_capabilities(import, entry, about, capabilities);
}

/* Roles and groups are the capabilities behind them. */
static void grant_roles(struct import *import, const json_t *root, const json_t *from, json_t *entry,
                        const char *about)
{
    size_t i, k;
    json_t *item, *role;
    json_array_foreach(json_object_get(from, "roles"), i, item) grant_role(import, root, entry, about, item);
    json_array_foreach(json_object_get(from, "groups"), i, item)
    {
        const char *name = json_string_value(item);
        const json_t *roles = name == NULL ? NULL : json_object_get(json_object_get(root, "groups"), name);
        if (!json_is_array(roles))
            import_say(import, "refused", about, "the group \"%s\": the file does not say what it is",
                       name == NULL ? "" : name);
        json_array_foreach(roles, k, role) grant_role(import, root, entry, about, role);
    }
}

/* Under which name an entry is told of. */
static const char *name_of(const json_t *entry)
{
    const char *identity = text_of(entry, "identity"), *user = text_of(entry, "user_id");
    const char *credentials = text_of(entry, "credentials");
    return identity != NULL ? identity : user != NULL ? user : credentials != NULL ? credentials : "an entry";
}

static void allow(struct import *import, const json_t *root, const json_t *from)
{
    char key[KEY_BASE64_SIZE], z85[KEY_Z85_SIZE];
    const char *about = name_of(from), *why = objection(from);
    const char *identity = text_of(from, "identity"), *user = text_of(from, "user_id");
    if (why != NULL) {
        import_say(import, "refused", about, "%s", why);
        return;
    }
    const char *credentials = text_of(from, "credentials");
    if (is_denied(root, credentials)) {
        import_say(import, "refused", about, "the same file denies its key");
        return;
    }
    const char *name = identity != NULL ? identity : user;
    if (name == NULL || !access_is_identity(bytes_of(name)) || keys_from_text(credentials, z85) != BB_OK ||
        keys_to_base64(z85, key) != BB_OK) {
        import_say(import, "refused", about, "neither its identity nor its user_id can be an identity here");
        return;
    }
    json_t *entry = import_entry(import, key, name, text_of(from, "comments"));
    import_say(import, "granted", name, "the identity, to the key %s", key);
    if (identity == NULL)
        import_say(import, "note", name, "its user_id is its identity here; VOLTTRON lets it take any");
    else if (user != NULL && strcmp(user, identity) != 0)
        import_say(import, "note", name,
                   "its user_id \"%s\" is not used: the user on the bus is the identity", user);
    grant_capabilities(import, entry, name, json_object_get(from, "capabilities"));
    grant_roles(import, root, from, entry, name);
    if (!is_empty(from, "rpc_method_authorizations"))
        import_say(import, "note", name,
                   "rpc_method_authorizations is not taken: agents say themselves what their methods take");
}

void import_auth(struct import *import, const json_t *root)
{
    size_t i;
    json_t *entry;
    json_array_foreach(json_object_get(root, "allow"), i, entry) allow(import, root, entry);
    json_array_foreach(json_object_get(root, "deny"), i, entry)
    {
        const char *credentials = text_of(entry, "credentials");
        char z85[KEY_Z85_SIZE];
        bool about_key = credentials != NULL && keys_from_text(credentials, z85) == BB_OK;
        const json_t *there = about_key ? edit_find(import->edit, credentials) : NULL;
        if (there != NULL)
            import_say(import, "note", name_of(entry),
                       "it is denied, and has an entry in access.json: to end that: busbar access revoke %s",
                       credentials);
        else
            import_say(import, "note", name_of(entry),
                       "it is denied: what has no entry here is refused anyway");
    }
}
