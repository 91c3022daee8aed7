/* The hosted identity `config.store`: the agents' configurations, kept in <home>/config.db, pushed to the
 * agent when it asks for them and when they change. */
#ifndef BUS_CONFIG_SERVICE_H
#define BUS_CONFIG_SERVICE_H

#include "bus/hosted.h"

extern const struct hosted_identity CONFIG_STORE;

/* The same store as `platform.config_store`, with the methods of VOLTTRON 10: an agent's own configurations
 * go without its identity, and callbacks are triggered only when that is asked for. After CONFIG_STORE. */
extern const struct hosted_identity CONFIG_STORE_10;

#endif
