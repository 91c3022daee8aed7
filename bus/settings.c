#include "bus/settings.h"

#include <busbar/limits.h>
#include <stdlib.h>
#include <string.h>

#define ENDPOINTS_MAX 16
#define PREFIXES_MAX  64
#define DURABLES_MAX  32

static const char *const SECURITIES[] = {"curve", "none", NULL};

/* Items of this list may be objects. */
static const char *const OBJECTS[] = {NULL};

static const struct setting TABLE[] = {
    {"home", SETTING_TEXT, offsetof(struct settings, home), 0, 0, NULL, NULL, NULL,
     "folder of the installation ($BUSBAR_HOME, else ~/.local/share/busbar)"},
    {"vip", SETTING_LIST, offsetof(struct settings, vip), 0, ENDPOINTS_MAX, NULL, NULL, NULL,
     "endpoints of the agents' door (default: ipc HOME/run/vip.sock and tcp://127.0.0.1:22916)"},
    {"sub", SETTING_LIST, offsetof(struct settings, sub), 0, ENDPOINTS_MAX, NULL, NULL, NULL,
     "endpoints for plain SUB sockets (default: ipc HOME/run/sub.sock and tcp://127.0.0.1:22917)"},
    {"pub", SETTING_LIST, offsetof(struct settings, pub), 0, ENDPOINTS_MAX, NULL, NULL, NULL,
     "endpoints for plain PUB sockets (default: ipc HOME/run/pub.sock and tcp://127.0.0.1:22918)"},
    {"security", SETTING_WORD, offsetof(struct settings, security), 0, 0, NULL, NULL, SECURITIES,
     "curve: encrypted, keys of access.json only; none: everybody on this machine may do everything"},
    {"instance_name", SETTING_TEXT, offsetof(struct settings, instance_name), 1, 255, NULL, "busbar", NULL,
     "what VIP's query instance-name answers"},
    {"retain", SETTING_LIST, offsetof(struct settings, retain), 0, PREFIXES_MAX, NULL, NULL, NULL,
     "prefixes of topics whose last message is kept (default: all topics)"},
    {"retain_bytes", SETTING_INTEGER, offsetof(struct settings, retain_bytes), 0, 1 << 30, "bytes", "8388608",
     NULL, "bound of all last messages; 0: none is kept"},
    {"retain_message_bytes", SETTING_INTEGER, offsetof(struct settings, retain_message_bytes), 1, 1 << 24,
     "bytes", "65536", NULL, "largest last message that is kept"},
    {"durable", SETTING_LIST, offsetof(struct settings, durable), 0, DURABLES_MAX, NULL, NULL, OBJECTS,
     "topics kept until acknowledged: prefixes, or {\"prefix\":…,\"keep_days\":7,\"keep_bytes\":268435456}"},
};

const struct config SETTINGS = {"busbard",
                                "The broker of Busbar: VIP router, plain ZeroMQ doors, access control.",
                                TABLE, sizeof TABLE / sizeof *TABLE};

static const struct {
    const char *door;
    unsigned port;
    size_t offset;
} DOORS[] = {{"vip", 22916, offsetof(struct settings, vip)},
             {"sub", 22917, offsetof(struct settings, sub)},
             {"pub", 22918, offsetof(struct settings, pub)}};

#define DOOR_COUNT (sizeof DOORS / sizeof *DOORS)

static const struct setting_list *endpoints_of(const struct settings *settings, size_t door)
{
    return (const struct setting_list *)(const void *)((const char *)settings + DOORS[door].offset);
}

static enum status complete(struct settings *settings, size_t door, struct bb_reason *reason)
{
    char below[32], path[BB_PATH_MAX], endpoint[BB_PATH_MAX + 8];
    if (endpoints_of(settings, door)->count > 0)
        return BB_OK;
    snprintf(below, sizeof below, "run/%s.sock", DOORS[door].door);
    enum status status = config_home(settings->home, below, path, sizeof path);
    if (status != BB_OK) {
        bb_reason_say(reason, "there is no home folder: give --home DIR or set BUSBAR_HOME");
        return status;
    }
    snprintf(endpoint, sizeof endpoint, "ipc://%s", path);
    status = config_set(&SETTINGS, DOORS[door].door, endpoint, settings, reason);
    if (status != BB_OK)
        return status;
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%u", DOORS[door].port);
    return config_set(&SETTINGS, DOORS[door].door, endpoint, settings, reason);
}

enum status settings_complete(struct settings *settings, struct bb_reason *reason)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < DOOR_COUNT && status == BB_OK; i++)
        status = complete(settings, i, reason);
    return status;
}

static bool is_local(const char *endpoint)
{
    static const char *const LOCAL[] = {"ipc://", "inproc://", "tcp://127.",
                                        "tcp://localhost:", "tcp://[::1]:"};
    for (size_t i = 0; i < sizeof LOCAL / sizeof *LOCAL; i++)
        if (strncmp(endpoint, LOCAL[i], strlen(LOCAL[i])) == 0)
            return true;
    return false;
}

bool settings_is_local(const struct settings *settings, const char **first_out)
{
    for (size_t i = 0; i < DOOR_COUNT; i++) {
        const struct setting_list *list = endpoints_of(settings, i);
        for (size_t k = 0; k < list->count; k++) {
            if (!is_local(list->items[k])) {
                *first_out = list->items[k];
                return false;
            }
        }
    }
    return true;
}
