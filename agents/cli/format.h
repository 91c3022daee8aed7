/* How a verb's answer leaves: for people, as JSON or as CSV; and what a terminal can take. */
#ifndef AGENTS_CLI_FORMAT_H
#define AGENTS_CLI_FORMAT_H

#include "agents/cli/call.h"
#include "agents/cli/table.h"

#include <stdbool.h>
#include <stdio.h>

enum format { FORMAT_PEOPLE, FORMAT_JSON, FORMAT_JSONL, FORMAT_CSV };

/* What --json, --jsonl and --csv ask for, of those that the verb has. BB_RANGE when two of them are given. */
BB_MUST_CHECK enum status format_of(const struct call *call, struct bb_reason *reason, enum format *out);

/* True when colour may go to `to`: a terminal, NO_COLOR unset or empty, TERM not "dumb". Source:
 * no-color.org. */
bool format_colour(FILE *to);

/* Prints the table for people or as CSV. */
void format_table(enum format format, const struct table *table);

/* Draws "label [####    ] note" over the present line of standard error, only on a terminal. done ≤ total,
 * total 0: no bar. */
void format_progress(const char *label, size_t done, size_t total, const char *note);

/* Clears that line. */
void format_progress_end(void);

#endif
