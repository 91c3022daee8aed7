/* The hosted identity `platform.auth`: who has which capability, as agents look it up, from access.json. */
#ifndef BUS_AUTH_SERVICE_H
#define BUS_AUTH_SERVICE_H

#include "bus/hosted.h"

extern const struct hosted_identity PLATFORM_AUTH;

#endif
