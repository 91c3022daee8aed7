#include "bus/grant.h"

#include <regex.h>
#include <string.h>

/* A text that a capability's pattern is held against. */
#define MATCHED_MAX 1024

/* True when a text argument is what a capability restricts it to. */
static bool matches(json_t *argument, json_t *wanted)
{
    regex_t regex;
    char pattern[BB_TOPIC_MAX + 8];
    const char *text = json_string_value(argument);
    const char *value = json_string_value(wanted);
    size_t size = json_string_length(wanted);
    if (text == NULL || value == NULL)
        return json_equal(argument, wanted);
    if (size < 2 || size > BB_TOPIC_MAX || value[0] != '/' || value[size - 1] != '/')
        return strcmp(text, value) == 0;
    snprintf(pattern, sizeof pattern, "^(%.*s)$", (int)size - 2, value + 1);
    if (json_string_length(argument) > MATCHED_MAX || regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false;
    bool matched = regexec(&regex, text, 0, NULL, 0) == 0;
    regfree(&regex);
    return matched;
}

static json_t *argument_called(const struct hosted_call *call, const char *name)
{
    const struct jsonrpc_parameter *parameters = call->method->parameters;
    for (size_t i = 0; parameters != NULL && parameters[i].name != NULL; i++)
        if (strcmp(parameters[i].name, name) == 0)
            return call->arguments[i];
    return NULL;
}

/* True when the call's arguments meet the restrictions {argument: value} of a capability. */
static bool meets(const struct hosted_call *call, struct bytes restrictions)
{
    json_t *wanted = json_loadb((const char *)restrictions.data, restrictions.size, 0, NULL);
    bool met = json_is_object(wanted);
    const char *name;
    json_t *value;
    json_object_foreach(wanted, name, value) met = met && matches(argument_called(call, name), value);
    json_decref(wanted);
    return met;
}

/* True when the key has `capability`, in each of the ways in which it was given. */
static bool is_granted(const struct hosted_call *call, const char *capability)
{
    struct bytes text;
    uint32_t at = 0;
    size_t size = strlen(capability);
    bool found = false;
    while (access_next(call->access, call->entry, ACCESS_CAPABILITY, &at, &text)) {
        if (text.size < size || memcmp(text.data, capability, size) != 0 ||
            (text.size > size && text.data[size] != '='))
            continue;
        if (text.size > size && !meets(call, (struct bytes){text.data + size + 1, text.size - size - 1}))
            return false;
        found = true;
    }
    return found;
}

bool hosted_may(const struct hosted_call *call, const char *capability)
{
    return call->entry == ACCESS_OPEN || is_granted(call, ACCESS_ADMIN) || is_granted(call, capability);
}

static bool is_own(const struct hosted_call *call)
{
    json_t *owner = call->method->own == NULL ? NULL : argument_called(call, call->method->own);
    return json_is_string(owner) && strcmp(json_string_value(owner), call->caller) == 0;
}

bool grant_allows(const struct hosted_call *call)
{
    const struct hosted_method *method = call->method;
    return method->capability == NULL || is_own(call) || hosted_may(call, method->capability) ||
           (method->other_capability != NULL && hosted_may(call, method->other_capability));
}
