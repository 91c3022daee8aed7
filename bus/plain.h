/* The sub and pub doors: plain ZeroMQ sockets of scripts. */
#ifndef BUS_PLAIN_H
#define BUS_PLAIN_H

#include "bus/state.h"

/* Takes up to BURST messages from the pub door; the number taken. */
int plain_serve(struct broker *broker);

/* Admits or refuses the subscriptions that wait on the sub door. */
void plain_subscriptions(struct broker *broker);

/* The publish in broker->out was sent to the peers: counts and keeps it, and sends it to the sub door. */
void plain_published(struct broker *broker);

/* Puts the rules in force to what was granted under `old` ones: shuts connections of the sub door whose key
 * may hear less than before, or asked for what it may hear now, so that they subscribe again; forgets what
 * was remembered about publishers. The number shut. */
uint32_t plain_rebind(struct broker *broker, const struct access *old);

/* Reads the monitors of the plain doors: which connections there are. */
void plain_watch(struct broker *broker);

#endif
