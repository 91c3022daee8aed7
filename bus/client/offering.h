/* What a client offers in the directory, and the peers that it sees come and go. */
#ifndef BUS_CLIENT_OFFERING_H
#define BUS_CLIENT_OFFERING_H

#include "bus/client/client_state.h"

/* After each welcome: tells the directory again, and asks who is there. */
void offering_welcome(struct bb_client *c);

/* `add` or `drop` of a peer has come; frames from `wire`. */
void offering_peer(struct bb_client *c, const struct wire *wire);

/* Forgets what is offered. */
void offering_free(struct bb_client *c);

#endif
