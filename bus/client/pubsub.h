/* Publish and subscribe of a client. */
#ifndef BUS_CLIENT_PUBSUB_H
#define BUS_CLIENT_PUBSUB_H

#include "bus/client/client_state.h"

/* After each welcome: synchronises twice, then sends what was queued. */
void pubsub_welcome(struct bb_client *c);

/* A delivery, an acknowledgement or a refusal has come; frames from `wire`, arguments start at frame 5. */
void pubsub_receive(struct bb_client *c, const struct wire *wire);
void pubsub_refuse(struct bb_client *c, const struct wire *wire);

/* Forgets the queue and the subscriptions. */
void pubsub_free(struct bb_client *c);

#endif
