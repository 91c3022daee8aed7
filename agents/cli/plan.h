/* A scenario as the home of a demo: the site file, a file for each board, a cable for each. */
#ifndef AGENTS_CLI_PLAN_H
#define AGENTS_CLI_PLAN_H

#include "agents/cli/scenario.h"

struct plan {
    const struct scenario *scenario; /* borrowed */
    const char *home;                /* made by home_make; borrowed */
    const char *method;              /* "curves" or "incremental-cost" */
    const char *topology;            /* a word of topology.h */
    uint64_t seed;                   /* of small-world and random */
    int slowness;                    /* factor by which the boards' times are longer; 0: 1 */
};

/* The agent that serves boards of this kind. */
const char *plan_agent(enum curve_kind kind);

/* True when the scenario has a board of this kind. */
bool plan_serves(const struct plan *plan, enum curve_kind kind);

/* Writes the two ends of board `index`'s cable, the agent's and the board's: paths below the home, each
 * out[128]. */
void plan_cable(const struct plan *plan, size_t index, char *agent_out, char *board_out);

/* The site file's document, to be decref'd. BB_RANGE with the reason: the graph does not exist for so many
 * boards. */
BB_MUST_CHECK enum status plan_site(const struct plan *plan, struct bb_reason *reason, json_t **out);

/* Writes site.json, boards/<name>.board and a configuration for each agent. *rounded_out as scenario_curve.
 * BB_RANGE, BB_IO. */
BB_MUST_CHECK enum status plan_write(const struct plan *plan, struct bb_reason *reason, bool *rounded_out);

#endif
