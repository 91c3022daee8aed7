/* Whole emulated boards for `busbar demo --boards full`: one is started from its card in QEMU and its state
 * kept; all of them go on from there, and get their settings over the link, as boards from the shop would. */
#ifndef AGENTS_CLI_DEMO_WHOLE_H
#define AGENTS_CLI_DEMO_WHOLE_H

#include "agents/cli/crew.h"
#include "agents/cli/plan.h"

#include <busbar/client.h>
#include <busbar/loop.h>
#include <jansson.h>

struct whole {
    struct crew *crew;
    const struct plan *plan;
    struct bb_loop *loop;
    const char *firmware; /* busbar-node for ARM; borrowed */
    int64_t deadline_ms;  /* bb_loop_mono_ms */
    bool quiet;           /* no word about how far it is */
    struct bb_reason *reason;
};

/* Makes the card <home>/boards/whole.img, starts one board from it, and keeps its state in whole.state when
 * it says HELLO. BB_NOT_FOUND (a program), BB_CLOSED (one has failed), BB_TIMEOUT, BB_INTERRUPTED, BB_RANGE
 * (the home's name), BB_FULL (too little memory for all boards), BB_IO. */
BB_MUST_CHECK enum status demo_whole_boot(const struct whole *w);

/* Starts a board from that state at each cable. BB_IO, BB_FULL, BB_NOT_FOUND. */
BB_MUST_CHECK enum status demo_whole_start(const struct whole *w);

/* Gives every board its own file over the link: node.enroll of the agents, all at once, again until each has
 * said yes or is online, as `boards` tells: board objects in the plan's order, kept up to date while the loop
 * runs. An answer may get lost on a slow machine, what it was about does not. Statuses as above. */
BB_MUST_CHECK enum status demo_whole_enroll(const struct whole *w, struct bb_client *client,
                                            const json_t *boards);

#endif
