#include "agents/host/directory_shape.h"

#include <busbar/limits.h>
#include <string.h>

bool directory_shape_is_name(const char *text)
{
    size_t size = text == NULL ? 0 : strlen(text);
    if (size == 0 || size >= DIRECTORY_NAME_SIZE)
        return false;
    for (size_t i = 0; i < size; i++)
        if (text[i] <= ' ' || text[i] > '~' || text[i] == '*')
            return false;
    return true;
}

static enum status refuse(struct bb_reason *reason, size_t place, const char *what)
{
    bb_reason_say(reason, "services[%zu]: %s", place, what);
    return BB_RANGE;
}

static bool is_type(const json_t *type)
{
    static const char *const words[] = {"null", "boolean", "integer", "number", "string", "array", "object"};
    const char *word = json_string_value(type);
    for (size_t i = 0; word != NULL && i < sizeof words / sizeof *words; i++)
        if (strcmp(words[i], word) == 0)
            return true;
    return false;
}

/* A type is a word, or several of them. */
static bool are_types(const json_t *types)
{
    if (!json_is_array(types))
        return is_type(types);
    for (size_t i = 0; i < json_array_size(types); i++)
        if (!is_type(json_array_get(types, i)))
            return false;
    return json_array_size(types) > 0;
}

/* A schema describes; nothing is checked against it here. So what is known must have its shape, what is not
 * may stand. */
static bool is_schema(const json_t *schema, size_t depth)
{
    const char *key;
    json_t *value;
    if (json_is_boolean(schema))
        return true;
    if (!json_is_object(schema) || depth == DIRECTORY_SCHEMA_MAX)
        return false;
    const json_t *type = json_object_get(schema, "type"), *items = json_object_get(schema, "items"),
                 *properties = json_object_get(schema, "properties"),
                 *required = json_object_get(schema, "required");
    if ((type != NULL && !are_types(type)) || (items != NULL && !is_schema(items, depth + 1)) ||
        (properties != NULL && !json_is_object(properties)) || (required != NULL && !json_is_array(required)))
        return false;
    json_object_foreach((json_t *)properties, key, value)
    {
        if (!is_schema(value, depth + 1))
            return false;
    }
    return true;
}

static bool has_only(const json_t *object, const char *const *keys)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        size_t i = 0;
        while (keys[i] != NULL && strcmp(keys[i], key) != 0)
            i++;
        if (keys[i] == NULL)
            return false;
    }
    return true;
}

static bool is_schema_or_none(const json_t *schema)
{
    return schema == NULL || is_schema(schema, 0);
}

/* A method is an object with a name, or the name alone. */
static const char *fault_of_method(const json_t *method)
{
    static const char *const keys[] = {"name", "params", "result", "summary", NULL};
    const json_t *summary = json_object_get(method, "summary");
    const char *name = json_is_string(method) ? json_string_value(method)
                                              : json_string_value(json_object_get(method, "name"));
    if (!directory_shape_is_name(name))
        return "a method has a name, 1 to 127 printable characters without space and *";
    if (!has_only(method, keys))
        return "a method has name, params, result, summary and nothing else";
    if (summary != NULL && !json_is_string(summary))
        return "a method's summary is a text";
    if (!is_schema_or_none(json_object_get(method, "params")) ||
        !is_schema_or_none(json_object_get(method, "result")))
        return "a method's params and result are JSON Schemas";
    return NULL;
}

static const char *fault_of_topics(const json_t *topics)
{
    if (topics != NULL && !json_is_array(topics))
        return "topics is a list";
    if (json_array_size(topics) > DIRECTORY_TOPICS_MAX)
        return "more than 256 topics";
    for (size_t i = 0; i < json_array_size(topics); i++) {
        const char *topic = json_string_value(json_array_get(topics, i));
        if (topic == NULL || strlen(topic) > BB_TOPIC_MAX)
            return "a topic is a text of at most 1024 bytes";
    }
    return NULL;
}

static const char *fault_of_methods(const json_t *methods)
{
    const char *fault = NULL;
    if (methods != NULL && !json_is_array(methods))
        return "methods is a list";
    if (json_array_size(methods) > DIRECTORY_METHODS_MAX)
        return "more than 128 methods";
    for (size_t i = 0; i < json_array_size(methods) && fault == NULL; i++)
        fault = fault_of_method(json_array_get(methods, i));
    return fault;
}

enum status directory_shape_service(const json_t *service, size_t place, struct bb_reason *reason)
{
    static const char *const keys[] = {"name", "version", "methods", "topics", "properties", NULL};
    const json_t *version = json_object_get(service, "version"),
                 *properties = json_object_get(service, "properties");
    if (!json_is_object(service))
        return refuse(reason, place, "a service is an object");
    if (!directory_shape_is_name(json_string_value(json_object_get(service, "name"))))
        return refuse(reason, place,
                      "a service has a name, 1 to 127 printable characters without space and *");
    if (!has_only(service, keys))
        return refuse(reason, place,
                      "a service has name, version, methods, topics, properties, nothing else");
    if (version != NULL && !directory_shape_is_name(json_string_value(version)))
        return refuse(reason, place, "a version is 1 to 127 printable characters without space and *");
    const char *fault = fault_of_methods(json_object_get(service, "methods"));
    if (fault == NULL)
        fault = fault_of_topics(json_object_get(service, "topics"));
    if (fault == NULL && properties != NULL && !json_is_object(properties))
        fault = "properties is an object";
    return fault == NULL ? BB_OK : refuse(reason, place, fault);
}
