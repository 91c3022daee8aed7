/* The boards as machines, as the uart agents know them: node objects of docs/architecture.md. */
#ifndef AGENTS_CLI_NODES_H
#define AGENTS_CLI_NODES_H

#include "agents/cli/format.h"
#include "agents/cli/session.h"

/* Asks every uart agent on the bus for its nodes: one JSON array, to be decref'd. Failures are told:
 * EXIT_UNREACHABLE when no such agent is there. */
enum exit_code nodes_fetch(const struct call *call, struct session *session, json_t **out);

/* The same of one agent, telling nothing; NULL when it does not answer. To be decref'd. */
json_t *nodes_peek(struct session *session, const char *agent);

/* The node with this name, or the one on this port that is not enrolled; NULL: there is none. */
const json_t *nodes_find(const json_t *nodes, const char *name);

/* The text of a member, "" when it is none. Borrowed. */
const char *nodes_text(const json_t *node, const char *member);

/* Tells that no agent on the bus knows a board of this name: EXIT_UNREACHABLE when the site file says who
 * serves it, EXIT_MISSING otherwise. */
enum exit_code nodes_missing(const struct call *call, const struct session *session, const char *name);

/* Finds the node of a name among those of all agents; without one it is nodes_missing. *out to
 * be decref'd. */
enum exit_code nodes_named(const struct call *call, struct session *session, const char *name, json_t **out);

/* Waits so long for answers unless --timeout says otherwise. */
void nodes_be_patient(const struct call *call, struct session *session, uint32_t ms);

/* Lets the loop run for about `ms`; false after Ctrl-C. */
bool nodes_pause(struct session *session, uint32_t ms);

/* Prints nodes as a table or CSV. */
void nodes_print(enum format format, const json_t *nodes);

/* Prints all that is known of one node, for people. */
void nodes_print_one(const json_t *node);

#endif
