#include "agents/bundle/schema_walk.h"

#include <string.h>

/* Counts one more value, before it is made. */
static enum status count(struct schema_walk *walk)
{
    if (walk->depth > SCHEMA_DEPTH_MAX)
        return schema_walk_wrong(walk, BB_MALFORMED, "is nested more than %d deep", SCHEMA_DEPTH_MAX);
    if (++walk->values > SCHEMA_VALUES_MAX)
        return schema_walk_wrong(walk, BB_FULL, "more than %d values in all", SCHEMA_VALUES_MAX);
    return BB_OK;
}

static enum status kept(struct schema_walk *walk, int failed)
{
    return failed == 0 ? BB_OK : schema_walk_wrong(walk, BB_FULL, "no memory");
}

static enum status fill_member(struct schema_walk *walk, const json_t *schema, const char *key,
                               const json_t *value, json_t *into)
{
    json_t *filled = NULL;
    size_t length = schema_walk_enter(walk, key, 0);
    enum status status = schema_walk_fill(walk, schema, value, &filled);
    if (status != BB_OK)
        return status; /* the place stays where it went wrong */
    status = kept(walk, json_object_set_new(into, key, filled));
    if (status == BB_OK)
        schema_walk_leave(walk, length);
    return status;
}

/* The members that are there. */
static enum status fill_given(struct schema_walk *walk, const json_t *schema, const json_t *value,
                              json_t *into)
{
    const json_t *properties = json_object_get(schema, "properties"),
                 *others = json_object_get(schema, "additionalProperties");
    const char *key;
    json_t *member;
    enum status status = BB_OK;
    json_object_foreach((json_t *)value, key, member)
    {
        const json_t *own = json_object_get(properties, key);
        if (own == NULL && json_is_false(others)) {
            (void)schema_walk_enter(walk, key, 0);
            return schema_walk_wrong(walk, BB_MALFORMED, "is not a setting of this agent");
        }
        status = fill_member(walk,
                             own != NULL              ? own
                             : json_is_object(others) ? others
                                                      : NULL,
                             key, member, into);
        if (status != BB_OK)
            return status;
    }
    return status;
}

/* The members that are not, but have a default. */
static enum status fill_defaults(struct schema_walk *walk, const json_t *schema, json_t *into)
{
    const char *key;
    json_t *property;
    json_object_foreach(json_object_get(schema, "properties"), key, property)
    {
        const json_t *preset = json_object_get(property, "default");
        if (preset == NULL || json_object_get(into, key) != NULL)
            continue;
        enum status status = fill_member(walk, property, key, preset, into);
        if (status != BB_OK)
            return status;
    }
    return BB_OK;
}

static enum status check_required(struct schema_walk *walk, const json_t *schema, const json_t *filled)
{
    const json_t *required = json_object_get(schema, "required");
    for (size_t i = 0; i < json_array_size(required); i++) {
        const char *key = json_string_value(json_array_get(required, i));
        if (json_object_get(filled, key) == NULL) {
            (void)schema_walk_enter(walk, key, 0);
            return schema_walk_wrong(walk, BB_MALFORMED, "is needed");
        }
    }
    return BB_OK;
}

static enum status fill_object(struct schema_walk *walk, const json_t *schema, const json_t *value,
                               json_t *into)
{
    size_t looks = json_object_size(json_object_get(schema, "properties")) +
                   json_array_size(json_object_get(schema, "required"));
    enum status status = schema_walk_work(walk, looks);
    if (status == BB_OK)
        status = fill_given(walk, schema, value, into);
    if (status == BB_OK)
        status = fill_defaults(walk, schema, into);
    return status == BB_OK ? check_required(walk, schema, into) : status;
}

static enum status fill_list(struct schema_walk *walk, const json_t *schema, const json_t *value,
                             json_t *into)
{
    const json_t *items = json_object_get(schema, "items");
    for (size_t i = 0; i < json_array_size(value); i++) {
        json_t *filled = NULL;
        size_t length = schema_walk_enter(walk, NULL, i);
        enum status status = schema_walk_fill(walk, items, json_array_get(value, i), &filled);
        if (status == BB_OK)
            status = kept(walk, json_array_append_new(into, filled));
        if (status != BB_OK)
            return status;
        schema_walk_leave(walk, length);
    }
    return BB_OK;
}

enum status schema_walk_fill(struct schema_walk *walk, const json_t *schema, const json_t *value,
                             json_t **filled_out)
{
    enum status status = count(walk);
    if (status == BB_OK)
        status = schema_walk_value(walk, schema, value);
    if (status != BB_OK)
        return status;
    json_t *filled = json_is_object(value)  ? json_object()
                     : json_is_array(value) ? json_array()
                                            : json_copy((json_t *)value);
    if (filled == NULL)
        return kept(walk, -1);
    if (json_is_object(value))
        status = fill_object(walk, schema, value, filled);
    else if (json_is_array(value))
        status = fill_list(walk, schema, value, filled);
    if (status == BB_OK)
        *filled_out = filled;
    else
        json_decref(filled);
    return status;
}

enum status schema_fill(const json_t *schema, const json_t *value, struct schema_fault *fault,
                        json_t **filled_out)
{
    struct schema_walk walk;
    schema_walk_begin(&walk, fault);
    if (schema == NULL && !json_is_object(value))
        return schema_walk_wrong(&walk, BB_MALFORMED, "expected an object");
    if (schema == NULL && json_object_size(value) > 0) {
        (void)schema_walk_enter(&walk, json_object_iter_key(json_object_iter((json_t *)value)), 0);
        return schema_walk_wrong(&walk, BB_MALFORMED, "this agent has no settings");
    }
    return schema_walk_fill(&walk, schema, value, filled_out);
}

void schema_tell(const struct schema_fault *fault, const char *what, struct bb_reason *reason)
{
    bb_reason_say(reason, "%s: %s%s%s", what, fault->place, fault->place[0] != '\0' ? ": " : "", fault->text);
}
