/* modbus-agent: its devices, their lines, who has reserved what, and the two names under which it answers.
 * Everything here runs in the loop's thread. */
#ifndef AGENTS_MODBUS_AGENT_H
#define AGENTS_MODBUS_AGENT_H

#include "agents/modbus/device.h"
#include "agents/modbus/line.h"
#include "agents/modbus/schedule.h"
#include "agents/modbus/settings.h"

#include <busbar/client.h>
#include <jansson.h>

struct absent;

struct agent_options {
    const char *identity, *actuator; /* actuator: a second name; "" for none */
    const char *address, *home;      /* NULL: as bb_client_open has it */
    const char *state;               /* where the values to be put back are kept */
    uint32_t heartbeat_ms;
};

struct agent {
    struct bb_loop *loop;
    const struct settings *settings;
    struct bb_client *client, *second; /* second: NULL, or the connection of the second name */
    struct line_harbour *harbour;
    struct line **lines;
    size_t line_count;
    struct device *devices;
    size_t device_count;
    struct schedule schedule;
    const char *state;
    bool unsaved;     /* what is held is not on the disk yet */
    json_t *leftover; /* what an earlier run left set, until its device is known; NULL: nothing */
    int timer;        /* of reservations; 0: none */
    int64_t announced_ms;
    struct absent *absent; /* owners that are not there (reservations.c) */
    bool stopping;
};

/* Opens everything: registries, lines, the bus. `options` and `settings` are borrowed for its life. */
BB_MUST_CHECK enum status agent_open(struct agent *agent, struct bb_loop *loop,
                                     const struct settings *settings, const struct agent_options *options,
                                     struct bb_reason *reason);

/* Puts back what is set, waiting at most `wait_ms`, and closes. */
void agent_close(struct agent *agent, uint32_t wait_ms);

/* The device of a path, with or without devices/ in front and slashes around; NULL: none. */
struct device *agent_device(struct agent *agent, const char *path);

/* The device and point of a topic `path/point`; the point's name in *point_out. NULL: none. */
struct device *agent_topic(struct agent *agent, const char *topic, const char **point_out);

/* Publishes an alert about a device: {"name","alert","text"} on alerts/modbus/<name>. */
void agent_alert(struct agent *agent, const struct device *device, const char *alert, const char *text);

/* Serves the methods on a connection (methods.c). BB_FULL, BB_EXISTS. */
BB_MUST_CHECK enum status agent_serve(struct agent *agent, struct bb_client *client);

#endif
