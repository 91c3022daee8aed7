/* busbar-uart-agent: consumer-agent or dg-agent, as its configuration says. Wiring only. */
#include "agents/uart/agent.h"

#include "bus/client/bus_settings.h"
#include "bus/client/config.h"
#include "bus/client/log.h"

#include <stddef.h>
#include <stdio.h>

static const struct setting table[] = {
    {.key = "identity",
     .kind = SETTING_TEXT,
     .offset = offsetof(struct agent_settings, identity),
     .low = 1,
     .high = SITE_AGENT_MAX - 1,
     .preset = "consumer-agent",
     .help = "its name on the bus; it serves the boards of the site file that have it as their agent"},
    BUS_SETTING_HOME(struct agent_settings),
    BUS_SETTING_ADDRESS(struct agent_settings),
    {.key = "site",
     .kind = SETTING_TEXT,
     .offset = offsetof(struct agent_settings, site),
     .low = 1,
     .high = 4000,
     .preset = "site.json",
     .help = "the site file; relative paths are below the home"},
    {.key = "ports",
     .kind = SETTING_LIST,
     .offset = offsetof(struct agent_settings, ports),
     .low = 0,
     .high = 512,
     .preset = "/dev/serial/by-id/*",
     .help = "serial ports, or pty:PATH for virtual cables; * ? [ ] match names and are looked for again and "
             "again"},
    {.key = "scan_ms",
     .kind = SETTING_INTEGER,
     .offset = offsetof(struct agent_settings, scan_ms),
     .low = 10,
     .high = 10000,
     .unit = "ms",
     .preset = "100",
     .help = "pause between two scans of the ports"},
    BUS_SETTING_HEARTBEAT(struct agent_settings),
    {.key = "update_s",
     .kind = SETTING_INTEGER,
     .offset = offsetof(struct agent_settings, update_s),
     .low = 1,
     .high = 86400,
     .unit = "s",
     .preset = "180",
     .help = "an image's way to a board is given up after so long without progress"},
};
static const struct config config = {"busbar-uart-agent",
                                     "polls boards over UART and is their voice on the bus.", table,
                                     sizeof table / sizeof *table};

int main(int argc, char **argv)
{
    struct agent_settings settings = {0};
    struct bb_reason reason = {""};
    bool done = false;
    int code = 2;
    log_open("busbar-uart-agent");
    if (config_start(&config, argc, argv, NULL, &settings, &done, &reason) != BB_OK) {
        fprintf(stderr, "busbar-uart-agent: %s\n", reason.text);
    } else if (done) {
        code = 0;
    } else {
        log_open(settings.identity);
        enum status status = agent_run(&settings, &reason);
        code = status == BB_OK || status == BB_INTERRUPTED ? 0 : 1;
        if (code != 0)
            log_error("stopped", LOG_TEXT("status", bb_status_word(status)), LOG_TEXT("reason", reason.text));
    }
    config_free(&config, &settings);
    return code;
}
