/* The list of agents that are hosted. */
#ifndef AGENTS_HOST_ROSTER_H
#define AGENTS_HOST_ROSTER_H

#include "agents/host/host.h"

/* Takes an agent of the store, whose bundle and folders are on the disk, into the list; it is not started.
 * BB_FULL; as manifest_read. */
BB_MUST_CHECK enum status roster_add(struct host *host, const struct store_agent *row, struct hosted **out,
                                     struct bb_reason *reason);

/* Takes all agents of the open store into the list; one whose bundle cannot be read is logged and left out.
 * What was cut off earlier is swept away. As store_each_agent. */
BB_MUST_CHECK enum status roster_load(struct host *host, struct bb_reason *reason);

/* Takes a stopped agent out of the list; the disk and the store stay as they are. It stays in memory until
 * roster_bury. */
void roster_drop(struct hosted *agent);

/* Frees those that were taken out. */
void roster_bury(struct host *host);

#endif
