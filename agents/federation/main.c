/* federation-agent: links this platform's bus with others. */
#include "agents/federation/agent.h"
#include "bus/client/config.h"
#include "bus/client/log.h"
#include "bus/client/notify.h"

#include <stdio.h>

struct options {
    char *address, *home, *links;
};

static const struct setting table[] = {
    {.key = "address",
     .kind = SETTING_TEXT,
     .offset = offsetof(struct options, address),
     .help = "of the own broker; empty: BUSBAR_VIP, or run/vip.address in the home"},
    {.key = "home",
     .kind = SETTING_TEXT,
     .offset = offsetof(struct options, home),
     .help = "the installation; empty: BUSBAR_HOME, or ~/.local/share/busbar"},
    {.key = "links",
     .kind = SETTING_TEXT,
     .offset = offsetof(struct options, links),
     .help = "the file that names the links; empty: federation.json in the home"},
};
static const struct config config = {
    "federation-agent", "links this platform's bus with others: topics, and calls to peer@platform.", table,
    sizeof table / sizeof *table};

static enum status load(const struct options *options, struct settings *settings, struct bb_reason *reason)
{
    char path[BB_PATH_MAX];
    const char *home = options->home[0] != '\0' ? options->home : NULL;
    enum status status = BB_OK;
    if (options->links[0] != '\0')
        status = (size_t)snprintf(path, sizeof path, "%s", options->links) < sizeof path ? BB_OK : BB_RANGE;
    else
        status = config_home(home, "federation.json", path, sizeof path);
    if (status != BB_OK)
        bb_reason_say(reason, "no home: set BUSBAR_HOME");
    return status == BB_OK ? settings_load(path, settings, reason) : status;
}

static int run(const struct options *options, const struct settings *settings)
{
    struct bb_loop *loop = NULL;
    struct agent *agent = NULL;
    struct bb_reason reason = {"the event loop cannot be made"};
    enum status status = bb_loop_open(&loop);
    if (status == BB_OK)
        status = agent_open(loop, settings, options->home, options->address, &agent, &reason);
    if (status == BB_OK) {
        log_info("started", LOG_TEXT("platform", settings->platform), LOG_INT("links", settings->link_count));
        notify_start(loop, "Dials the platforms of federation.json and answers them");
        status = bb_loop_run(loop);
        notify_stopping();
    }
    if (status != BB_OK && status != BB_INTERRUPTED)
        log_error("stopped", LOG_TEXT("status", bb_status_word(status)), LOG_TEXT("reason", reason.text));
    agent_close(agent);
    bb_loop_close(loop);
    return status == BB_OK || status == BB_INTERRUPTED ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options options = {0};
    struct settings settings = {.link_count = 0};
    struct bb_reason reason = {""};
    bool done = false;
    int code = 2;
    log_open("federation-agent");
    enum status status = config_start(&config, argc, argv, NULL, &options, &done, &reason);
    if (status == BB_OK && !done)
        status = load(&options, &settings, &reason);
    if (status != BB_OK)
        fprintf(stderr, "federation-agent: %s\n", reason.text);
    else
        code = done ? 0 : run(&options, &settings);
    settings_free(&settings);
    config_free(&config, &options);
    return code;
}
