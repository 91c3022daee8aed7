/* The boards of a demo as the bus tells of them. */
#ifndef AGENTS_CLI_WATCH_H
#define AGENTS_CLI_WATCH_H

#include "agents/cli/boards.h"
#include "agents/cli/scenario.h"

struct watch {
    const struct scenario *scenario; /* borrowed */
    bool curves;                     /* the method: curves, else incremental-cost */
    json_t *boards;                  /* the last board object of each node, in its order; null: none yet */
};

/* Starts with nothing known of boards that run `curves` or incremental-cost. */
void watch_open(struct watch *watch, const struct scenario *scenario, bool curves);

/* Frees what is known. */
void watch_close(struct watch *watch);

/* Takes a message of a topic Data/…; what is no board object of the scenario is ignored. */
void watch_take(struct watch *watch, const char *message);

/* True when every board is online and certified, and they mean the same: with `curves` for one digest and
 * with every other board alive; with incremental-cost, where a board knows its neighbours alone, with prices
 * within 0.001 $/kWh of each other and load and generation within 0.05 kW. */
bool watch_certified(const struct watch *watch);

#endif
