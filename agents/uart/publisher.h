/* What the agent says on the bus: topics and payloads as docs/architecture.md lays them down. */
#ifndef AGENTS_UART_PUBLISHER_H
#define AGENTS_UART_PUBLISHER_H

#include "agents/uart/agent.h"

#include <busbar/bytes.h>
#include <jansson.h>

/* Publishes `object`, which it takes. */
void publisher_publish(struct agent *agent, const char *topic, json_t *object);

/* What is known of the board: its own STATUS, with the dispatch of the agent in it when the agent runs that.
 */
struct link_status publisher_status(const struct board *board);

/* The board object. `frame`: a broadcast to be passed on byte for byte, or empty. */
json_t *publisher_board_object(const struct agent *agent, const struct board *board, struct bytes frame);

/* Publishes the board object on the board's topic, and the certificate when it has come or gone. */
void publisher_board(struct agent *agent, struct board *board, struct bytes frame);

/* Publishes dispatch/summary/<agent>. */
void publisher_summary(struct agent *agent);

/* Publishes alerts/dispatch/<name> and logs it. */
void publisher_alert(struct agent *agent, const char *name, const char *alert, const char *text);

#endif
