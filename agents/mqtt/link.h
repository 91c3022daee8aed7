/* The connection to the MQTT broker: libmosquitto driven by the loop, connecting again by itself with a
 * growing pause. Every attempt is a fresh libmosquitto client, so that what is under way is held here in one
 * place only, by whoever called link_publish. */
#ifndef AGENTS_MQTT_LINK_H
#define AGENTS_MQTT_LINK_H

#include "agents/mqtt/map.h"
#include "agents/mqtt/probe.h"

#include <mosquitto.h>

/* Messages under way that libmosquitto is given at most. */
#define LINK_WINDOW 100

/* Texts are borrowed for the life of the link; "" when not wanted. */
struct link_settings {
    const char *host, *client_id, *username, *password;
    const char *ca_file, *certificate, *private_key; /* ca_file "": the system's */
    int port;
    bool tls, v5;
    int keepalive_s;
    uint32_t session_s; /* how long the broker keeps the session; 0: not at all */
    uint32_t retry_min_ms, retry_max_ms;
    uint32_t packet_max;
    const struct map *maps; /* to the bus: what to subscribe to */
    size_t map_count;
};

/* A message from the broker, borrowed for the call; topic and origin are NUL-terminated. */
struct link_message {
    const char *topic;
    struct bytes payload;
    bool retained;
    const char *origin; /* the user property LINK_ORIGIN; NULL: none */
};

/* A message for the broker. Topics have passed topic_check_mqtt. */
struct link_outgoing {
    const char *topic;
    struct bytes payload;
    int qos;
    bool retain;
    const char *origin, *sender; /* become user properties, with MQTT 5 */
};

/* The user properties: the bus that a message comes from, and its sender there. */
#define LINK_ORIGIN "busbar-origin"
#define LINK_SENDER "busbar-sender"

struct link_events {
    void *context;
    void (*on_up)(void *context);
    void (*on_down)(void *context);
    void (*on_message)(void *context, const struct link_message *message);
    /* Written (QoS 0) or acknowledged (QoS 1); `refused`: the broker's words, else NULL. */
    void (*on_published)(void *context, int mid, const char *refused);
    /* After each of the above, when libmosquitto may be called again. */
    void (*on_turn)(void *context);
};

enum link_phase { LINK_WAITING, LINK_PROBING, LINK_CONNECTING, LINK_UP };

struct link {
    struct bb_loop *loop;
    struct link_settings settings;
    struct link_events events;
    enum link_phase phase;
    struct mosquitto *client; /* NULL while waiting or probing */
    struct probe probe;
    int fd, tick, retry, resume; /* the watched socket, -1: none; timers, 0: none */
    bool watching_output, broken, paused;
    unsigned attempts; /* in a row without success */
    int64_t deadline_ms, told_ms;
    int subscriptions[MAPS_MAX]; /* message ids */
    struct bb_reason reason, told;
    uint64_t connections;
};

/* The pause before attempt `attempts` + 1: doubling from min to max, and up to a quarter less by `noise`, so
 * that many do not come back at once. Pure. */
uint32_t link_pause_ms(unsigned attempts, uint32_t min_ms, uint32_t max_ms, uint32_t noise);

/* Begins to connect. BB_FULL: the loop has no timer left. */
BB_MUST_CHECK enum status link_open(struct link *link, struct bb_loop *loop,
                                    const struct link_settings *settings, const struct link_events *events);

/* Says goodbye and closes. The session stays as long as was asked for. */
void link_close(struct link *link);

/* Hands a message over; *mid_out names it in on_published, which may come before this returns.
 * BB_UNREACHABLE: not up. BB_RANGE: the broker does not take such a message; link->reason says why. */
BB_MUST_CHECK enum status link_publish(struct link *link, const struct link_outgoing *message, int *mid_out);

/* Stops reading, and connecting, and goes on again. Few messages may still come. */
void link_hold(struct link *link, bool hold);

#endif
