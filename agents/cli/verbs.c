#include "agents/cli/verbs.h"

#define LIST(...) ((const struct option *const[]){__VA_ARGS__, NULL})

static const struct option json = {"json", NULL, NULL, NULL, "print one JSON document"};
static const struct option csv = {"csv", NULL, NULL, NULL,
                                  "print comma-separated values, units in the header"};

static const struct verb table[] = {
    {"dispatch solve", "FILE", 1, 1, "compute the centralised optimum of a neighbourhood in a file",
     "FILE is JSON, - is standard input; busbar-dispatch(1) tells its format.", LIST(&json, &csv),
     "busbar-dispatch(1)", verb_dispatch_solve, false},
    {"help", "[VERB]", 0, 2, "tell what a verb does and its options", NULL, LIST(&json), "busbar(1)",
     verb_help, false},
    {"completion", "bash|zsh|fish", 1, 1, "print the completion script of a shell",
     "bash: source <(busbar completion bash)\n"
     "zsh:  source <(busbar completion zsh)\n"
     "fish: busbar completion fish | source",
     NULL, "busbar(1)", verb_completion, false},
    {"__complete", "[WORD…]", 0, VERB_ARGS_MAX, "what can follow, for completion scripts", NULL, NULL,
     "busbar(1)", verb_complete, true},
};

const struct verb *verb_table(size_t *count_out)
{
    *count_out = sizeof table / sizeof *table;
    return table;
}
