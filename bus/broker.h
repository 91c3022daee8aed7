/* The broker: three doors, the router core between them, and one loop. */
#ifndef BUS_BROKER_H
#define BUS_BROKER_H

#include "bus/settings.h"

struct broker;

/* Opens everything: locks the home, reads the keys and rules, binds the doors. BB_EXISTS: another busbard
 * runs on this home, or an address is in use. BB_NOT_FOUND: no keys. BB_DENIED: no security on an endpoint
 * that others can reach. Others as the parts say. */
BB_MUST_CHECK enum status broker_open(const struct settings *settings, struct broker **out,
                                      struct bb_reason *reason);

/* Routes until SIGTERM or SIGINT; SIGHUP reads access.json again. */
void broker_run(struct broker *broker);

/* Closes the doors and removes their files. Accepts NULL. */
void broker_close(struct broker *broker);

#endif
