/* The agents that busbar-agentd hosts, asked for and told about. Source: docs/platform.md, "Calls to agentd".
 */
#ifndef AGENTS_CLI_AGENTD_H
#define AGENTS_CLI_AGENTD_H

#include "agents/cli/format.h"
#include "agents/cli/session.h"

#define AGENTD "agentd"

/* Calls `method` of agentd with params (taken; NULL: none). Failures are told: EXIT_UNREACHABLE with what to
 * do when agentd does not run, EXIT_REFUSED when it refuses. */
enum exit_code agentd_call(const struct call *call, struct session *session, const char *method,
                           json_t *params, json_t **result_out);

/* The same with a session of its own. */
enum exit_code agentd_ask(const struct call *call, const char *method, json_t *params, json_t **result_out);

/* The same for what takes its time, as an agent's end does: 120 s without --timeout. */
enum exit_code agentd_act(const struct call *call, const char *method, json_t *params, json_t **result_out);

/* Has the session wait so long for its answers. */
void agentd_be_patient(const struct call *call, struct session *session);

/* Prints the AGENT of a result (taken) with a word about what was done, or the result as JSON. */
void agentd_print(const struct call *call, json_t *result);

/* Prints a list of AGENTs. */
void agentd_print_list(enum format format, const json_t *agents);

/* Prints a document whose members are those of `result` (taken). */
void agentd_print_json(json_t *result);

/* A member of an object as people may see it on their terminal: nothing when it is no text. text[320];
 * returned. */
char *agentd_text(const json_t *object, const char *member, char *text);

/* Whether the user agrees: with --yes, or a `y` on the terminal to `question`. EXIT_USAGE: there is no
 * terminal; EXIT_REFUSED: no. Both have been told. */
enum exit_code agentd_agree(const struct call *call, const char *question);

#endif
