/* The hosted identity `platform.auth`: who has which capability, as agents look it up, from access.json; and
 * changes of that file by peers who may. */
#ifndef BUS_AUTH_SERVICE_H
#define BUS_AUTH_SERVICE_H

#include "bus/hosted.h"

/* What its methods get as context. */
struct auth_service {
    struct broker *broker;
    struct hosted *hosted;
    json_t *askers; /* identities that have looked the capabilities up: they are told when these change */
    uint64_t told;  /* what they were told last */
};

extern const struct hosted_identity PLATFORM_AUTH;

#endif
