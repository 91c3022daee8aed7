/* busbar market simulate: the contract alone, on actions in a file. Nothing is printed before the last line
 * has been understood: a result that is there is a result of all. */
#include "agents/cli/call.h"
#include "agents/cli/verbs.h"
#include "agents/cli/whatif.h"
#include "agents/cli/whatif_print.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where lines come from: a buffer of a line that is as long as one may be, and a byte more. */
struct source {
    FILE *file;
    const char *name;
    uint64_t line;
    size_t size;
    uint8_t bytes[WHATIF_LINE_MAX + 1];
};

/* Reads the next line without its end; of one that is too long, only as much as shows that. False at the end
 * of the file. */
static bool next_line(struct source *source)
{
    int c;
    source->size = 0;
    while ((c = getc_unlocked(source->file)) != EOF && c != '\n') {
        source->bytes[source->size++] = (uint8_t)c;
        if (source->size > WHATIF_LINE_MAX)
            break;
    }
    source->line += c != EOF || source->size > 0;
    return c != EOF || source->size > 0;
}

static enum exit_code run(const struct call *call, struct source *source, struct whatif *whatif,
                          struct whatif_history *history)
{
    while (next_line(source)) {
        struct bb_reason reason;
        struct whatif_answer answer;
        if (whatif_line(whatif, (struct bytes){source->bytes, source->size}, &reason, &answer) != BB_OK)
            return call_fail(call, EXIT_USAGE, "%s, line %llu: %s; nothing of it, or after it, was applied",
                             source->name, (unsigned long long)source->line, reason.text);
        if (answer.acted)
            whatif_history_add(history, source->line, &answer);
    }
    if (ferror(source->file))
        return call_fail(call, EXIT_FAILED, "%s: %s", source->name, strerror(errno));
    return EXIT_DONE;
}

static enum exit_code simulate(const struct call *call, struct source *source)
{
    struct whatif *whatif;
    if (whatif_open(&whatif) != BB_OK)
        return call_fail(call, EXIT_FAILED, "no memory");
    struct whatif_history history = {0};
    enum exit_code code = run(call, source, whatif, &history);
    if (code == EXIT_DONE && call_flag(call, "json"))
        whatif_print_json(stdout, whatif, &history);
    else if (code == EXIT_DONE)
        whatif_print_tables(whatif, &history);
    whatif_history_free(&history);
    whatif_close(whatif);
    return code;
}

enum exit_code verb_market_simulate(const struct call *call)
{
    const char *path = call->arg_count == 0 ? "-" : call->args[0];
    bool standard = strcmp(path, "-") == 0;
    FILE *file = standard ? stdin : fopen(path, "r");
    if (file == NULL)
        return call_fail(call, errno == ENOENT ? EXIT_MISSING : EXIT_FAILED, "%s: %s", path, strerror(errno));
    struct source *source = calloc(1, sizeof *source);
    enum exit_code code = EXIT_FAILED;
    if (source == NULL) {
        call_fail(call, EXIT_FAILED, "no memory");
    } else {
        source->file = file;
        source->name = standard ? "standard input" : path;
        code = simulate(call, source);
    }
    free(source);
    if (!standard)
        fclose(file);
    return code;
}
