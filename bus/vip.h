/* The vip door: VIP1 frames through the router core. */
#ifndef BUS_VIP_H
#define BUS_VIP_H

#include "bus/state.h"

/* Opens the door, the broker's keys being loaded, and writes its address file. */
BB_MUST_CHECK enum status vip_open(struct broker *broker, struct bb_reason *reason);

/* Closes it and removes its files. Accepts a broker whose door is not open. */
void vip_close(struct broker *broker);

/* Takes what came through the door, and sends what waits as far as that goes. */
void vip_serve(struct broker *broker);

/* Drops and announces peers that left; settles who has an identity that two connections want; closes what is
 * over; once in a while pings peers that were not heard. */
void vip_tidy(struct broker *broker);

/* Puts new rules in force: peers whose identity is not granted any more are shut, subscriptions that are not
 * granted any more end. The number of peers shut. */
uint32_t vip_rebind(struct broker *broker);

#endif
