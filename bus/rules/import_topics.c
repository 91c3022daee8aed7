/* VOLTTRON's protected_topics.json: topics that only users with certain capabilities may publish. */
#include "bus/rules/import_parts.h"

#include <busbar/limits.h>
#include <string.h>

/* Reads the plain beginning of /…/, an optional ^ and characters that stand for themselves, to
 * literal[BB_TOPIC_MAX + 1]: whatever the expression matches begins so. True when it matches all that begins
 * so: nothing follows, or .* does (a match of a beginning is a match). Source: Python's re.match. */
static bool read_pattern(const char *text, char *literal)
{
    size_t out = 0;
    const char *at = text + 1;
    const char *end = text + strlen(text) - 1;
    at += *at == '^';
    for (; at < end; at++) {
        bool escaped = *at == '\\' && at + 1 < end && strchr("/.-+*?()[]{}|^$\\", at[1]) != NULL;
        if (!escaped && strchr("\\.+*?()[]{}|^$", *at) != NULL)
            break;
        at += escaped;
        literal[out++] = *at;
    }
    size_t left = (size_t)(end - at);
    if (left > 0 && out > 0 && strchr("*?{", *at) != NULL)
        out--; /* the last character may be missing */
    if (strchr(text, '|') != NULL)
        out = 0; /* another beginning may follow */
    literal[out] = '\0';
    return strchr(text, '|') == NULL &&
           (left == 0 || (left == 2 && memcmp(at, ".*", 2) == 0) || (left == 3 && memcmp(at, ".*$", 3) == 0));
}

/* Topics are Latin-1 on the wire: false beyond U+00FF. */
static bool is_latin1(const char *utf8)
{
    for (; *utf8 != '\0'; utf8++)
        if ((unsigned char)*utf8 > 0xc3)
            return false;
    return true;
}

/* {"topic": as written, "beginning": of all that it names, "open": more than the beginning itself, "exact":
 * all that begins so, "capabilities"} */
static void guard(struct import *import, const char *topic, json_t *capabilities)
{
    char literal[BB_TOPIC_MAX + 1] = "";
    size_t size = strlen(topic);
    bool pattern = size > 1 && topic[0] == '/' && topic[size - 1] == '/';
    bool exact = size <= BB_TOPIC_MAX && (!pattern || read_pattern(topic, literal));
    if (size <= BB_TOPIC_MAX && !pattern)
        memcpy(literal, topic, size + 1);
    exact = exact && is_latin1(topic);
    json_t *beginning = json_string(literal);
    if (!exact || beginning == NULL)
        import_say(import, "refused", topic, "it is no plain beginning of topics: nothing is granted for it");
    json_array_append_new(import->guarded, json_pack("{s:s, s:o, s:b, s:b, s:O}", "topic", topic, "beginning",
                                                     beginning == NULL ? json_string("") : beginning, "open",
                                                     pattern || !exact, "exact", exact && beginning != NULL,
                                                     "capabilities", capabilities));
}

void import_topics(struct import *import, const json_t *root)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(root, "write-protect"), i, item)
    {
        const char *topic = json_string_value(json_object_get(item, "topic"));
        json_t *capabilities = json_object_get(item, "capabilities");
        if (topic == NULL || !json_is_array(capabilities))
            import_say(import, "refused", topic == NULL ? "an entry" : topic,
                       "it does not say a topic and the capabilities that publishing it takes");
        else
            guard(import, topic, capabilities);
    }
}

static bool has(const json_t *entry, const char *capability)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(entry, "capabilities"), i, item)
    {
        const char *text = json_string_value(item);
        if (text != NULL ? strcmp(text, capability) == 0 : json_object_get(item, capability) != NULL)
            return true;
    }
    return false;
}

/* True when the entry has all capabilities; VOLTTRON takes them all, too. An empty list is nobody's: VOLTTRON
 * opens the topic to everybody then, which a list of protected topics cannot mean. */
static bool has_all(const json_t *entry, const json_t *capabilities)
{
    size_t i;
    json_t *item;
    json_array_foreach(capabilities, i, item)
    {
        if (!json_is_string(item) || !has(entry, json_string_value(item)))
            return false;
    }
    return json_array_size(capabilities) > 0;
}

static bool starts_with(const char *text, const char *start)
{
    return strncmp(text, start, strlen(start)) == 0;
}

/* True when a grant of `prefix` reaches what is guarded. */
static bool reaches(const char *prefix, const json_t *guarded)
{
    const char *topic = json_string_value(json_object_get(guarded, "beginning"));
    return starts_with(topic, prefix) ||
           (json_is_true(json_object_get(guarded, "open")) && starts_with(prefix, topic));
}

bool import_reaches_guarded(const struct import *import, const json_t *entry, const char *prefix,
                            const char **topic_out)
{
    size_t i;
    json_t *guarded;
    json_array_foreach(import->guarded, i, guarded)
    {
        if (has_all(entry, json_object_get(guarded, "capabilities")) || !reaches(prefix, guarded))
            continue;
        *topic_out = json_string_value(json_object_get(guarded, "topic"));
        return true;
    }
    return false;
}

static const char *identity_of(const json_t *entry)
{
    const char *name = json_string_value(json_array_get(json_object_get(entry, "identities"), 0));
    return name != NULL ? name : json_string_value(json_object_get(entry, "key"));
}

/* Grants a guarded topic to an entry with its capabilities, or tells that it is open to one without them. */
static void settle(struct import *import, json_t *entry, json_t *guarded)
{
    size_t i;
    json_t *item;
    const char *about = identity_of(entry), *topic = json_string_value(json_object_get(guarded, "topic"));
    json_t *beginning = json_object_get(guarded, "beginning");
    bool exact = json_is_true(json_object_get(guarded, "exact"));
    bool may = has_all(entry, json_object_get(guarded, "capabilities"));
    if (may && exact && edit_grant(entry, ACCESS_PUBLISH, beginning))
        import_say(import, "granted", about, "publish \"%s\", by its capabilities",
                   json_string_value(beginning));
    json_array_foreach(json_object_get(entry, "publish"), i, item)
    {
        if (!may && reaches(json_string_value(item), guarded))
            import_say(import, "note", about, "it may publish the protected topic \"%s\" by its grant \"%s\"",
                       topic, json_string_value(item));
    }
}

void import_grant_topics(struct import *import)
{
    size_t i, k;
    json_t *entry, *guarded;
    json_array_foreach(import->guarded, i, guarded)
    {
        bool open = json_is_true(json_object_get(guarded, "open"));
        const char *topic = json_string_value(json_object_get(guarded, "topic"));
        json_array_foreach(edit_entries(import->edit), k, entry) settle(import, entry, guarded);
        if (!open)
            import_say(import, "note", topic, "grants are beginnings here: it reaches \"%s…\", too", topic);
    }
}
