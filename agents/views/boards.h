/* What the uart agents' board objects say, summed up. Source: docs/architecture.md, "Topics and payloads". */
#ifndef AGENTS_VIEWS_BOARDS_H
#define AGENTS_VIEWS_BOARDS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The identities of the uart agents that a site file (parsed; NULL: there is none) names, as the keys of an
 * object, each once; consumer-agent and dg-agent when it names none. To be decref'd. */
json_t *boards_agents(const json_t *site);

/* What a board object says. Texts are borrowed from it, never NULL; numbers are 0 where it says none. */
struct board_line {
    const char *name, *kind, *agent, *mode, *digest;
    int64_t id, power_mw, setpoint_mw, lambda_micro, mismatch_mw;
    int64_t depth, certified_depth, live, neighbours_live, exchange, incarnation;
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

/* The agents that serve the board `name`, or, with "all", any of the boards: the keys of an object, to be
 * decref'd. */
json_t *boards_serving(const json_t *boards, const char *name);

#endif
