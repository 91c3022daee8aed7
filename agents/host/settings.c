#include "agents/host/settings.h"

#include "bus/client/bus_settings.h"

static const struct setting table[] = {
    BUS_SETTING_HOME(struct settings),
    BUS_SETTING_ADDRESS(struct settings),
    {.key = "agents_max",
     .kind = SETTING_INTEGER,
     .offset = offsetof(struct settings, agents_max),
     .low = 1,
     .high = 512,
     .preset = "128",
     .help = "agents that may be installed"},
    {.key = "landlock",
     .kind = SETTING_SWITCH,
     .offset = offsetof(struct settings, landlock),
     .preset = "true",
     .help = "agents see of the file system only what they need, where the kernel has Landlock"},
    {.key = "cgroup",
     .kind = SETTING_TEXT,
     .offset = offsetof(struct settings, cgroup),
     .help = "the folder of a delegated cgroup (v2); empty: the own one, if it is delegated"},
    {.key = "platform",
     .kind = SETTING_TEXT,
     .offset = offsetof(struct settings, platform),
     .help = "this platform's name for moves; empty: as federation.json has it"},
    {.key = "moves_from",
     .kind = SETTING_LIST,
     .offset = offsetof(struct settings, moves_from),
     .high = 64,
     .help = "platforms whose agents may move here"},
};

const struct config settings_config = {"busbar-agentd",
                                       "hosts agents: verifies, starts, limits, restarts and moves them.",
                                       table, sizeof table / sizeof *table};
