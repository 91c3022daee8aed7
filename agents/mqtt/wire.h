/* libmosquitto's calls and callbacks of a link: one client made ready and connected, one message published.
 */
#ifndef AGENTS_MQTT_WIRE_H
#define AGENTS_MQTT_WIRE_H

#include "agents/mqtt/link.h"

/* A new client of the link, connecting; NULL with link->reason. Callbacks set link->phase, link->broken and
 * link->reason, and call the link's events. */
struct mosquitto *wire_connect(struct link *link);

/* Publishes; a libmosquitto error code. */
BB_MUST_CHECK int wire_publish(struct link *link, const struct link_outgoing *message, int *mid_out);

/* Why a call of libmosquitto failed, for people. Borrowed until the next call of anything. */
const char *wire_fault(const struct link *link, int code);

#endif
