/* The boards as the uart agents know them: board objects of docs/architecture.md. */
#ifndef AGENTS_CLI_BOARDS_H
#define AGENTS_CLI_BOARDS_H

#include "agents/cli/session.h"

#include <stdint.h>

/* Asks every uart agent that is on the bus (those that the home's site file names; without one,
 * consumer-agent and dg-agent) for its boards: one JSON array, agent after agent, to be decref'd. `peers` is
 * the list of session_peers. EXIT_UNREACHABLE when no such agent is there; failures are told. */
enum exit_code boards_fetch(const struct call *call, struct session *session, const json_t *peers,
                            json_t **out);

/* True when one of those agents is among `peers`. */
bool boards_served(const struct session *session, const json_t *peers);

/* What a board object says. Texts are borrowed from it, never NULL; numbers are 0 where it says none. */
struct board_line {
    const char *name, *kind, *agent, *mode, *digest;
    int64_t id, power_mw, setpoint_mw, lambda_micro, mismatch_mw;
    int64_t depth, certified_depth, live, neighbours_live;
    bool online, certified, consumer;
};

/* Reads one board object; false when it is no object or has no name. */
bool boards_line(const json_t *board, struct board_line *out);

/* The neighbourhood as a whole, over the boards that are online. */
struct board_totals {
    size_t boards, online, certified;
    size_t ordered; /* not in mode automatic: their power need not be their set-point */
    int64_t load_mw, generation_mw;
    int64_t lambda_min, lambda_max; /* micro-$/kWh; 0 when no board is online */
    int64_t depth_max, certified_depth_max;
    bool agreed; /* every board is online and certified for the same digest */
};

/* Sums up a JSON array of board objects. */
struct board_totals boards_total(const json_t *boards);

#endif
