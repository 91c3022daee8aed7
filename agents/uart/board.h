/* A board and the line that it is behind: who it is (by its HELLO, never by the port's name), what it says,
 * and what it is owed. */
#ifndef AGENTS_UART_BOARD_H
#define AGENTS_UART_BOARD_H

#include "agents/uart/agent.h"

/* Takes a message from a line. Before its HELLO has been accepted, a line's other messages are ignored. */
void board_take(struct agent *agent, struct line *line, const struct link_message *message);

/* The line's link is lost: the board, if one is behind it, is offline. */
void board_lose(struct agent *agent, struct line *line, const char *why);

/* The board on this line that is not enrolled, if there is one, is forgotten. */
void board_forget_stranger(struct line *line);

/* Sends what could not be sent before. */
void board_tick(struct agent *agent, struct board *board);

#endif
