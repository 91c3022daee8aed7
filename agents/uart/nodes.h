/* The boards as machines on the bus: nodes, node.update, node.reset, node.configure, node.enroll, node.log.
 * Source: docs/architecture.md, "Boards as machines". */
#ifndef AGENTS_UART_NODES_H
#define AGENTS_UART_NODES_H

#include "agents/uart/agent.h"

#include <jansson.h>

/* Serves the methods. */
BB_MUST_CHECK enum status nodes_start(struct agent *agent);

/* A node object; `port` is where the board is, or was last. `status` is the last one of a board of the site;
 * NULL for none. */
json_t *nodes_object(const struct agent *agent, const struct machine *m, const char *port,
                     const struct link_status *status);

/* The node objects of all boards that the agent serves, and of those on its ports that are not enrolled. */
json_t *nodes_list(const struct agent *agent);

#endif
