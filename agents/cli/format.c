#include "agents/cli/format.h"

#include "agents/cli/csv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool asked(const struct call *call, const char *name)
{
    for (size_t i = 0; i < verb_option_count(call->verb); i++)
        if (strcmp(call->verb->options[i]->name, name) == 0)
            return call->values[i] != NULL;
    return false;
}

enum status format_of(const struct call *call, struct bb_reason *reason, enum format *out)
{
    static const char *const names[] = {
        [FORMAT_JSON] = "json", [FORMAT_JSONL] = "jsonl", [FORMAT_CSV] = "csv"};
    enum format found = FORMAT_PEOPLE;
    for (enum format format = FORMAT_JSON; format <= FORMAT_CSV; format++) {
        if (!asked(call, names[format]))
            continue;
        if (found != FORMAT_PEOPLE)
            return call_reason(reason, BB_RANGE, "--%s and --%s exclude each other", names[found],
                               names[format]);
        found = format;
    }
    *out = found;
    return BB_OK;
}

bool format_colour(FILE *to)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");
    return isatty(fileno(to)) && (no_color == NULL || *no_color == '\0') &&
           (term == NULL || strcmp(term, "dumb") != 0);
}

void format_table(enum format format, const struct table *table)
{
    if (format == FORMAT_CSV)
        csv_table(stdout, table);
    else
        table_print(table, stdout, format_colour(stdout));
}

void format_progress(const char *label, size_t done, size_t total, const char *note)
{
    enum { WIDTH = 30 };
    if (!isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\r\033[K%s ", label);
    if (total > 0) {
        size_t full = done * WIDTH / total;
        fputc('[', stderr);
        for (size_t i = 0; i < WIDTH; i++)
            fputc(i < full ? '#' : ' ', stderr);
        fputs("] ", stderr);
    }
    fputs(note, stderr);
    fflush(stderr);
}

void format_progress_end(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}
