/* Carrying broadcasts: what a board says goes to the bus once, and down to every served board that has it as
 * a neighbour; what other agents' boards say comes from the bus. A board of this agent reaches its neighbours
 * of this agent directly; the copy that comes back from the broker is not used, so that each gets it exactly
 * once. */
#ifndef AGENTS_UART_CARRIER_H
#define AGENTS_UART_CARRIER_H

#include "agents/uart/agent.h"

#include <busbar/bytes.h>

/* Subscribes to the topics of neighbours that other agents serve. bb_subscribe's statuses. */
BB_MUST_CHECK enum status carrier_start(struct agent *agent);

/* Hands a broadcast of board `source` to every served board that is its neighbour: down the line, or to the
 * dispatch that the agent runs for it. */
void carrier_spread(struct agent *agent, uint16_t source, struct bytes payload);

#endif
