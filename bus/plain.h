/* The sub and pub doors: plain ZeroMQ sockets of scripts. */
#ifndef BUS_PLAIN_H
#define BUS_PLAIN_H

#include "bus/state.h"

/* Takes up to BURST messages from the pub door; the number taken. */
int plain_serve(struct broker *broker);

/* Admits or refuses the subscriptions that wait on the sub door. */
void plain_subscriptions(struct broker *broker);

/* Sends the publish in broker->out to the sub door. */
void plain_publish(struct broker *broker);

/* Shuts the connections of the sub door, so that they subscribe again under the present rules, and forgets
 * what was remembered about publishers. */
void plain_rebind(struct broker *broker);

#endif
