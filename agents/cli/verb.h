/* One table of verbs is the source of the parser, the help, the completion and the check of the manual. */
#ifndef AGENTS_CLI_VERB_H
#define AGENTS_CLI_VERB_H

#include "agents/cli/exit.h"

#include <stdbool.h>
#include <stddef.h>

#define VERB_OPTIONS_MAX 20
#define VERB_ARGS_MAX    32
/* Values of options that may be given again, all together. */
#define VERB_MANY_MAX 64

/* An option of a verb. */
struct option {
    const char *name; /* "topology": written --topology */
    const char *value; /* the placeholder of its value ("DIR", "FILE" complete as such; one that ends in … may
                          be given again and again: see call_values); NULL: a flag */
    const char *environment; /* the variable that gives the value when the option is absent, or NULL */
    const char *choices;     /* the values allowed, one space between them, or NULL: any */
    const char *help;        /* what it does, a sentence without its full stop */
};

struct call;

/* Does what the verb does and returns the exit code; failures have been told on standard error by then. */
typedef enum exit_code verb_run(const struct call *call);

struct verb {
    const char *name;      /* one word, or a group and a verb: "dispatch show", "market post cancel" */
    const char *arguments; /* as the synopsis shows them: "TOPIC JSON", or "" */
    size_t args_min, args_max;
    const char *summary;                 /* a line, for the overview */
    const char *details;                 /* a paragraph more for its own help, or NULL */
    const struct option *const *options; /* NULL-terminated list, or NULL */
    const char *page;                    /* the manual page that documents it: "busbar-dispatch(1)" */
    verb_run *run;
    bool hidden; /* not in the overview: for machines */
};

/* A verb with what the user gave it. All texts are borrowed from argv, the environment and the tables. */
struct call {
    const struct verb *verb;
    const char *values[VERB_OPTIONS_MAX]; /* parallel to the verb's options; "" for a flag; NULL: not given */
    const char *args[VERB_ARGS_MAX];
    size_t arg_count;
    struct {
        const struct option *option;
        const char *value;
    } many[VERB_MANY_MAX]; /* in the order given */
    size_t many_count;
};

/* All verbs, `*count_out` of them, in the order of the help. */
const struct verb *verb_table(size_t *count_out);

/* The verb that the first words of words[count] name; *used_out receives how many words it took. NULL when
 * there is none. */
const struct verb *verb_find(const char *const *words, size_t count, size_t *used_out);

/* How many of words[count] name a group of verbs: 1 for "market" and 2 for "market post" when a verb goes on
 * from there; 0: they begin no verb. */
size_t verb_group(const char *const *words, size_t count);

/* True when the verb is one of the group: its name begins with `group` ("market post") and goes on. */
bool verb_in_group(const struct verb *verb, const char *group);

/* Writes words[count] with a space between them to text[size], cut when it is too long. Returns `text`. */
char *verb_join(const char *const *words, size_t count, char *text, size_t size);

/* True for an option that may be given again and again. */
bool verb_repeats(const struct option *option);

/* The letter that stands for an option, in every verb that has it: -o for --output. '\0': none. */
char verb_letter(const struct option *option);

/* How many options `verb` has. */
static inline size_t verb_option_count(const struct verb *verb)
{
    size_t count = 0;
    while (verb->options != NULL && verb->options[count] != NULL)
        count++;
    return count;
}

#endif
