#include "ledger/elements.h"

#include <string.h>

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

static const char *after_text(const char *at)
{
    for (at++; *at != '"' && *at != '\0'; at++)
        if (*at == '\\' && at[1] != '\0')
            at++;
    return *at == '"' ? at + 1 : at;
}

/* The end of the JSON value at `at`, without making anything of it. */
static const char *after_value(const char *at)
{
    int depth = 0;
    while (*at != '\0') {
        bool closes = *at == '}' || *at == ']';
        if (depth == 0 && (closes || *at == ','))
            break;
        depth += (*at == '{' || *at == '[') - closes;
        at = *at == '"' ? after_text(at) : at + 1;
    }
    return at;
}

/* The first element of {"transactions":[…]}; NULL when the params are anything else. */
static const char *first_element(const char *params)
{
    static const char name[] = "\"transactions\"";
    const char *at = skip_space(params);
    at = *at == '{' ? skip_space(at + 1) : "";
    if (strncmp(at, name, sizeof name - 1) != 0)
        return NULL;
    at = skip_space(at + sizeof name - 1);
    at = *at == ':' ? skip_space(at + 1) : "";
    return *at == '[' ? skip_space(at + 1) : NULL;
}

bool elements_find(const char *params, struct bytes *elements, size_t most, size_t *count_out)
{
    size_t count = 0;
    const char *at = first_element(params);
    while (at != NULL && *at != ']' && *at != '\0') {
        const char *end = after_value(at);
        if (count == most || end == at)
            return false;
        elements[count++] = (struct bytes){(const uint8_t *)at, (size_t)(end - at)};
        at = skip_space(*end == ',' ? end + 1 : end);
    }
    if (count == 0 || *at != ']' || *skip_space(at + 1) != '}')
        return false;
    *count_out = count;
    return true;
}
