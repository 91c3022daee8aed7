/* What busbar-agentd is told at its start: agentd.json and flags. Source: busbar-agentd(8). */
#ifndef AGENTS_HOST_SETTINGS_H
#define AGENTS_HOST_SETTINGS_H

#include "bus/client/config.h"

struct settings {
    char *home, *address;
    char *cgroup;                   /* the delegated cgroup; "": the own one, if it is delegated */
    char *platform;                 /* this platform's name for moves; "": as federation.json has it */
    struct setting_list moves_from; /* platforms whose agents may move here */
    int64_t agents_max;
    bool landlock;
};

extern const struct config settings_config;

#endif
