/* busbar: the command line, an agent run by hand. Finds the verb in the table, parses its words, runs it. */
#include "agents/cli/call.h"
#include "agents/cli/help.h"
#include "agents/cli/surroundings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static enum exit_code no_verb(const char *const *words, size_t count)
{
    size_t used = verb_group(words, count);
    char text[128];
    if (used > 0) {
        if (count > used)
            fprintf(stderr, "busbar: no verb \"%s\"\n", verb_join(words, used + 1, text, sizeof text));
        help_overview(stderr, verb_join(words, used, text, sizeof text));
        return EXIT_USAGE;
    }
    if (*words[0] == '-') {
        fprintf(stderr, "busbar: %s stands before the verb; options come after it: busbar VERB %s …\n",
                words[0], words[0]);
        return EXIT_USAGE;
    }
    const char *nearest = help_nearest(words[0]);
    fprintf(stderr, "busbar: no verb \"%s\"", words[0]);
    if (nearest != NULL)
        fprintf(stderr, "; did you mean: busbar %s", nearest);
    fputs("\n`busbar help` lists them.\n", stderr);
    return EXIT_USAGE;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* What can stand in place of a verb: nothing, --help (also of a noun), --version. True when that was it. */
static bool run_without_verb(const char *const *words, size_t count, enum exit_code *out)
{
    *out = EXIT_DONE;
    if (count == 0) {
        help_overview(stderr, NULL);
        *out = EXIT_USAGE;
        return true;
    }
    if (strcmp(words[0], "--version") == 0) {
        puts("busbar " BUSBAR_VERSION);
        return true;
    }
    size_t used = verb_group(words, count);
    char text[128];
    if (count == used + 1 && asks_for_help(words[used])) {
        help_overview(stdout, used > 0 ? verb_join(words, used, text, sizeof text) : NULL);
        return true;
    }
    return false;
}

static enum exit_code run(const char *const *words, size_t count)
{
    enum exit_code code;
    if (run_without_verb(words, count, &code))
        return code;
    size_t used = 0;
    const struct verb *verb = verb_find(words, count, &used);
    if (verb == NULL)
        return no_verb(words, count);
    struct call call = {.verb = verb};
    struct bb_reason reason;
    bool help = false;
    if (call_parse(verb, words + used, count - used, &reason, &help, &call) != BB_OK)
        return call_fail(&call, EXIT_USAGE, "%s", reason.text);
    if (help) {
        help_verb(stdout, verb);
        return EXIT_DONE;
    }
    return verb->run(&call);
}

int main(int argc, char **argv)
{
    struct bb_reason reason = {""};
    if (surroundings_load(&reason) != BB_OK) {
        fprintf(stderr, "busbar: %s\n", reason.text);
        return EXIT_USAGE;
    }
    enum exit_code code = run((const char *const *)argv + 1, argc < 1 ? 0 : (size_t)argc - 1);
    bool lost = ferror(stdout) != 0; /* by a verb that has flushed before: the reason is no longer known */
    if ((fflush(stdout) != 0 || lost) && code == EXIT_DONE) {
        fprintf(stderr, "busbar: standard output: %s\n", lost ? "not all could be written" : strerror(errno));
        code = EXIT_FAILED;
    }
    return code;
}
