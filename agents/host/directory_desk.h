/* The directory on the bus: filled by calls, emptied when peers leave, its changes published. */
#ifndef AGENTS_HOST_DIRECTORY_DESK_H
#define AGENTS_HOST_DIRECTORY_DESK_H

#include "agents/host/host.h"

/* Sets host->directory and watches who comes and goes. BB_EXISTS: somebody else watches. */
BB_MUST_CHECK enum status directory_desk_open(struct host *host);

/* Before the client is closed, or after it. */
void directory_desk_close(struct host *host);

#endif
