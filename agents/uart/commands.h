/* The methods that the agent serves: boards, board.hold, board.release, board.stop, board.override,
 * board.parameter. A command is answered when the boards have acknowledged it, or refused it with their own
 * words. Source: docs/architecture.md, "RPC methods of the uart agents". */
#ifndef AGENTS_UART_COMMANDS_H
#define AGENTS_UART_COMMANDS_H

#include "agents/uart/agent.h"

/* Serves all methods. bb_serve's statuses. */
BB_MUST_CHECK enum status commands_start(struct agent *agent);

#endif
