/* GET /api/v1/events: a client of the hub as a stream of events; the clock that every stream gets. */
#ifndef AGENTS_WEB_EVENTS_H
#define AGENTS_WEB_EVENTS_H

#include "agents/web/exchange.h"
#include "agents/web/stream.h"

#include <busbar/loop.h>

struct events;

/* Takes care of the hub's flushes in the loop. BB_FULL. */
BB_MUST_CHECK enum status events_open(struct bb_loop *loop, struct stream_hub *hub, struct events **out);
void events_close(struct events *events);

/* The route's handler. */
void events_handle(struct events *events, struct exchange *exchange);

#endif
