#include "agents/bundle/schema_walk.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define WORK_MAX (4 * 1024 * 1024)

void schema_walk_begin(struct schema_walk *walk, struct schema_fault *fault)
{
    memset(fault, 0, sizeof *fault);
    *walk = (struct schema_walk){.fault = fault};
}

static void append(struct schema_walk *walk, char c)
{
    if (walk->length + 1 < sizeof walk->fault->place) {
        walk->fault->place[walk->length++] = (unsigned char)c < ' ' || c == 127 ? '?' : c;
        walk->fault->place[walk->length] = '\0';
    }
}

size_t schema_walk_enter(struct schema_walk *walk, const char *key, size_t item)
{
    size_t before = walk->length;
    char number[32];
    walk->depth++;
    if (key == NULL) {
        snprintf(number, sizeof number, "[%zu]", item);
        for (const char *c = number; *c != '\0'; c++)
            append(walk, *c);
        return before;
    }
    if (walk->length > 0)
        append(walk, '.');
    for (const char *c = key; *c != '\0'; c++)
        append(walk, *c);
    snprintf(walk->fault->key, sizeof walk->fault->key, "%s", key);
    return before;
}

void schema_walk_leave(struct schema_walk *walk, size_t length)
{
    walk->depth--;
    walk->length = length;
    walk->fault->place[length] = '\0';
}

enum status schema_walk_wrong(struct schema_walk *walk, enum status status, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(walk->fault->text, sizeof walk->fault->text, format, values);
    va_end(values);
    for (char *c = walk->fault->text; *c != '\0'; c++)
        if ((unsigned char)*c < ' ' || *c == 127)
            *c = '?';
    return status;
}

enum status schema_walk_work(struct schema_walk *walk, size_t more)
{
    walk->work += more;
    return walk->work <= WORK_MAX ? BB_OK : schema_walk_wrong(walk, BB_FULL, "takes too long to check");
}

/* A number with a fraction is no integer, also when it is zero: agents would read it with the wrong function.
 */
static bool is_integer(const json_t *value)
{
    return json_is_integer(value);
}
static bool is_number(const json_t *value)
{
    return json_is_number(value);
}
static bool is_text(const json_t *value)
{
    return json_is_string(value);
}
static bool is_truth(const json_t *value)
{
    return json_is_boolean(value);
}
static bool is_object(const json_t *value)
{
    return json_is_object(value);
}
static bool is_list(const json_t *value)
{
    return json_is_array(value);
}
static bool is_null(const json_t *value)
{
    return json_is_null(value);
}

static const struct kind {
    const char *name, *article;
    bool (*fits)(const json_t *value);
} kinds[] = {{"integer", "an integer", is_integer},
             {"number", "a number", is_number},
             {"string", "a string", is_text},
             {"boolean", "true or false", is_truth},
             {"object", "an object", is_object},
             {"array", "an array", is_list},
             {"null", "null", is_null}};

static const struct kind *kind_of(const char *name)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(kinds[i].name, name) == 0)
            return &kinds[i];
    return NULL;
}

bool schema_walk_is_type(const char *name)
{
    return kind_of(name) != NULL;
}

static enum status check_type(struct schema_walk *walk, const json_t *type, const json_t *value)
{
    if (type == NULL)
        return BB_OK;
    if (json_is_string(type)) {
        const struct kind *kind = kind_of(json_string_value(type));
        if (kind != NULL && kind->fits(value))
            return BB_OK;
        return schema_walk_wrong(walk, BB_MALFORMED, "expected %s", kind != NULL ? kind->article : "nothing");
    }
    char names[128] = "";
    for (size_t i = 0; i < json_array_size(type); i++) {
        const struct kind *kind = kind_of(json_string_value(json_array_get(type, i)));
        if (kind != NULL && kind->fits(value))
            return BB_OK;
        size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%s", i > 0 ? " or " : "",
                 kind != NULL ? kind->article : "");
    }
    return schema_walk_wrong(walk, BB_MALFORMED, "expected %s", names);
}

static enum status check_enum(struct schema_walk *walk, const json_t *choices, const json_t *value)
{
    if (choices == NULL)
        return BB_OK;
    if (schema_walk_work(walk, json_array_size(choices)) != BB_OK)
        return BB_FULL;
    for (size_t i = 0; i < json_array_size(choices); i++)
        if (json_equal(json_array_get(choices, i), value))
            return BB_OK;
    char *shown = json_dumps(choices, JSON_ENCODE_ANY | JSON_COMPACT);
    enum status status =
        schema_walk_wrong(walk, BB_MALFORMED, "expected one of %s", shown != NULL ? shown : "its choices");
    free(shown);
    return status;
}

/* −1, 0 or 1; integers are compared as integers, since a double does not hold all of them. */
static int compare(const json_t *a, const json_t *b)
{
    if (json_is_integer(a) && json_is_integer(b)) {
        json_int_t x = json_integer_value(a), y = json_integer_value(b);
        return (x > y) - (x < y);
    }
    double x = json_number_value(a), y = json_number_value(b);
    return (x > y) - (x < y);
}

static enum status check_bound(struct schema_walk *walk, const json_t *schema, const char *key, int wrong,
                               const json_t *value)
{
    const json_t *bound = json_object_get(schema, key);
    if (bound == NULL || !json_is_number(value) || compare(value, bound) != wrong)
        return BB_OK;
    return schema_walk_wrong(walk, BB_MALFORMED, "is %s than the %s, %.15g", wrong < 0 ? "less" : "more", key,
                             json_number_value(bound));
}

/* In characters, not bytes: UTF-8's first bytes. */
static size_t characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

enum status schema_walk_value(struct schema_walk *walk, const json_t *schema, const json_t *value)
{
    enum status status = check_type(walk, json_object_get(schema, "type"), value);
    if (status == BB_OK)
        status = check_enum(walk, json_object_get(schema, "enum"), value);
    if (status == BB_OK)
        status = check_bound(walk, schema, "minimum", -1, value);
    if (status == BB_OK)
        status = check_bound(walk, schema, "maximum", 1, value);
    const json_t *longest = json_object_get(schema, "maxLength");
    if (status != BB_OK || longest == NULL || !json_is_string(value) ||
        (json_int_t)characters(json_string_value(value)) <= json_integer_value(longest))
        return status;
    return schema_walk_wrong(walk, BB_MALFORMED, "is longer than %lld characters",
                             (long long)json_integer_value(longest));
}
