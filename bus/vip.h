/* The vip door: VIP1 frames through the router core. */
#ifndef BUS_VIP_H
#define BUS_VIP_H

#include "bus/state.h"

/* Takes up to BURST messages from the vip door; the number taken. */
int vip_serve(struct broker *broker);

/* Reads the monitors of all doors. Peers whose connection went are marked as leaving. */
void vip_watch(struct broker *broker);

/* Drops and announces peers that left; shuts connections that hold a routing id in silence; once in a while
 * pings peers that were not heard, which finds those that cannot be reached. True if something
 * was sent. */
bool vip_tidy(struct broker *broker);

/* Puts new rules in force: peers whose identity is not granted any more are shut, subscriptions that are not
 * granted any more end. The number of peers shut. */
uint32_t vip_rebind(struct broker *broker);

#endif
