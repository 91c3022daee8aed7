/* The rows that every process on the bus has in its table of settings: who it is there, where the broker is,
 * how often it says that it lives. `type` is the caller's struct of settings, with the members of the same
 * names (char *identity, *address, *home; int64_t heartbeat_ms). */
#ifndef BUS_CLIENT_BUS_SETTINGS_H
#define BUS_CLIENT_BUS_SETTINGS_H

#include "bus/client/config.h"

/* Its name on the bus, at most `most` bytes, `name` without one. */
#define BUS_SETTING_IDENTITY(type, most, name)                                                               \
    {                                                                                                        \
        .key = "identity", .kind = SETTING_TEXT, .offset = offsetof(type, identity), .low = 1,               \
        .high = (most), .preset = (name), .help = "its name on the bus"                                      \
    }

/* Where the broker is: its address, or the installation that tells it. */
#define BUS_SETTING_ADDRESS(type)                                                                            \
    {                                                                                                        \
        .key = "address", .kind = SETTING_TEXT, .offset = offsetof(type, address),                           \
        .help = "of the broker; empty: BUSBAR_VIP, or run/vip.address in the home"                           \
    }
#define BUS_SETTING_HOME(type)                                                                               \
    {                                                                                                        \
        .key = "home", .kind = SETTING_TEXT, .offset = offsetof(type, home),                                 \
        .help = "the installation; empty: BUSBAR_HOME, or ~/.local/share/busbar"                             \
    }

/* The pause between two heartbeat/<identity>. */
#define BUS_SETTING_HEARTBEAT(type)                                                                          \
    {                                                                                                        \
        .key = "heartbeat_ms", .kind = SETTING_INTEGER, .offset = offsetof(type, heartbeat_ms), .low = 0,    \
        .high = 3600000, .unit = "ms", .preset = "5000",                                                     \
        .help = "pause between heartbeat/<identity>; 0: none"                                                \
    }

#endif
