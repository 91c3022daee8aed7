/* The configuration of mqtt-agent, checked as a whole. */
#ifndef AGENTS_MQTT_SETTINGS_H
#define AGENTS_MQTT_SETTINGS_H

#include "agents/mqtt/map.h"
#include "bus/client/config.h"

enum settings_protocol { SETTINGS_MQTT_5, SETTINGS_MQTT_311 };

struct settings {
    char *identity, *address, *home;
    int64_t heartbeat_ms;
    char *host, *client_id, *origin;
    int64_t port;
    int protocol; /* enum settings_protocol */
    char *username, *password_file;
    bool tls;
    char *ca_file, *certificate, *private_key;
    int64_t keepalive_s, session_s, retry_min_ms, retry_max_ms;
    int64_t queue_messages, queue_bytes, payload_max;
    struct setting_list to_mqtt, to_bus;
};

extern const struct config settings_config;

/* What follows from the settings. */
struct bridge_maps {
    struct map to_mqtt[MAPS_MAX], to_bus[MAPS_MAX];
    size_t to_mqtt_count, to_bus_count;
};

/* Reads the maps, refuses those that would go round in circles, and settings that do not go together. Makes
 * the paths of files absolute (relative ones are below the home). BB_MALFORMED, BB_RANGE, BB_NOT_FOUND. */
BB_MUST_CHECK enum status settings_check(struct settings *settings, struct bridge_maps *maps_out,
                                         struct bb_reason *reason);

/* The first line of the password file, malloc'd; "" when there is none. BB_NOT_FOUND, BB_IO, BB_DENIED
 * (others can read it), BB_RANGE (empty, or longer than 1000 bytes). */
BB_MUST_CHECK enum status settings_password(const struct settings *settings, struct bb_reason *reason,
                                            char **out);

#endif
