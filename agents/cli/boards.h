/* The boards as the uart agents know them, asked for. */
#ifndef AGENTS_CLI_BOARDS_H
#define AGENTS_CLI_BOARDS_H

#include "agents/cli/session.h"
#include "agents/views/boards.h"

/* Asks every uart agent that is on the bus (those that the home's site file names; without one,
 * consumer-agent and dg-agent) for its boards: one JSON array, agent after agent, to be decref'd. `peers` is
 * the list of session_peers. EXIT_UNREACHABLE when no such agent is there; failures are told. */
enum exit_code boards_fetch(const struct call *call, struct session *session, const json_t *peers,
                            json_t **out);

/* The same with another method that lists boards. */
enum exit_code boards_ask(const struct call *call, struct session *session, const json_t *peers,
                          const char *method, json_t **out);

/* True when one of those agents is among `peers`. */
bool boards_served(const struct session *session, const json_t *peers);

#endif
