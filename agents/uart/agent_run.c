/* The agent's start and end: the site, the bus, what it serves and hears, the timers. */
#include "agents/uart/agent.h"

#include "agents/uart/board.h"
#include "agents/uart/carrier.h"
#include "agents/uart/commands.h"
#include "agents/uart/publisher.h"
#include "agents/uart/scan.h"
#include "bus/client/log.h"
#include "bus/client/notify.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

#define SUMMARY_MS 1000

static void on_scan(void *context)
{
    struct agent *agent = context;
    scan_ports(agent);
    agent_tick(agent);
}

static void on_summary(void *context)
{
    publisher_summary(context);
}

static void on_message(void *context, struct line *line, const struct link_message *message)
{
    board_take(context, line, message);
}

static void on_down(void *context, struct line *line, const char *why)
{
    board_lose(context, line, why);
}

static void on_turn(void *context)
{
    agent_settle(context);
}

static enum status make_boards(struct agent *agent, struct bb_reason *reason)
{
    for (size_t i = 0; i < agent->site.count; i++) {
        const struct site_board *site = &agent->site.boards[i];
        if (strcmp(site->agent, agent->settings->identity) != 0)
            continue;
        struct board *board = &agent->boards[agent->board_count++];
        board->site = site;
        board->machine.name = site->name;
        board->machine.kind = site->kind == SITE_CONSUMER ? "consumer" : "generator";
        board->core = site->agent_runs ? calloc(1, sizeof *board->core) : NULL;
        CHECK(!site->agent_runs || board->core != NULL);
    }
    if (agent->board_count > 0)
        return BB_OK;
    bb_reason_say(reason, "the site file names no board with \"agent\": \"%s\"", agent->settings->identity);
    return BB_NOT_FOUND;
}

static enum status load_site(struct agent *agent, struct bb_reason *reason)
{
    char path[BB_PATH_MAX];
    const char *given = agent->settings->site;
    bool absolute = given[0] == '/';
    enum status status = absolute ? BB_OK : config_home(agent->settings->home, given, path, sizeof path);
    if (status != BB_OK) {
        bb_reason_say(reason, "no home: set BUSBAR_HOME");
        return status;
    }
    status = site_load(absolute ? given : path, &agent->site, reason);
    return status == BB_OK ? make_boards(agent, reason) : status;
}

/* Agents start before or after their broker; only a refusal ends the wait. */
static enum status connect_bus(struct agent *agent, struct bb_reason *reason)
{
    struct bb_client_options options = {.identity = agent->settings->identity,
                                        .address = agent->settings->address,
                                        .home = agent->settings->home,
                                        .heartbeat_ms = (uint32_t)agent->settings->heartbeat_ms,
                                        .reason = reason};
    enum status status;
    while ((status = bb_client_open(agent->loop, &options, &agent->client)) == BB_UNREACHABLE)
        log_warning("broker-unreachable", LOG_TEXT("reason", reason->text));
    return status;
}

static enum status start(struct agent *agent, struct bb_reason *reason)
{
    int scan, summary;
    enum status status = commands_start(agent);
    if (status == BB_OK)
        status = carrier_start(agent);
    if (status == BB_OK)
        status = bb_loop_every(agent->loop, (uint32_t)agent->settings->scan_ms, on_scan, agent, &scan);
    if (status == BB_OK)
        status = bb_loop_every(agent->loop, SUMMARY_MS, on_summary, agent, &summary);
    if (status != BB_OK)
        bb_reason_say(reason, "%s", bb_client_reason(agent->client));
    return status;
}

static void close_all(struct agent *agent)
{
    for (size_t i = 0; i < agent->line_count; i++) {
        agent->lines[i]->up = false; /* an end that was asked for is no alert */
        line_close(agent->lines[i], "the agent ends", 0);
        board_forget_stranger(agent->lines[i]);
        free(agent->lines[i]);
    }
    for (size_t i = 0; i < agent->board_count; i++) {
        machine_drop(&agent->boards[i].machine);
        free(agent->boards[i].core);
    }
    images_forget(&agent->images, INT64_MAX);
    bb_client_close(agent->client);
    bb_loop_close(agent->loop);
    free(agent);
}

enum status agent_run(const struct agent_settings *settings, struct bb_reason *reason)
{
    struct agent *agent = calloc(1, sizeof *agent);
    CHECK(agent != NULL);
    agent->settings = settings;
    agent->owner = (struct line_owner){agent, on_message, on_down, on_turn};
    bb_reason_say(reason, "the event loop cannot be made");
    enum status status = bb_loop_open(&agent->loop);
    if (status == BB_OK)
        status = load_site(agent, reason);
    if (status == BB_OK)
        status = connect_bus(agent, reason);
    if (status == BB_OK)
        status = start(agent, reason);
    if (status == BB_OK) {
        log_info("started", LOG_TEXT("identity", settings->identity), LOG_TEXT("site", agent->site.name),
                 LOG_INT("boards", agent->board_count));
        on_scan(agent);
        notify_start(agent->loop, "Looks for boards and serves them");
        status = bb_loop_run(agent->loop);
        notify_stopping();
    }
    close_all(agent);
    return status;
}
