#include "agents/cli/help.h"

#include "agents/cli/call.h"
#include "agents/cli/format.h"
#include "agents/cli/json.h"
#include "agents/cli/verbs.h"

#include <string.h>

void help_overview(FILE *to, const char *group)
{
    size_t count;
    const struct verb *table = verb_table(&count);
    fprintf(to, "usage: busbar %s [ARGUMENT…] [--OPTION…]\n\n", group == NULL ? "VERB" : group);
    for (size_t i = 0; i < count; i++) {
        if (table[i].hidden || (group != NULL && !verb_in_group(&table[i], group)))
            continue;
        fprintf(to, "  %-20s %s\n", table[i].name, table[i].summary);
    }
    fputs("\n`busbar help VERB` tells its options; `man busbar` the rest.\n", to);
}

static void put_option(FILE *to, const struct option *option, int width)
{
    char text[64], letter = verb_letter(option);
    snprintf(text, sizeof text, "%.*s%s--%s%s%s", letter != '\0' ? 2 : 0, (char[]){'-', letter, '\0'},
             letter != '\0' ? ", " : "", option->name, option->value == NULL ? "" : " ",
             option->value == NULL ? "" : option->value);
    fprintf(to, "  %-*s %s", width, text, option->help);
    if (option->choices != NULL)
        fprintf(to, ": %s", option->choices);
    if (option->environment != NULL)
        fprintf(to, " [$%s]", option->environment);
    fputc('\n', to);
}

void help_verb(FILE *to, const struct verb *verb)
{
    size_t options = verb_option_count(verb);
    int width = 24;
    fprintf(to, "usage: busbar %s%s%s%s\n\n%s.\n", verb->name, *verb->arguments == '\0' ? "" : " ",
            verb->arguments, options == 0 ? "" : " [--OPTION…]", verb->summary);
    if (verb->details != NULL)
        fprintf(to, "%s\n", verb->details);
    if (options > 0)
        fputc('\n', to);
    for (size_t i = 0; i < options; i++) {
        const char *value = verb->options[i]->value;
        size_t length = (verb_letter(verb->options[i]) != '\0' ? 4 : 0) + strlen("--") +
                        strlen(verb->options[i]->name) + (value == NULL ? 0 : 1 + strlen(value));
        width = (int)length > width ? (int)length : width;
    }
    for (size_t i = 0; i < options; i++)
        put_option(to, verb->options[i], width);
    fprintf(to, "\nManual: %s\n", verb->page);
}

/* Levenshtein distance of two short words; long ones are far apart. */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 24 };
    size_t row[LONGEST + 1];
    size_t m = strlen(a), n = strlen(b);
    if (m > LONGEST || n > LONGEST)
        return LONGEST;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 1; i <= m; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n; j++) {
            size_t above = row[j];
            size_t best = corner + (a[i - 1] != b[j - 1]);
            best = above + 1 < best ? above + 1 : best;
            row[j] = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            corner = above;
        }
    }
    return row[n];
}

const char *help_nearest(const char *word)
{
    size_t count, nearest = 3;
    const struct verb *table = verb_table(&count);
    const char *found = NULL;
    for (size_t i = 0; i < count; i++) {
        const char *space = strrchr(table[i].name, ' ');
        size_t whole = distance(word, table[i].name);
        size_t second = space == NULL ? whole : distance(word, space + 1);
        size_t far = second < whole ? second : whole;
        if (far < nearest && !table[i].hidden) {
            nearest = far;
            found = table[i].name;
        }
    }
    return found;
}

/* The table itself, for completion and the check of the manual. */
static void print_json(void)
{
    json_t *document = json_document(), *verbs = json_array();
    size_t count;
    const struct verb *table = verb_table(&count);
    for (size_t i = 0; i < count; i++) {
        json_t *options = json_array();
        for (size_t k = 0; k < verb_option_count(&table[i]); k++)
            json_array_append_new(options,
                                  json_pack("{s:s, s:s?, s:s}", "name", table[i].options[k]->name, "value",
                                            table[i].options[k]->value, "help", table[i].options[k]->help));
        json_array_append_new(verbs,
                              json_pack("{s:s, s:s, s:s, s:s, s:b, s:o}", "name", table[i].name, "arguments",
                                        table[i].arguments, "summary", table[i].summary, "page",
                                        table[i].page, "hidden", table[i].hidden, "options", options));
    }
    json_object_set_new(document, "verbs", verbs);
    json_print(stdout, document);
}

enum exit_code verb_help(const struct call *call)
{
    size_t used, group = verb_group(call->args, call->arg_count);
    char text[128];
    if (call_flag(call, "json")) {
        print_json();
        return EXIT_DONE;
    }
    if (call->arg_count == 0) {
        help_overview(stdout, NULL);
        return EXIT_DONE;
    }
    const struct verb *verb = verb_find(call->args, call->arg_count, &used);
    if (verb != NULL)
        help_verb(stdout, verb);
    else if (group == call->arg_count)
        help_overview(stdout, verb_join(call->args, group, text, sizeof text));
    else
        return call_fail(call, EXIT_MISSING, "no verb \"%s\"; `busbar help` lists them",
                         verb_join(call->args, call->arg_count, text, sizeof text));
    return EXIT_DONE;
}
