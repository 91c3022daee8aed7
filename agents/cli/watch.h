/* The boards of a demo as the bus tells of them. */
#ifndef AGENTS_CLI_WATCH_H
#define AGENTS_CLI_WATCH_H

#include "agents/cli/boards.h"
#include "agents/cli/scenario.h"

struct watch {
    const struct scenario *scenario; /* borrowed */
    json_t *boards;                  /* the last board object of each node, in its order; null: none yet */
};

/* Starts with nothing known. */
void watch_open(struct watch *watch, const struct scenario *scenario);

/* Frees what is known. */
void watch_close(struct watch *watch);

/* Takes a message of a topic Data/…; what is no board object of the scenario is ignored. */
void watch_take(struct watch *watch, const char *message);

/* True when every board is online and certified, for the same digest, with every other one alive. */
bool watch_certified(const struct watch *watch);

#endif
