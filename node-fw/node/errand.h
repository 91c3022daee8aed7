/* A board with a card: what its host says about the card goes on to the board's supervisor, and what the
 * supervisor says comes back. Pure: the owner carries the errands. */
#ifndef NODE_FW_NODE_ERRAND_H
#define NODE_FW_NODE_ERRAND_H

#include "node-fw/node/node.h"

/* A board that a supervisor keeps, running an image of this version (as HELLO.firmware); not enrolled it
 * takes no place and no commands. Before node_connect. */
void node_supervise(struct node *n, bool enrolled, uint32_t version);

/* The oldest errand: a message of the link for the supervisor, its payload borrowed; false when there is
 * none. And: it is done. They are to be done after each node_feed: more than what one read brings is not
 * kept. */
bool node_errand(const struct node *n, uint8_t *type_out, struct bytes *payload_out);
void node_errand_done(struct node *n);

/* A message of the supervisor for the host: SLOTS, REFUSE or LOG; others, and all while the link is down, are
 * dropped. */
void node_pass(struct node *n, uint8_t type, struct bytes payload, struct mono now);

/* The owner could not deliver an errand of this type: the host is told to say it again. */
void node_errand_failed(struct node *n, uint8_t type, struct mono now);

/* Private to node-fw/node: queues a message of the host for the supervisor, or refuses it when the board has
 * no card. And a refusal, as everywhere. */
void errand_relay(struct node *n, const struct link_message *message, struct mono now);
void errand_refuse(struct node *n, uint8_t code, const char *why, struct mono now);

#endif
