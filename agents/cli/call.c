#include "agents/cli/call.h"

#include <busbar/check.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum status call_reason(struct bb_reason *reason, enum status status, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(reason->text, sizeof reason->text, format, list);
    va_end(list);
    return status;
}

enum exit_code call_fail(const struct call *call, enum exit_code code, const char *format, ...)
{
    fprintf(stderr, "busbar %s: ", call->verb->name);
    va_list list;
    va_start(list, format);
    vfprintf(stderr, format, list);
    va_end(list);
    fputc('\n', stderr);
    return code;
}

/* The option named by the first `length` bytes of `name`; its place in *index_out. */
static const struct option *option_named(const struct verb *verb, const char *name, size_t length,
                                         size_t *index_out)
{
    for (size_t i = 0; verb->options != NULL && verb->options[i] != NULL; i++)
        if (strncmp(verb->options[i]->name, name, length) == 0 && verb->options[i]->name[length] == '\0') {
            *index_out = i;
            return verb->options[i];
        }
    return NULL;
}

/* True when `value` is one of the words in `choices`. */
static bool chosen(const char *choices, const char *value)
{
    size_t length = strlen(value);
    for (const char *at = choices; length > 0 && (at = strstr(at, value)) != NULL; at += length)
        if ((at == choices || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

static enum status take_value(const struct option *option, const char *value, const char *from,
                              struct bb_reason *reason, const char **out)
{
    if (option->choices != NULL && !chosen(option->choices, value))
        return call_reason(reason, BB_RANGE, "%s%s: \"%s\" is none of: %s", from, option->name, value,
                           option->choices);
    *out = value;
    return BB_OK;
}

bool verb_repeats(const struct option *option)
{
    static const char mark[] = "…";
    size_t length = option->value == NULL ? 0 : strlen(option->value);
    return length >= sizeof mark && strcmp(option->value + length - (sizeof mark - 1), mark) == 0;
}

char verb_letter(const struct option *option)
{
    static const struct {
        const char *name;
        char letter;
    } letters[] = {{"output", 'o'}, {"follow", 'f'}, {"count", 'n'}};
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (strcmp(letters[i].name, option->name) == 0)
            return letters[i].letter;
    return '\0';
}

/* The name of the option that `-x` stands for; NULL: it is none of the verb's. */
static const char *name_of_letter(const struct verb *verb, const char *word)
{
    for (size_t i = 0; word[0] == '-' && word[1] != '\0' && word[2] == '\0' && i < verb_option_count(verb);
         i++)
        if (verb_letter(verb->options[i]) == word[1])
            return verb->options[i]->name;
    return NULL;
}

/* Takes words[*at], which starts with -- or is a letter's, and its value. */
static enum status take_option(const struct verb *verb, const char *const *words, size_t count, size_t *at,
                               struct bb_reason *reason, struct call *call)
{
    const char *letter = name_of_letter(verb, words[*at]), *name = letter != NULL ? letter : words[*at] + 2;
    size_t length = strcspn(name, "=");
    size_t index;
    const struct option *option = option_named(verb, name, length, &index);
    if (option == NULL)
        return call_reason(reason, BB_RANGE, "no option --%.*s; see: busbar help %s", (int)length, name,
                           verb->name);
    bool attached = name[length] == '=';
    if (option->value == NULL) {
        if (attached)
            return call_reason(reason, BB_RANGE, "--%s takes no value", option->name);
        call->values[index] = "";
        return BB_OK;
    }
    if (!attached && *at + 1 == count)
        return call_reason(reason, BB_RANGE, "--%s needs a value: --%s %s", option->name, option->name,
                           option->value);
    const char *value = attached ? name + length + 1 : words[++*at];
    if (verb_repeats(option) && call->many_count == VERB_MANY_MAX)
        return call_reason(reason, BB_RANGE, "--%s: more than %d values", option->name, VERB_MANY_MAX);
    enum status status = take_value(option, value, "--", reason, &call->values[index]);
    if (status == BB_OK && verb_repeats(option)) {
        call->many[call->many_count].option = option;
        call->many[call->many_count++].value = value;
    }
    return status;
}

/* Takes from the environment what the words did not give. */
static enum status take_environment(const struct verb *verb, struct bb_reason *reason, struct call *call)
{
    for (size_t i = 0; verb->options != NULL && verb->options[i] != NULL; i++) {
        const struct option *option = verb->options[i];
        const char *value = option->environment == NULL ? NULL : getenv(option->environment);
        if (call->values[i] != NULL || value == NULL || *value == '\0')
            continue;
        enum status status = take_value(option, value, "environment, ", reason, &call->values[i]);
        if (status != BB_OK)
            return status;
    }
    return BB_OK;
}

static enum status check_args(const struct verb *verb, struct bb_reason *reason, const struct call *call)
{
    if (call->arg_count < verb->args_min)
        return call_reason(reason, BB_RANGE, "an argument is missing: busbar %s %s", verb->name,
                           verb->arguments);
    if (call->arg_count > verb->args_max)
        return call_reason(reason, BB_RANGE, "\"%s\" is one argument too many; see: busbar help %s",
                           call->args[verb->args_max], verb->name);
    return BB_OK;
}

enum status call_parse(const struct verb *verb, const char *const *words, size_t count,
                       struct bb_reason *reason, bool *help_out, struct call *out)
{
    struct call call = {.verb = verb};
    bool options = true;
    for (size_t i = 0; i < count; i++) {
        if (options && (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)) {
            *help_out = true;
            *out = call;
            return BB_OK;
        }
        if (options && strcmp(words[i], "--") == 0) {
            options = false;
        } else if (options && (strncmp(words[i], "--", 2) == 0 || name_of_letter(verb, words[i]) != NULL)) {
            enum status status = take_option(verb, words, count, &i, reason, &call);
            if (status != BB_OK)
                return status;
        } else if (call.arg_count == VERB_ARGS_MAX) {
            return call_reason(reason, BB_RANGE, "more than %d arguments", VERB_ARGS_MAX);
        } else {
            call.args[call.arg_count++] = words[i];
        }
    }
    enum status status = check_args(verb, reason, &call);
    if (status == BB_OK)
        status = take_environment(verb, reason, &call);
    if (status == BB_OK)
        *out = call;
    return status;
}

const char *call_value(const struct call *call, const char *name)
{
    size_t index;
    CHECK(option_named(call->verb, name, strlen(name), &index) != NULL);
    return call->values[index];
}

size_t call_values(const struct call *call, const char *name, const char **values)
{
    size_t index, count = 0;
    const struct option *option = option_named(call->verb, name, strlen(name), &index);
    CHECK(option != NULL && verb_repeats(option));
    for (size_t i = 0; i < call->many_count; i++)
        if (call->many[i].option == option)
            values[count++] = call->many[i].value;
    return count;
}

bool call_flag(const struct call *call, const char *name)
{
    return call_value(call, name) != NULL;
}

enum status call_integer(const struct call *call, const char *name, int64_t low, int64_t high, int64_t absent,
                         struct bb_reason *reason, int64_t *out)
{
    const char *text = call_value(call, name);
    if (text == NULL) {
        *out = absent;
        return BB_OK;
    }
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (*text == '\0' || *text == ' ' || *end != '\0' || errno != 0 || value < low || value > high)
        return call_reason(reason, BB_RANGE,
                           "--%s: \"%s\" is not a whole number from %" PRId64 " to %" PRId64, name, text, low,
                           high);
    *out = value;
    return BB_OK;
}

enum status call_number(const struct call *call, const char *name, double low, double high, double absent,
                        struct bb_reason *reason, double *out)
{
    const char *text = call_value(call, name);
    if (text == NULL) {
        *out = absent;
        return BB_OK;
    }
    char *end;
    double value = strtod(text, &end);
    if (*text == '\0' || *text == ' ' || *end != '\0' || !(value >= low && value <= high))
        return call_reason(reason, BB_RANGE, "--%s: \"%s\" is not a number from %g to %g", name, text, low,
                           high);
    *out = value;
    return BB_OK;
}
