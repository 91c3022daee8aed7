/* `busbar demo` in parts: verb_demo.c is its course, demo_result.c what it has found out. */
#ifndef AGENTS_CLI_DEMO_H
#define AGENTS_CLI_DEMO_H

#include "agents/cli/call.h"
#include "agents/cli/demo_market.h"
#include "agents/cli/simulation.h"
#include "agents/cli/watch.h"
#include "node-fw/central/optimum.h"

/* What the boards reached, beside what they should. */
struct demo_result {
    const struct scenario *scenario; /* borrowed */
    const char *method, *topology;   /* words */
    const json_t *boards;            /* board objects in the scenario's order; borrowed */
    double seconds;                  /* from the start of the boards to the last certificate */
    double central_kw[BB_BOARDS_MAX];
    struct optimum central;
    struct board_totals totals;
    double max_error_kw; /* of a board from the centralised optimum */
    /* The two methods in the simulator: curves on the demo's graph, incremental-cost where everyone hears
     * everyone. */
    struct sim_report curves, incremental_cost;
    bool curves_done, incremental_cost_done;
};

/* Fills in what follows from scenario, method, topology and boards: totals, optimum, simulations. BB_RANGE
 * with the reason. */
BB_MUST_CHECK enum status demo_result_complete(struct demo_result *result, uint64_t seed,
                                               struct bb_reason *reason);

/* Prints it as one JSON document, with what the market came to. */
void demo_result_json(const struct demo_result *result, const struct demo_market *market);

/* Prints it for people: every board beside the centralised optimum and, where the scenario has them, the
 * published numbers; then the iterations. */
void demo_result_people(const struct demo_result *result);

#endif
