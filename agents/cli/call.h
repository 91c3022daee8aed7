/* Words into a call: the parser of options, and what verbs read from it. */
#ifndef AGENTS_CLI_CALL_H
#define AGENTS_CLI_CALL_H

#include "agents/cli/verb.h"

#include <busbar/reason.h>
#include <stdint.h>

/* Parses words[count] after the verb's own into *out (borrowed): `--name value`, `--name=value`, flags, `--`
 * ends the options, arguments anywhere between them; what is absent is taken from the environment. BB_RANGE
 * with the reason: an unknown option, a missing or forbidden value, a wrong number of arguments.
 * *help_out becomes true when -h or --help stood among them; nothing else is checked then. */
BB_MUST_CHECK enum status call_parse(const struct verb *verb, const char *const *words, size_t count,
                                     struct bb_reason *reason, bool *help_out, struct call *out);

/* The value of option `name`, NULL when absent. The option must be one of the verb's (CHECK). */
const char *call_value(const struct call *call, const char *name);

/* All values of an option that may be given again, in their order, to values[VERB_MANY_MAX]; how many. */
size_t call_values(const struct call *call, const char *name, const char **values);

/* True when the flag was given. */
bool call_flag(const struct call *call, const char *name);

/* The value as a whole number from low to high; `absent` when it was not given. BB_RANGE and the reason. */
BB_MUST_CHECK enum status call_integer(const struct call *call, const char *name, int64_t low, int64_t high,
                                       int64_t absent, struct bb_reason *reason, int64_t *out);

/* The value as a decimal from low to high; `absent` when it was not given. BB_RANGE and the reason. */
BB_MUST_CHECK enum status call_number(const struct call *call, const char *name, double low, double high,
                                      double absent, struct bb_reason *reason, double *out);

/* Writes a sentence into *reason and returns `status`. */
enum status call_reason(struct bb_reason *reason, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Tells on standard error what is wrong and what to do, after the verb's name, and returns `code`. */
enum exit_code call_fail(const struct call *call, enum exit_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
