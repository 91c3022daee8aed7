/* The processes of a demo: which programs, with which arguments. */
#ifndef AGENTS_CLI_DEMO_CREW_H
#define AGENTS_CLI_DEMO_CREW_H

#include "agents/cli/crew.h"
#include "agents/cli/plan.h"

#include <stdbool.h>

/* One virtual cable for each board, paced at `baud`. BB_NOT_FOUND (the program), BB_IO, BB_FULL. */
BB_MUST_CHECK enum status demo_crew_cables(struct crew *crew, const struct plan *plan, int64_t baud,
                                           struct bb_reason *reason);

/* busbard on ipc alone, so that several demos do not meet. Statuses as above. */
BB_MUST_CHECK enum status demo_crew_broker(struct crew *crew, const struct plan *plan,
                                           struct bb_reason *reason);

/* The uart agents that the scenario needs, with their configurations. Statuses as above. */
BB_MUST_CHECK enum status demo_crew_agents(struct crew *crew, const struct plan *plan,
                                           struct bb_reason *reason);

/* busbar-ledgerd on the home's chain. Statuses as above. */
BB_MUST_CHECK enum status demo_crew_ledger(struct crew *crew, const struct plan *plan,
                                           struct bb_reason *reason);

/* The path of busbar-node for ARM: of the build beside this one, or installed. path_out[PATH_MAX].
 * BB_NOT_FOUND, with how to come by it. */
BB_MUST_CHECK enum status demo_crew_firmware(struct bb_reason *reason, char *path_out);

/* The boards: busbar-node of this machine, or `firmware` through the emulator qemu-arm when that is not NULL.
 * Statuses as above. */
BB_MUST_CHECK enum status demo_crew_boards(struct crew *crew, const struct plan *plan, const char *firmware,
                                           struct bb_reason *reason);

/* -- the dashboard, busbar-webd */

#define DEMO_CREW_URL_SIZE 320

/* Whether a demo is to have one: `where` is what --web says (NULL: not given), "none" is no. A demo that ends
 * by itself has one only when it is asked for. */
bool demo_crew_web_wanted(const char *where, bool once);

/* Starts it at `where`, or without it at 127.0.0.1:8087 or the next port that is free. BB_NOT_FOUND (the
 * program), BB_IO, BB_FULL. */
BB_MUST_CHECK enum status demo_crew_web_start(struct crew *crew, const char *where, struct bb_reason *reason);

/* Its address to url_out[DEMO_CREW_URL_SIZE]; false: it does not serve yet. */
bool demo_crew_web_url(const char *home, char *url_out);

#endif
