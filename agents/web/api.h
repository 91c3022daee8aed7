/* What the server wants of the API behind it (agents/web/api, agents/web/model): its routes, its beginning
 * and its end, and how the bus is. */
#ifndef AGENTS_WEB_API_H
#define AGENTS_WEB_API_H

#include "agents/web/exchange.h"
#include "agents/web/model/overview.h"
#include "agents/web/stream.h"

#include <busbar/client.h>

struct api;

/* The routes, in the order of the documentation; the context of their handlers is the struct api. */
extern const struct route api_routes[];
extern const size_t api_route_count;

struct api_options {
    struct bb_loop *loop;
    struct bb_client *client;
    struct stream_hub *hub;
    const char *home; /* the installation; borrowed, as are the others */
    bool simulated;   /* of a demo */
};

/* Subscribes to what the dashboard shows. BB_FULL. */
BB_MUST_CHECK enum status api_open(const struct api_options *options, struct api **out);

/* To be called when the client has been closed, which answers the questions that were open. Accepts NULL. */
void api_close(struct api *api);

/* Whether the broker is connected, and whether the ledger is on the bus. */
struct api_state {
    bool bus, ledger;
};
struct api_state api_state(const struct api *api);

/* The neighbourhood in a dozen numbers, for the metrics. */
struct overview api_overview(const struct api *api);

#endif
