/* The hosted identity `busbar.broker`: what the broker knows about its peers and topics, and the last message
 * of each topic. A caller sees its own row of the peers, all of them with the capability `watch` or `admin`,
 * and of the topics those that it may subscribe. */
#ifndef BUS_BROKER_SERVICE_H
#define BUS_BROKER_SERVICE_H

#include "bus/hosted.h"

extern const struct hosted_identity BUSBAR_BROKER;

#endif
