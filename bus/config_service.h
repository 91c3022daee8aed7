/* The hosted identity `config.store`: the agents' configurations, kept in <home>/config.db, pushed to the
 * agent when it asks for them and when they change. */
#ifndef BUS_CONFIG_SERVICE_H
#define BUS_CONFIG_SERVICE_H

#include "bus/hosted.h"

extern const struct hosted_identity CONFIG_STORE;

#endif
