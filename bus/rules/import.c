#include "bus/rules/import.h"

#include "bus/client/keys.h"
#include "bus/rules/import_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A sentence of the report, and a topic made from an identity. */
#define SENTENCE_MAX 640
#define TOPIC_ROOM   (BB_IDENTITY_MAX + 16)

void import_open(struct edit *edit, const struct import_options *options, struct import *out)
{
    *out = (struct import){.edit = edit, .options = options};
    out->entries = json_array();
    out->guarded = json_array();
    out->report = json_array();
}

void import_close(struct import *import)
{
    for (size_t i = 0; i < import->file_count; i++)
        json_decref(import->files[i].root);
    json_decref(import->entries);
    json_decref(import->guarded);
    json_decref(import->report);
}

void import_say(struct import *import, const char *result, const char *about, const char *format, ...)
{
    char text[SENTENCE_MAX];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    /* A sentence that was cut inside a character is no UTF-8 any more. */
    json_t *sentence = json_string(text);
    json_array_append_new(import->report,
                          json_pack("{s:s, s:s, s:s, s:o}", "file", import->files[import->file].name, "about",
                                    about, "result", result, "text",
                                    sentence != NULL ? sentence : json_string("(a text that is too long)")));
}

/* VOLTTRON takes `#` for a comment, outside of texts. Blanked, so that lines stay. */
static void blank_comments(char *text, size_t size)
{
    bool quoted = false, comment = false;
    for (size_t i = 0; i < size; i++) {
        if (comment && text[i] != '\n')
            text[i] = ' ';
        else if (comment)
            comment = false;
        else if (quoted && text[i] == '\\' && i + 1 < size)
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && text[i] == '#') {
            comment = true;
            text[i] = ' ';
        }
    }
}

static bool is_key(const json_t *value)
{
    char z85[KEY_Z85_SIZE];
    return json_is_string(value) && keys_from_text(json_string_value(value), z85) == BB_OK;
}

static bool is_known_hosts(json_t *root)
{
    const char *host;
    json_t *key;
    json_object_foreach(root, host, key)
    {
        if (!is_key(key))
            return false;
    }
    return json_object_size(root) > 0;
}

static bool recognise(json_t *root, enum import_kind *out)
{
    bool known = true;
    if (json_is_array(json_object_get(root, "allow")) || json_is_array(json_object_get(root, "deny")))
        *out = IMPORT_AUTH;
    else if (json_is_array(json_object_get(root, "write-protect")))
        *out = IMPORT_TOPICS;
    else if (is_key(json_object_get(root, "public")) && json_is_string(json_object_get(root, "secret")))
        *out = IMPORT_KEYSTORE;
    else if (is_known_hosts(root))
        *out = IMPORT_KNOWN_HOSTS;
    else
        known = false;
    return known;
}

/* What an auth.json must be to be translated at all. */
static bool check_version(const struct import_file *file, struct bb_reason *reason)
{
    const json_t *version = json_object_get(file->root, "version");
    if (file->kind != IMPORT_AUTH || json_integer_value(json_object_get(version, "major")) == 1)
        return true;
    bb_reason_say(reason,
                  "%s: an auth.json of version 1 is expected ({\"version\":{\"major\":1,…}}); VOLTTRON 9 "
                  "brings an older one up to date when it starts",
                  file->name);
    return false;
}

enum status import_read(struct import *import, const char *name, const char *text, size_t size,
                        struct bb_reason *reason)
{
    json_error_t error;
    struct import_file file = {.name = name};
    if (import->file_count == IMPORT_FILES_MAX) {
        bb_reason_say(reason, "%s: more than %d files", name, IMPORT_FILES_MAX);
        return BB_FULL;
    }
    char *copy = malloc(size + 1);
    if (copy == NULL)
        return BB_FULL;
    memcpy(copy, text, size);
    blank_comments(copy, size);
    file.root = json_loadb(copy, size, JSON_REJECT_DUPLICATES, &error);
    explicit_bzero(copy, size);
    free(copy);
    bool known = file.root != NULL && recognise(file.root, &file.kind);
    if (file.root == NULL)
        bb_reason_say(reason, "%s:%d: %s", name, error.line > 0 ? error.line : 1, error.text);
    else if (!known)
        bb_reason_say(reason,
                      "%s: it is no keystore, known_hosts, auth.json or protected_topics.json of VOLTTRON",
                      name);
    if (!known || !check_version(&file, reason)) {
        json_decref(file.root);
        return BB_MALFORMED;
    }
    import->files[import->file_count++] = file;
    return BB_OK;
}

static void grant_topic(struct import *import, json_t *entry, enum access_kind kind, const char *prefix,
                        const char *identity)
{
    const char *topic;
    json_t *item = json_string(prefix);
    if (item == NULL)
        import_say(import, "refused", identity, "%s: it is no UTF-8", edit_list_name(kind));
    else if (kind == ACCESS_PUBLISH && import_reaches_guarded(import, entry, prefix, &topic))
        import_say(import, "refused", identity,
                   "publish \"%s\" would reach the protected topic \"%s\", for which it lacks a capability",
                   prefix, topic);
    else
        (void)edit_grant(entry, kind, item);
    json_decref(item);
}

json_t *import_entry(struct import *import, const char *key, const char *identity, const char *comment)
{
    json_t *entry = edit_find(import->edit, key);
    json_t *item = json_string(identity);
    if (entry == NULL)
        entry = edit_add(import->edit, key, comment);
    (void)edit_grant(entry, ACCESS_IDENTITY, item);
    json_decref(item);
    json_array_append(import->entries, entry);
    return entry;
}

/* The topics of an entry: its own, and those of the options; when all capabilities are known. */
static void grant_topics(struct import *import, json_t *entry)
{
    const struct import_options *o = import->options;
    char topic[TOPIC_ROOM];
    const char *identity = "";
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(entry, "identities"), i, item)
    {
        identity = json_string_value(item);
        if (strchr(identity, '*') != NULL)
            continue;
        snprintf(topic, sizeof topic, "%s/", identity);
        grant_topic(import, entry, ACCESS_PUBLISH, topic, identity);
        snprintf(topic, sizeof topic, "heartbeat/%s", identity);
        grant_topic(import, entry, ACCESS_PUBLISH, topic, identity);
    }
    for (i = 0; i < o->publish_count; i++)
        grant_topic(import, entry, ACCESS_PUBLISH, o->publish[i], identity);
    for (i = 0; i < o->subscribe_count; i++)
        grant_topic(import, entry, ACCESS_SUBSCRIBE, o->subscribe[i], identity);
}

/* The name of the folder that a file is in; false when its path tells none that can be an identity. */
static bool folder_of(const char *path, char *name, size_t size)
{
    const char *end = strrchr(path, '/');
    const char *start = end;
    while (start != NULL && start > path && start[-1] != '/')
        start--;
    if (end == NULL || start == end)
        return false;
    snprintf(name, size, "%.*s", (int)(end - start), start);
    return access_is_identity(bytes_of(name));
}

static void import_keystore(struct import *import, const json_t *root)
{
    char key[KEY_BASE64_SIZE], z85[KEY_Z85_SIZE], name[BB_IDENTITY_MAX + 1];
    const char *identity = import->options->identity;
    if (keys_from_text(json_string_value(json_object_get(root, "public")), z85) != BB_OK ||
        keys_to_base64(z85, key) != BB_OK)
        return;
    if (identity == NULL && folder_of(import->files[import->file].name, name, sizeof name))
        identity = name;
    if (identity == NULL || !access_is_identity(bytes_of(identity))) {
        import_say(
            import, "refused", key,
            "a keystore does not say whose it is, and its folder's name is no identity: give --identity");
        return;
    }
    (void)import_entry(import, key, identity, "from a VOLTTRON keystore");
    import_say(
        import, "granted", identity,
        "its key %s; the secret key stays where it is: the file can be copied to keys/%s.json as it is", key,
        identity);
}

static void import_known_hosts(struct import *import, json_t *root)
{
    const char *host;
    json_t *key;
    json_object_foreach(root, host, key)
        import_say(import, "note", host,
                   "the key of a platform to connect to, not of somebody who connects here: its address is "
                   "tcp://%s?serverkey=%s",
                   strcmp(host, "@") == 0 ? "HOST:PORT" : host, json_string_value(key));
}

void import_apply(struct import *import)
{
    size_t i;
    json_t *entry;
    /* What is guarded must be known before anything is granted, and all capabilities before topics are. */
    for (import->file = 0; import->file < import->file_count; import->file++)
        if (import->files[import->file].kind == IMPORT_TOPICS)
            import_topics(import, import->files[import->file].root);
    for (import->file = 0; import->file < import->file_count; import->file++) {
        const struct import_file *file = &import->files[import->file];
        if (file->kind == IMPORT_AUTH)
            import_auth(import, file->root);
        else if (file->kind == IMPORT_KEYSTORE)
            import_keystore(import, file->root);
        else if (file->kind == IMPORT_KNOWN_HOSTS)
            import_known_hosts(import, file->root);
    }
    import->file = 0;
    json_array_foreach(import->entries, i, entry) grant_topics(import, entry);
    import_grant_topics(import);
}
