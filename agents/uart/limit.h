/* The most that a board generates or consumes: the method `curves` tells it to the neighbours, so the agent
 * overhears it. With `incremental-cost` it stays the board's own. */
#ifndef AGENTS_UART_LIMIT_H
#define AGENTS_UART_LIMIT_H

#include "agents/uart/agent.h"

/* Takes the limit from a board's own broadcast, when its curve is in it. */
void limit_overhear(struct board *board, struct bytes payload);

#endif
