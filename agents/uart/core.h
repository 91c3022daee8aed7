/* The dispatch that the agent runs for a board which only measures and obeys ("dispatch": "agent"): the same
 * core as on the boards, so that frames and results are bit for bit the same. CURVE comes up, SETPOINT goes
 * down. */
#ifndef AGENTS_UART_CORE_H
#define AGENTS_UART_CORE_H

#include "agents/uart/agent.h"

#include <busbar/bytes.h>

/* The board has told its curve and boot counter: starts, or changes the curve at run time. */
void core_take_curve(struct agent *agent, struct board *board, const struct link_curve *curve);

/* The power that the board really applies, mW. */
void core_take_measured(struct board *board, uint32_t power_mw);

/* A neighbour's broadcast. What follows from it waits for core_poll, so that every neighbour has heard one
 * broadcast before any of them answers. */
void core_receive(struct board *board, struct bytes payload);

/* Sends what is due: broadcasts to the bus and the neighbours, the set-point to the board. */
void core_poll(struct agent *agent, struct board *board);

/* The board is gone: the dispatch ends without a word, as when a board loses power. */
void core_stop(struct board *board);

/* When core_poll has something to do; INT64_MAX: never. */
int64_t core_due(const struct board *board);

#endif
