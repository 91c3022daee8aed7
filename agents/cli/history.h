/* What the verbs of the historian share: times as it takes them, pages of readings, values exactly as they
 * are kept. */
#ifndef AGENTS_CLI_HISTORY_H
#define AGENTS_CLI_HISTORY_H

#include "agents/cli/session.h"

#include <stdio.h>

#define HISTORY_TIME_MAX 64

/* An option's time as the historian takes it: an ISO 8601 time as it stands; seconds since 1970, -15m or now
 * made into one. time_out[HISTORY_TIME_MAX]; false with the reason. */
bool history_time(const char *what, const char *text, struct bb_reason *reason, char *time_out);

/* Who is asked: --historian, else "historian". */
const char *history_peer(const struct call *call);

/* Calls a method of the historian, which answers with an object or a list. */
enum exit_code history_call(const struct call *call, struct session *session, const char *method,
                            const json_t *params, json_t **out);

/* Takes one [time, value]; false: standard output does not take it. */
typedef bool history_row(void *context, const char *time, const json_t *value);

/* Reads a series page by page: `params` is what `query` takes (its start or end goes on with each page), at
 * most `count` values. *known_out: there is such a series. *meta_out, when not NULL, gets what is said of it.
 */
enum exit_code history_read(const struct call *call, struct session *session, json_t *params, int64_t count,
                            history_row *take, void *context, bool *known_out, json_t **meta_out);

/* Writes a value as JSON, with the fewest digits that read back as the same. */
void history_value(FILE *to, const json_t *value);

/* The same for a cell: a text stands without quotes. malloc'd. */
char *history_cell(const json_t *value);

#endif
