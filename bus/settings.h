/* What busbard can be told: the file busbard.json and the flags. */
#ifndef BUS_SETTINGS_H
#define BUS_SETTINGS_H

#include "bus/client/config.h"

#include <busbar/limits.h>

enum settings_security { SECURITY_CURVE, SECURITY_NONE };

struct settings {
    char *home;
    struct setting_list vip, sub, pub;
    int security;
    char *instance_name;
    struct setting_list retain;
    struct setting_list durable;
    int64_t retain_bytes, retain_message_bytes;
};

/* The table behind struct settings. */
extern const struct config SETTINGS;

/* Fills in what depends on the home: the default endpoints of doors that were given none. BB_RANGE. */
BB_MUST_CHECK enum status settings_complete(struct settings *settings, struct bb_reason *reason);

/* True when every endpoint can be reached from this machine alone (ipc, loopback). *first_out is the first
 * that can not, borrowed. */
bool settings_is_local(const struct settings *settings, const char **first_out);

#endif
