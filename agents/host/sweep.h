/* What installations and removals that were cut off have left. */
#ifndef AGENTS_HOST_SWEEP_H
#define AGENTS_HOST_SWEEP_H

#include "agents/host/host.h"

/* Removes bundles that no agent in the list has, whole or half unpacked. What cannot be removed stays. */
void sweep_bundles(const struct host *host);

/* Takes back the grants, and removes the home and configuration, of agents' folders that no agent in the list
 * has: an installation that was cut off before it was in the store. State and log stay. */
void sweep_homes(const struct host *host);

#endif
