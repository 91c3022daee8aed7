/* The `pubsub` subsystem of the router. Internal to the core. Source: VIP1 pubsub. */
#ifndef BUS_CORE_PUBSUB_H
#define BUS_CORE_PUBSUB_H

#include "bus/core/router.h"

/* Handles one pubsub message of `peer` to the router. */
enum router_verdict pubsub_receive(struct router *router, const struct router_in *in, uint32_t peer,
                                   struct router_out *out);

/* Sends out->envelope on out->topic by out->sender, a publish that came through the `pub` door, to all peers
 * that want it. */
void pubsub_deliver(struct router *router, struct router_out *out);

#endif
