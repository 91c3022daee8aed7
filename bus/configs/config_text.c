#include "bus/configs/config_text.h"

#include "bus/configs/csv_text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LINK  "config://"
#define BLANK " \t\n\r\v\f\\/"

enum status config_text_name(const char *given, char *name_out, struct bb_reason *reason)
{
    const char *start = given + strspn(given, BLANK);
    size_t size = strlen(start);
    while (size > 0 && strchr(BLANK, start[size - 1]) != NULL)
        size--;
    if (size == 0 || size > CONFIG_NAME_MAX) {
        bb_reason_say(reason, "a configuration's name must have 1 to %d bytes", CONFIG_NAME_MAX);
        return BB_RANGE;
    }
    for (size_t i = 0; i < size; i++) {
        if ((unsigned char)start[i] < 0x20 || start[i] == 0x7f) {
            bb_reason_say(reason, "a configuration's name must not hold control characters");
            return BB_RANGE;
        }
    }
    memcpy(name_out, start, size);
    name_out[size] = '\0';
    return BB_OK;
}

/* The end of a quoted text that starts at `at`; NULL: it does not end. */
static const char *end_of_quoted(const char *at)
{
    char quote = *at++;
    while (*at != '\0' && *at != quote)
        at += *at == '\\' && at[1] != '\0' ? 2 : 1;
    return *at == '\0' ? NULL : at + 1;
}

/* The end of a comment that starts at `at`; `at` itself: there is none. */
static const char *end_of_comment(const char *at)
{
    if (*at == '#' || (*at == '/' && at[1] == '/'))
        return at + strcspn(at, "\n");
    if (*at != '/' || at[1] != '*')
        return at;
    const char *end = strstr(at + 2, "*/");
    return end == NULL ? at : end + 2;
}

/* A copy with blanks for comments, malloc'd: lines keep their numbers. */
static char *without_comments(const char *text)
{
    char *copy = strdup(text);
    for (const char *at = text; copy != NULL && *at != '\0';) {
        const char *end = *at == '"' || *at == '\'' ? end_of_quoted(at) : NULL;
        if (end != NULL) {
            at = end;
            continue;
        }
        end = end_of_comment(at);
        for (const char *c = at; c < end; c++)
            if (*c != '\n')
                copy[c - text] = ' ';
        at = end > at ? end : at + 1;
    }
    return copy;
}

static enum status parse_json(const char *text, json_t **out, struct bb_reason *reason)
{
    json_error_t error;
    char *bare = without_comments(text);
    json_t *value = bare == NULL ? NULL : json_loads(bare, 0, &error);
    free(bare);
    if (value == NULL) {
        bb_reason_say(reason, "line %d, column %d: %s (an object or a list is expected)", error.line,
                      error.column, error.text);
        return BB_MALFORMED;
    }
    *out = value;
    return BB_OK;
}

static enum status parse_raw(const char *text, json_t **out, struct bb_reason *reason)
{
    *out = json_string(text);
    if (*out == NULL)
        bb_reason_say(reason, "the text is not UTF-8");
    return *out == NULL ? BB_MALFORMED : BB_OK;
}

static const struct {
    const char *type;
    enum status (*parse)(const char *text, json_t **out, struct bb_reason *reason);
} TYPES[] = {{"raw", parse_raw}, {"json", parse_json}, {"csv", csv_text_parse}};

enum status config_text_parse(const char *type, const char *text, json_t **out, struct bb_reason *reason)
{
    if (strlen(text) > CONFIG_TEXT_MAX) {
        bb_reason_say(reason, "a configuration may have %d bytes", CONFIG_TEXT_MAX);
        return BB_RANGE;
    }
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (strcmp(TYPES[i].type, type) == 0)
            return TYPES[i].parse(text, out, reason);
    bb_reason_say(reason, "the type must be raw, json or csv");
    return BB_NOT_FOUND;
}

/* The name that a text links to, in name_out[CONFIG_NAME_MAX + 1]; false: it is no link. */
static bool is_link(json_t *value, char *name_out)
{
    const char *text = json_string_value(value);
    return text != NULL && strncasecmp(text, LINK, strlen(LINK)) == 0 &&
           config_text_name(text + strlen(LINK), name_out, NULL) == BB_OK;
}

static void add_lower(json_t *names, const char *name)
{
    char lower[CONFIG_NAME_MAX + 1];
    size_t i = 0;
    for (; name[i] != '\0'; i++)
        lower[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
    lower[i] = '\0';
    json_object_set_new(names, lower, json_true());
}

/* Adds the names that a value links to, in lower case. */
static void collect_links(json_t *value, json_t *names)
{
    char name[CONFIG_NAME_MAX + 1];
    const char *key;
    size_t i;
    json_t *part;
    if (is_link(value, name))
        add_lower(names, name);
    json_object_foreach(value, key, part) collect_links(part, names);
    json_array_foreach(value, i, part) collect_links(part, names);
}

/* The same for a whole configuration: a raw one links to nothing. */
static void collect(json_t *value, json_t *names)
{
    if (!json_is_string(value))
        collect_links(value, names);
}

/* The names that can be reached, level by level: each is looked up once, and nothing recurs. */
bool config_text_is_cyclic(const char *name, json_t *value, config_lookup *lookup, void *context)
{
    json_t *seen = json_object();
    json_t *fresh = json_object();
    bool cyclic = false;
    collect(value, fresh);
    while (json_object_size(fresh) > 0 && !cyclic) {
        json_t *next = json_object();
        const char *linked;
        json_t *ignored;
        json_object_foreach(fresh, linked, ignored)
        {
            if (strcasecmp(linked, name) == 0)
                cyclic = true;
            if (cyclic || json_object_get(seen, linked) != NULL)
                continue;
            json_object_set_new(seen, linked, json_true());
            json_t *other = lookup(context, linked);
            collect(other, next);
            json_decref(other);
        }
        json_decref(fresh);
        fresh = next;
    }
    json_decref(fresh);
    json_decref(seen);
    return cyclic;
}

/* Room that is left for a value with its links replaced. */
struct room {
    config_lookup *lookup;
    void *context;
    size_t values;
};

static json_t *resolve(struct room *room, json_t *value, int depth);

static json_t *resolve_parts(struct room *room, json_t *value, int depth)
{
    json_t *copy = json_is_object(value) ? json_object() : json_array();
    const char *key;
    size_t i;
    json_t *part, *made = NULL;
    json_object_foreach(value, key, part)
    {
        made = resolve(room, part, depth);
        if (json_object_set_new(copy, key, made) != 0)
            goto failed;
    }
    json_array_foreach(value, i, part)
    {
        made = resolve(room, part, depth);
        if (json_array_append_new(copy, made) != 0)
            goto failed;
    }
    return copy;
failed:
    json_decref(copy);
    return NULL;
}

/* NULL: the room is used up. */
static json_t *resolve(struct room *room, json_t *value, int depth)
{
    char name[CONFIG_NAME_MAX + 1];
    if (room->values == 0 || depth == CONFIG_DEPTH_MAX)
        return NULL;
    room->values--;
    if (json_is_object(value) || json_is_array(value))
        return resolve_parts(room, value, depth + 1);
    if (!is_link(value, name))
        return json_incref(value);
    json_t *other = room->lookup(room->context, name);
    json_t *resolved = other == NULL           ? json_null()
                       : json_is_string(other) ? json_incref(other)
                                               : resolve(room, other, depth + 1);
    json_decref(other);
    return resolved;
}

enum status config_text_resolve(json_t *value, config_lookup *lookup, void *context, json_t **out)
{
    struct room room = {lookup, context, CONFIG_VALUES_MAX};
    /* A raw configuration that looks like a link is none. */
    json_t *resolved = json_is_string(value) ? json_incref(value) : resolve(&room, value, 0);
    if (resolved == NULL)
        return BB_FULL;
    *out = resolved;
    return BB_OK;
}
