/* Lets agents live as life.h says: starts, signals and waits for processes, looks after their limits every
 * SUPERVISOR_LOOK_MS, and tells what has happened. */
#ifndef AGENTS_HOST_SUPERVISOR_H
#define AGENTS_HOST_SUPERVISOR_H

#include "agents/host/cgroup.h"
#include "agents/host/ears.h"
#include "agents/host/host.h"
#include "agents/host/members.h"

#define SUPERVISOR_LOOK_MS 250

struct supervisor {
    struct host *host;
    struct ears *ears;
    struct members *members;
    struct cgroups cgroups; /* folder −1: none was delegated */
    int timer, soon;        /* of the loop; 0: none */
    unsigned looks;
    int ticks_per_s;
    bool asking; /* the broker was asked for its counts */
};

/* BB_IO, BB_FULL. BB_NOT_FOUND: the cgroup that the settings name is none that was delegated. */
BB_MUST_CHECK enum status supervisor_open(struct host *host, struct bb_reason *reason);

/* Nothing may live any more. Accepts NULL. */
void supervisor_close(struct supervisor *supervisor);

/* Kills what an earlier run has left, and starts what is enabled, in the order of the list. */
void supervisor_boot(struct host *host);

/* Stops everything and then ends the loop. */
void supervisor_end(struct host *host);

/* Takes an event of an agent: steps its life and does what follows. */
void supervisor_take(struct hosted *agent, enum life_event event);

/* limits.c: looks at sizes, every look; at the processor, every second; at messages, every two. */
void supervisor_look_sizes(struct supervisor *supervisor);
void supervisor_look_processor(struct supervisor *supervisor);
void supervisor_look_messages(struct supervisor *supervisor);

#endif
