/* What busbar-webd is told. */
#ifndef AGENTS_WEB_SETTINGS_H
#define AGENTS_WEB_SETTINGS_H

#include "bus/client/config.h"

#define SETTINGS_HOST_SIZE 256

struct settings {
    char *identity, *address, *home;
    int64_t heartbeat_ms;
    char *listen;
    int64_t listen_tries;
    int viewer;
    char *tokens;
    struct setting_list hosts;
    char *certificate, *private_key;
    int64_t connections, connections_per_address, header_ms, idle_ms, posts_per_s;
};

enum { SETTINGS_VIEWER_OPEN, SETTINGS_VIEWER_TOKEN };

extern const struct config settings_config;

/* What "listen" says. */
struct settings_door {
    char host[SETTINGS_HOST_SIZE];
    uint16_t port;
};

/* Takes "listen" apart, makes paths of files absolute (relative ones are below the home) and refuses settings
 * that do not go together. BB_MALFORMED, BB_RANGE, BB_NOT_FOUND. */
BB_MUST_CHECK enum status settings_check(struct settings *settings, struct settings_door *door_out,
                                         struct bb_reason *reason);

#endif
