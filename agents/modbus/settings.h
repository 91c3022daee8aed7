/* The file modbus.json: which devices there are, on which lines, and how they are asked. */
#ifndef AGENTS_MODBUS_SETTINGS_H
#define AGENTS_MODBUS_SETTINGS_H

#include "agents/modbus/port.h"

#include <busbar/reason.h>

#define SETTINGS_DEVICES_MAX 256
#define SETTINGS_PATH_MAX    512

struct settings_device {
    char name[SETTINGS_PATH_MAX]; /* campus/building/meter1: its topics are below devices/ */
    struct port_place place;      /* PORT_NONE for a fake one */
    char *registry;               /* the file's path; NULL with sunspec */
    bool sunspec, fake;
    bool points; /* publish each point, too */
    int64_t unit, interval_ms, timeout_ms, retries, gap, seed;
};

struct settings {
    struct settings_device *devices;
    size_t count;
    char timezone[64]; /* of the meta data */
    bool free_writes;  /* points may be set without a reservation while nobody has one */
    int64_t retry_max_ms, announce_ms, grace_ms, leave_ms;
};

/* Reads the file; registries' paths are made relative to its folder. BB_NOT_FOUND, BB_IO, BB_FULL,
 * BB_MALFORMED, BB_RANGE with file and line in `reason`. settings_free in any case. */
BB_MUST_CHECK enum status settings_load(const char *path, struct settings *out, struct bb_reason *reason);

/* Frees what it holds; a zeroed one is fine. */
void settings_free(struct settings *settings);

/* "host:port", "[::1]:port" or "host" (port 502). BB_MALFORMED. */
BB_MUST_CHECK enum status settings_tcp(const char *text, struct port_place *out);

#endif
