/* What is heard on the bus, and what is told of it on the channels of the events. */
#ifndef AGENTS_WEB_API_HEAR_H
#define AGENTS_WEB_API_HEAR_H

#include "agents/web/api/state.h"

/* Subscribes, and asks whoever comes onto the bus for what it knows. BB_FULL, BB_EXISTS. */
BB_MUST_CHECK enum status hear_start(struct api *api);

/* A channel of the events has listeners now, or none any more: `bus` and `log:…` are heard on demand. */
void hear_interest(void *context, const char *channel, bool wanted);

#endif
