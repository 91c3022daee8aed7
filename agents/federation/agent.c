#include "agents/federation/agent.h"

#include "agents/federation/carry.h"
#include "agents/federation/crossing.h"
#include "agents/federation/inbound.h"
#include "agents/federation/link.h"
#include "agents/federation/outbound.h"
#include "agents/federation/report.h"
#include "bus/core/remote.h"

#include <busbar/check.h>
#include <busbar/directory.h>
#include <stdlib.h>

static const char GUEST[] = REMOTE_GATE ".";

/* -- on the own bus: what guests ask -------------------------------------------------------------------- */

static bool is_guest(const char *caller)
{
    return strncmp(caller, GUEST, sizeof GUEST - 1) == 0;
}

/* The link whose other agent is the caller; NULL, and the call is answered, when there is none. */
static struct link *guest_link(struct agent *agent, struct bb_pending *pending, const char *caller)
{
    struct link *link = is_guest(caller) ? link_of(agent, caller + sizeof GUEST - 1) : NULL;
    if (link == NULL)
        bb_answer(pending, BB_DENIED, "federation.json here has no link to this platform");
    return link;
}

static void on_hello(void *context, struct bb_pending *pending, const char *caller, const char *params)
{
    struct link *link = guest_link(context, pending, caller);
    if (link == NULL)
        return;
    json_t *root = json_loads(params, 0, NULL);
    char *hello = json_dumps(json_array_get(root, 0), JSON_COMPACT);
    link->guest_heard = true;
    enum status status = link_greet(link, hello != NULL ? hello : "");
    if (status == BB_OK) {
        char *own = link_hello_text(link);
        bb_answer(pending, BB_OK, own);
        free(own);
    } else {
        link->guest_heard = false;
        bb_answer(pending, status, link->reason.text);
    }
    free(hello);
    json_decref(root);
}

static void on_guest_carry(void *context, struct bb_pending *pending, const char *caller, const char *params)
{
    struct link *link = guest_link(context, pending, caller);
    if (link != NULL)
        carry_receive(link, pending, params);
}

static void on_guest_carry_durable(void *context, struct bb_pending *pending, const char *caller,
                                   const char *params)
{
    struct link *link = guest_link(context, pending, caller);
    if (link != NULL)
        inbound_receive(link, pending, params);
}

static void on_guest_call(void *context, struct bb_pending *pending, const char *caller, const char *params)
{
    struct link *link = guest_link(context, pending, caller);
    if (link != NULL)
        crossing_receive(link, pending, params);
}

static enum status on_platforms(void *context, const char *caller, const char *params, char **result_out)
{
    (void)params;
    if (is_guest(caller) || strchr(caller, '@') != NULL)
        return BB_DENIED;
    *result_out = report_text(context);
    return BB_OK;
}

/* -- on the other platform's bus: what its agent asks --------------------------------------------------- */

static bool is_host(struct bb_pending *pending, const char *caller)
{
    if (strcmp(caller, REMOTE_GATE) == 0)
        return true;
    bb_answer(pending, BB_DENIED, "only the federation agent of this bus is served here");
    return false;
}

static void on_host_carry(void *context, struct bb_pending *pending, const char *caller, const char *params)
{
    if (is_host(pending, caller))
        carry_receive(context, pending, params);
}

static void on_host_carry_durable(void *context, struct bb_pending *pending, const char *caller,
                                  const char *params)
{
    if (is_host(pending, caller))
        inbound_receive(context, pending, params);
}

static void on_host_call(void *context, struct bb_pending *pending, const char *caller, const char *params)
{
    if (is_host(pending, caller))
        crossing_receive(context, pending, params);
}

/* -- opening -------------------------------------------------------------------------------------------- */

/* Our name on the other bus, `federation.<own platform>`; its key is keys/<this>.json of our home. */
static enum status dial(struct link *link, const char *home, struct bb_reason *reason)
{
    char identity[sizeof link->guest];
    snprintf(identity, sizeof identity, "%s%s", GUEST, link->agent->settings->platform);
    const struct bb_client_options options = {
        .identity = identity, .address = link->set->address, .home = home, .later = true, .reason = reason};
    enum status status = bb_client_open(link->agent->loop, &options, &link->out);
    if (status == BB_OK)
        status = bb_serve_later(link->out, "carry", on_host_carry, link);
    if (status == BB_OK)
        status = bb_serve_later(link->out, "carry_durable", on_host_carry_durable, link);
    if (status == BB_OK)
        status = bb_serve_later(link->out, "call", on_host_call, link);
    return status;
}

static enum status open_links(struct agent *agent, const char *home, struct bb_reason *reason)
{
    const struct settings *settings = agent->settings;
    enum status status = BB_OK;
    for (size_t i = 0; i < settings->link_count && status == BB_OK; i++) {
        struct link *link = &agent->links[agent->link_count++];
        link->agent = agent;
        link->set = &settings->links[i];
        link->changed_ms = bb_loop_mono_ms();
        snprintf(link->guest, sizeof link->guest, "%s%s", GUEST, link->set->platform);
        bb_reason_say(&link->reason, "%s",
                      link->set->address != NULL ? "not connected" : "its agent has not come");
        link->outbound = outbound_open(link);
        link->inbound = inbound_open(link);
        queue_open(&link->queue, (size_t)settings->queue_messages, (size_t)settings->queue_bytes);
        if (link->set->address != NULL)
            status = dial(link, home, reason);
    }
    return status;
}

/* True when a prefix says what another export already says: then the message would come twice. */
static bool is_covered(const struct agent *agent, size_t link, size_t item)
{
    const char *prefix = agent->settings->links[link].exports.items[item];
    for (size_t i = 0; i < agent->settings->link_count; i++) {
        const struct rules_list *exports = &agent->settings->links[i].exports;
        for (size_t k = 0; k < exports->count; k++) {
            size_t size = strlen(exports->items[k]);
            bool before = i < link || (i == link && k < item);
            if (strncmp(prefix, exports->items[k], size) == 0 && (prefix[size] != '\0' || before))
                return true;
        }
    }
    return false;
}

static enum status subscribe(struct agent *agent)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < agent->settings->link_count; i++)
        for (size_t k = 0; k < agent->settings->links[i].exports.count && status == BB_OK; k++)
            if (!is_covered(agent, i, k))
                status =
                    bb_subscribe(agent->own, agent->settings->links[i].exports.items[k], carry_take, agent);
    return status == BB_OK ? bb_flush(agent->own, 10000) : status;
}

static enum status serve(struct agent *agent)
{
    enum status status = bb_serve_later(agent->own, "hello", on_hello, agent);
    if (status == BB_OK)
        status = bb_serve_later(agent->own, "carry", on_guest_carry, agent);
    if (status == BB_OK)
        status = bb_serve_later(agent->own, "carry_durable", on_guest_carry_durable, agent);
    if (status == BB_OK)
        status = bb_serve_later(agent->own, "call", on_guest_call, agent);
    if (status == BB_OK)
        status = bb_serve(agent->own, "platforms", on_platforms, agent);
    bb_serve_foreign(agent->own, crossing_leave, agent);
    return status == BB_OK ? bb_offer(agent->own, "[{\"name\":\"federation\",\"version\":\"" BUSBAR_VERSION
                                                  "\",\"methods\":[\"platforms\"]}]")
                           : status;
}

static void on_tick(void *context)
{
    link_tick(context);
}

static enum status open_agent(struct agent *agent, const char *home, const char *address,
                              struct bb_reason *reason)
{
    const struct bb_client_options options = {
        .identity = REMOTE_GATE, .address = address, .home = home, .heartbeat_ms = 0, .reason = reason};
    int timer;
    enum status status = bb_client_open(agent->loop, &options, &agent->own);
    if (status != BB_OK)
        return status;
    status = open_links(agent, home, reason);
    if (status != BB_OK)
        return status;
    status = serve(agent);
    if (status == BB_OK)
        status = subscribe(agent);
    if (status == BB_OK)
        status = bb_loop_every(agent->loop, (uint32_t)agent->settings->hello_ms, on_tick, agent, &timer);
    if (status != BB_OK)
        bb_reason_say(reason, "%s", bb_client_reason(agent->own));
    return status;
}

enum status agent_open(struct bb_loop *loop, const struct settings *settings, const char *home,
                       const char *address, struct agent **out, struct bb_reason *reason)
{
    struct agent *agent = calloc(1, sizeof *agent);
    CHECK(agent != NULL);
    agent->seen = calloc(1, sizeof *agent->seen);
    CHECK(agent->seen != NULL);
    agent->settings = settings;
    agent->loop = loop;
    agent->incarnation = (uint64_t)bb_loop_wall_ms();
    inbound_begin(agent, home);
    enum status status = open_agent(agent, home, address, reason);
    if (status == BB_OK)
        *out = agent;
    else
        agent_close(agent);
    return status;
}

void agent_close(struct agent *agent)
{
    if (agent == NULL)
        return;
    agent->closing = true;
    for (size_t i = 0; i < agent->link_count; i++)
        agent->links[i].up = false;
    for (size_t i = 0; i < agent->link_count; i++) {
        crossing_fail(&agent->links[i]);
        inbound_stop(&agent->links[i]);
    }
    for (size_t i = 0; i < agent->link_count; i++) {
        bb_client_close(agent->links[i].out);
        agent->links[i].out = NULL;
    }
    bb_client_close(agent->own);
    for (size_t i = 0; i < agent->link_count; i++) {
        queue_close(&agent->links[i].queue);
        json_decref(agent->links[i].wants);
        outbound_close(agent->links[i].outbound);
        inbound_close(agent->links[i].inbound);
    }
    inbound_end(agent);
    free(agent->seen);
    free(agent);
}
