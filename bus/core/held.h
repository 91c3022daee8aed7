/* Publishes to some topics are held: checked when they come, delivered and acknowledged when the process has
 * made them durable, or refused when it could not. Part of the router. */
#ifndef BUS_CORE_HELD_H
#define BUS_CORE_HELD_H

#include "bus/core/router.h"

/* From now on publishes below `prefix` (borrowed; at most ROUTER_HELD_MAX of them) are held. */
void held_add(struct router *router, struct bytes prefix);

/* True when publishes to `topic` are held. */
bool held_topic(const struct router *router, struct bytes topic);

/* Delivers and acknowledges a publish of the vip door that was held. Its sender may have left by now. */
void held_resume(struct router *router, const struct router_in *in, struct router_out *out);

/* Delivers a publish of the `pub` door that was held, in the name of `sender` (borrowed). */
void held_deliver(struct router *router, struct bytes topic, struct bytes json, struct bytes sender,
                  struct router_out *out);

/* Refuses a publish of the vip door that was held: VIP's error `number`, and why. Both borrowed. */
void held_refuse(struct router *router, const struct router_in *in, const char *number, struct bytes why,
                 struct router_out *out);

#endif
