#include "agents/bundle/schema_walk.h"

#include <string.h>

static enum status check(struct schema_walk *walk, const json_t *schema);

/* One keyword: what its value must be. */
typedef enum status keyword(struct schema_walk *walk, const json_t *value);

static enum status is_type_name(struct schema_walk *walk, const json_t *value)
{
    if (json_is_string(value) && schema_walk_is_type(json_string_value(value)))
        return BB_OK;
    return schema_walk_wrong(walk, BB_MALFORMED,
                             "expected a type: object, array, string, integer, number, boolean or null");
}

static enum status type(struct schema_walk *walk, const json_t *value)
{
    if (!json_is_array(value) || json_array_size(value) == 0)
        return is_type_name(walk, value);
    enum status status = BB_OK;
    for (size_t i = 0; i < json_array_size(value) && status == BB_OK; i++)
        status = is_type_name(walk, json_array_get(value, i));
    return status;
}

static enum status properties(struct schema_walk *walk, const json_t *value)
{
    const char *key;
    json_t *property;
    if (!json_is_object(value))
        return schema_walk_wrong(walk, BB_MALFORMED, "expected an object of schemas");
    json_object_foreach((json_t *)value, key, property)
    {
        size_t length = schema_walk_enter(walk, key, 0);
        walk->depth--; /* a property is one step below its object, not two */
        enum status status = check(walk, property);
        if (status != BB_OK)
            return status;
        walk->depth++;
        schema_walk_leave(walk, length);
    }
    return BB_OK;
}

static enum status required(struct schema_walk *walk, const json_t *value)
{
    bool good = json_is_array(value);
    for (size_t i = 0; good && i < json_array_size(value); i++)
        good = json_is_string(json_array_get(value, i));
    return good ? BB_OK : schema_walk_wrong(walk, BB_MALFORMED, "expected a list of names");
}

static enum status others(struct schema_walk *walk, const json_t *value)
{
    return json_is_boolean(value) ? BB_OK : check(walk, value);
}

static enum status choices(struct schema_walk *walk, const json_t *value)
{
    bool good = json_is_array(value) && json_array_size(value) > 0;
    return good ? BB_OK : schema_walk_wrong(walk, BB_MALFORMED, "expected a list of values");
}

static enum status bound(struct schema_walk *walk, const json_t *value)
{
    return json_is_number(value) ? BB_OK : schema_walk_wrong(walk, BB_MALFORMED, "expected a number");
}

static enum status longest(struct schema_walk *walk, const json_t *value)
{
    if (json_is_integer(value) && json_integer_value(value) >= 0)
        return BB_OK;
    return schema_walk_wrong(walk, BB_MALFORMED, "expected an integer, 0 or more");
}

static enum status text(struct schema_walk *walk, const json_t *value)
{
    return json_is_string(value) ? BB_OK : schema_walk_wrong(walk, BB_MALFORMED, "expected a string");
}

/* Checked against the whole schema, after its other keywords. */
static enum status preset(struct schema_walk *walk, const json_t *value)
{
    (void)walk, (void)value;
    return BB_OK;
}

static const struct {
    const char *name;
    keyword *check;
} keywords[] = {{"type", type},         {"properties", properties},
                {"required", required}, {"additionalProperties", others},
                {"items", check},       {"enum", choices},
                {"minimum", bound},     {"maximum", bound},
                {"maxLength", longest}, {"default", preset},
                {"description", text}};

static keyword *keyword_of(const char *name)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (strcmp(keywords[i].name, name) == 0)
            return keywords[i].check;
    return NULL;
}

/* The default is a value of the schema; its place is told as the schema's, with what is wrong inside. */
static enum status check_default(struct schema_walk *walk, const json_t *schema)
{
    const json_t *value = json_object_get(schema, "default");
    struct schema_fault fault;
    json_t *filled = NULL;
    if (value == NULL)
        return BB_OK;
    enum status status = schema_fill(schema, value, &fault, &filled);
    if (status != BB_OK) {
        (void)schema_walk_enter(walk, "default", 0);
        return schema_walk_wrong(walk, BB_MALFORMED, "%.60s%s%.120s", fault.place,
                                 fault.place[0] != '\0' ? ": " : "", fault.text);
    }
    json_decref(filled);
    return BB_OK;
}

static enum status check(struct schema_walk *walk, const json_t *schema)
{
    const char *key;
    json_t *value;
    if (!json_is_object(schema))
        return schema_walk_wrong(walk, BB_MALFORMED, "expected a schema, an object");
    if (walk->depth > SCHEMA_DEPTH_MAX)
        return schema_walk_wrong(walk, BB_MALFORMED, "schemas are nested more than %d deep",
                                 SCHEMA_DEPTH_MAX);
    json_object_foreach((json_t *)schema, key, value)
    {
        size_t length = schema_walk_enter(walk, key, 0);
        keyword *one = keyword_of(key);
        enum status status =
            one != NULL ? one(walk, value)
                        : schema_walk_wrong(walk, BB_MALFORMED,
                                            "is not of the subset of JSON Schema that is taken here");
        if (status != BB_OK)
            return status;
        schema_walk_leave(walk, length);
    }
    return check_default(walk, schema);
}

enum status schema_check(const json_t *schema, struct schema_fault *fault)
{
    struct schema_walk walk;
    schema_walk_begin(&walk, fault);
    return check(&walk, schema);
}
