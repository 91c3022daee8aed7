/* modbus-agent: Modbus devices on the bus. Wiring only. */
#include "agents/modbus/agent.h"
#include "agents/modbus/scan.h"
#include "bus/client/bus_settings.h"
#include "bus/client/config.h"
#include "bus/client/log.h"
#include "bus/client/notify.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

/* How long a stopping agent waits until all is put back. */
#define FAREWELL_MS 3000

struct options {
    char *identity, *actuator, *address, *home, *devices, *state, *scan;
    int64_t heartbeat_ms, unit;
};

#define AT(member) .offset = offsetof(struct options, member)

static const struct setting table[] = {
    {.key = "identity",
     .kind = SETTING_TEXT,
     AT(identity),
     .high = 64,
     .help = "its name on the bus; empty: BUSBAR_IDENTITY, or modbus-agent"},
    {.key = "actuator",
     .kind = SETTING_TEXT,
     AT(actuator),
     .high = 64,
     .help = "a second name under which it answers: platform.actuator; empty: none"},
    BUS_SETTING_ADDRESS(struct options),
    BUS_SETTING_HOME(struct options),
    BUS_SETTING_HEARTBEAT(struct options),
    {.key = "devices",
     .kind = SETTING_TEXT,
     AT(devices),
     .help = "the file that names the devices; empty: BUSBAR_AGENT_CONFIG, or modbus.json in the home"},
    {.key = "state",
     .kind = SETTING_TEXT,
     AT(state),
     .help = "the file of what is to be put back; empty: modbus-state.json in BUSBAR_AGENT_STATE, or in the "
             "home"},
    {.key = "scan",
     .kind = SETTING_TEXT,
     AT(scan),
     .help = "look at one device, tcp:HOST:PORT or rtu:PATH[:BAUD], print what it says, and end"},
    {.key = "unit",
     .kind = SETTING_INTEGER,
     AT(unit),
     .low = 0,
     .high = 255,
     .preset = "1",
     .help = "of the device to scan"},
};
static const struct config config = {"modbus-agent",
                                     "reads and sets Modbus devices for the bus, as VOLTTRON's drivers do.",
                                     table, sizeof table / sizeof *table};

static const char *or_null(const char *text)
{
    return text == NULL || text[0] == '\0' ? NULL : text;
}

/* `given`, else `folder`/`name` (folder NULL: the home). */
static enum status path_of(const struct options *o, const char *given, const char *folder, const char *name,
                           char path[BB_PATH_MAX])
{
    enum status status = BB_OK;
    if (given != NULL)
        status = snprintf(path, BB_PATH_MAX, "%s", given) < BB_PATH_MAX ? BB_OK : BB_RANGE;
    else if (folder != NULL)
        status = snprintf(path, BB_PATH_MAX, "%s/%s", folder, name) < BB_PATH_MAX ? BB_OK : BB_RANGE;
    else
        status = config_home(or_null(o->home), name, path, BB_PATH_MAX);
    return status;
}

/* *at_fault_out: a file that people wrote is wrong, and starting again will not help. */
static enum status run(const struct options *o, const struct settings *settings, const char *state,
                       struct bb_reason *reason, bool *at_fault_out)
{
    static struct agent agent;
    const char *given = or_null(o->identity), *hosted = or_null(getenv("BUSBAR_IDENTITY"));
    struct agent_options options = {.identity = given != NULL    ? given
                                                : hosted != NULL ? hosted
                                                                 : "modbus-agent",
                                    .actuator = o->actuator,
                                    .address = or_null(o->address),
                                    .home = or_null(o->home),
                                    .state = state,
                                    .heartbeat_ms = (uint32_t)o->heartbeat_ms};
    struct bb_loop *loop = NULL;
    enum status status = bb_loop_open(&loop);
    if (status != BB_OK) {
        bb_reason_say(reason, "the event loop cannot be made");
        return status;
    }
    log_open(options.identity);
    status = agent_open(&agent, loop, settings, &options, reason);
    if (status == BB_OK) {
        log_info("started", LOG_INT("devices", settings->count), LOG_INT("lines", agent.line_count));
        notify_start(loop, "Reads and sets Modbus devices");
        status = bb_loop_run(loop);
        notify_stopping();
    }
    *at_fault_out =
        agent.client == NULL && (status == BB_MALFORMED || status == BB_RANGE || status == BB_EXISTS);
    agent_close(&agent, FAREWELL_MS);
    bb_loop_close(loop);
    return status;
}

static int start(const struct options *o, struct settings *settings)
{
    char devices[BB_PATH_MAX], state[BB_PATH_MAX];
    struct bb_reason reason = {"no home: set BUSBAR_HOME"};
    const char *given = or_null(o->devices);
    enum status status = path_of(o, given != NULL ? given : or_null(getenv("BUSBAR_AGENT_CONFIG")), NULL,
                                 "modbus.json", devices);
    if (status == BB_OK)
        status =
            path_of(o, or_null(o->state), or_null(getenv("BUSBAR_AGENT_STATE")), "modbus-state.json", state);
    if (status == BB_OK)
        status = settings_load(devices, settings, &reason);
    if (status != BB_OK) {
        fprintf(stderr, "modbus-agent: %s\n", reason.text);
        return 2;
    }
    bool at_fault = false;
    status = run(o, settings, state, &reason, &at_fault);
    if (status == BB_OK || status == BB_INTERRUPTED)
        return 0;
    log_error("stopped", LOG_TEXT("status", bb_status_word(status)), LOG_TEXT("reason", reason.text));
    return at_fault ? 2 : 1;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct settings settings = {0};
    struct bb_reason reason = {""};
    bool done = false;
    int code = 2;
    log_open("modbus-agent");
    signal(SIGPIPE, SIG_IGN);
    enum status status = config_start(&config, argc, argv, NULL, &options, &done, &reason);
    if (status != BB_OK)
        fprintf(stderr, "modbus-agent: %s\n", reason.text);
    else if (done)
        code = 0;
    else if (options.scan[0] != '\0')
        code = scan(options.scan, (int)options.unit, stdout);
    else
        code = start(&options, &settings);
    settings_free(&settings);
    config_free(&config, &options);
    return code;
}
