/* The routes that are the server's own: health, metrics, streams, tickets, and the read-only JSON-RPC of a
 * wallet. */
#ifndef AGENTS_WEB_HOUSE_H
#define AGENTS_WEB_HOUSE_H

#include "agents/web/api.h"
#include "agents/web/events.h"
#include "agents/web/gate.h"
#include "agents/web/server.h"

/* In the order of the documentation; the context of their handlers is the struct house. */
extern const struct route house_routes[];
extern const size_t house_route_count;

/* What the handlers know. Filled by main.c; the server is there from the first request on. */
struct house {
    struct bb_loop *loop;
    struct bb_client *client;
    struct stream_hub *hub;
    struct events *events;
    struct gate *gate;
    struct api *api;
    struct server *server;
    unsigned connections;  /* at most */
    int64_t started_ms;    /* of the monotonic clock */
    int clock;             /* timer */
    struct api_state told; /* by the clock, and when */
    int64_t told_ms;
};

/* Begins to tell the time to every stream, once a second. BB_FULL. */
BB_MUST_CHECK enum status house_open(struct house *house);
void house_close(struct house *house);

#endif
