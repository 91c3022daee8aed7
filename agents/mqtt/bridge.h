/* Between the bus and MQTT: takes from one side, marks, queues, gives to the other, and counts.
 *
 * To MQTT: messages wait in one queue for each QoS, of bounded number and bytes. When one is full the oldest
 * goes and is counted: telemetry is worth most when it is new. QoS 1 stays in its queue until the MQTT broker
 * has acknowledged it, whatever happens to the connection. To the bus: a message stays in its queue until the
 * bus has acknowledged it; while that queue is full the agent does not read from MQTT, so that the MQTT
 * broker keeps what comes. Nothing goes back: what came from MQTT carries PAYLOAD_MARK on the bus and is not
 * given to MQTT again by any agent; what came from this bus carries LINK_ORIGIN on MQTT and is not taken from
 * there again. */
#ifndef AGENTS_MQTT_BRIDGE_H
#define AGENTS_MQTT_BRIDGE_H

#include "agents/mqtt/link.h"
#include "agents/mqtt/payload.h"
#include "agents/mqtt/queue.h"
#include "agents/mqtt/settings.h"

#include <busbar/client.h>

/* Of one direction. */
struct bridge_counts {
    uint64_t taken;    /* accepted, to be carried */
    uint64_t done;     /* written (QoS 0) or acknowledged (QoS 1, the bus) */
    uint64_t dropped;  /* fell out of a full queue */
    uint64_t refused;  /* a topic, size or form that the other side cannot have, or a refusal of its broker */
    uint64_t returned; /* came from the other side, stays here */
    uint64_t skipped;  /* kept by the MQTT broker, and the map is fresh; or no map takes it */
};

struct bridge {
    struct bb_loop *loop;
    struct bb_client *client;
    const struct settings *settings; /* borrowed */
    struct bridge_maps maps;
    struct link link;
    char *origin, *client_id;
    struct queue waiting[2]; /* to MQTT, by QoS: struct parcel */
    struct queue incoming;   /* to the bus: struct arrival */
    uint64_t connection;     /* of the bus, that the first `incoming.sent` went over */
    int timer;               /* 0: none */
    struct bridge_counts to_mqtt, to_bus;
    uint64_t map_taken[2][MAPS_MAX]; /* by enum map_way */
    int64_t complained_ms;
};

/* Subscribes on the bus and begins to connect to MQTT. `origin` and `password` are borrowed for its life. */
BB_MUST_CHECK enum status bridge_open(struct bridge *bridge, struct bb_loop *loop, struct bb_client *client,
                                      const struct settings *settings, const char *password,
                                      struct bb_reason *reason);

/* Waits at most `wait_ms` for what is under way, then closes; what is left is logged as lost. */
void bridge_close(struct bridge *bridge, uint32_t wait_ms);

/* Takes a message of the bus (bridge_out.c). */
void bridge_take(struct bridge *bridge, const struct payload_source *from);

/* Hands over to MQTT what may go. */
void bridge_pump(struct bridge *bridge);

/* Takes a message of MQTT (bridge_in.c). */
void bridge_receive(struct bridge *bridge, const struct link_message *message);

/* Hands over to the bus what may go, and lets go of what has arrived. */
void bridge_settle(struct bridge *bridge);

/* One line in the log, at most every ten seconds, about a message that cannot be carried. */
void bridge_complain(struct bridge *bridge, const char *side, const char *topic, const char *why);

/* Its state as JSON, malloc'd: the answer of the RPC `status` (bridge_status.c). */
char *bridge_status(const struct bridge *bridge);

#endif
