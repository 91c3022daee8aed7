/* A scenario in the simulator: what `dispatch simulate` and the demo's comparison run. */
#ifndef AGENTS_CLI_SIMULATION_H
#define AGENTS_CLI_SIMULATION_H

#include "agents/cli/scenario.h"
#include "node-fw/sim/world.h"

/* How a neighbourhood is linked and what happens to it. */
struct simulation {
    const struct scenario *scenario; /* borrowed */
    const char *topology;            /* a word of topology.h; "links": those of the scenario */
    enum dispatch_method method;
    struct sim_faults faults;
    uint32_t baud;
    uint64_t seed;
    bool keep_series;
    int64_t limit_ms; /* virtual time after which it is given up */
    bool progress;    /* draw it on standard error */
};

/* Opens the world of `s`; *rounded_out tells that a parameter was rounded to six decimals. BB_RANGE with the
 * reason. */
BB_MUST_CHECK enum status simulation_open(const struct simulation *s, struct bb_reason *reason,
                                          bool *rounded_out, struct sim_world **out);

/* Runs it until every board is certified at its optimum (true) or the limit. */
bool simulation_run(const struct simulation *s, struct sim_world *world);

/* Opens, runs and closes: the report alone. BB_TIMEOUT when the limit came first. */
BB_MUST_CHECK enum status simulation_report(const struct simulation *s, struct bb_reason *reason,
                                            struct sim_report *out);

/* The topology a scenario asks for: "links" when its file gives them, else "circulant". */
const char *simulation_topology(const struct scenario *scenario);

#endif
