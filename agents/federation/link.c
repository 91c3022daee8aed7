#include "agents/federation/link.h"

#include "agents/federation/carry.h"
#include "agents/federation/crossing.h"
#include "agents/federation/outbound.h"
#include "bus/client/log.h"
#include "bus/core/remote.h"

#include <busbar/check.h>
#include <stdlib.h>

/* What two agents must agree about. */
#define PROTOCOL 1
/* Periods without a hello after which a link counts as cut. */
#define MISSED 4

static int64_t patience(const struct link *link)
{
    return MISSED * link->agent->settings->hello_ms;
}

struct link *link_of(struct agent *agent, const char *platform)
{
    for (size_t i = 0; i < agent->link_count; i++)
        if (strcmp(agent->links[i].set->platform, platform) == 0)
            return &agent->links[i];
    return NULL;
}

enum status link_request(struct link *link, const char *method, const char *params, uint32_t timeout_ms,
                         bb_on_reply *on_reply, void *context)
{
    if (link->out != NULL && (bb_client_is_up(link->out) || !link->guest_heard))
        return bb_request(link->out, REMOTE_GATE, method, params, timeout_ms, on_reply, context);
    return bb_request(link->agent->own, link->guest, method, params, timeout_ms, on_reply, context);
}

/* -- hello ---------------------------------------------------------------------------------------------- */

static void add_route(json_t *routes, const char *platform, int64_t hops)
{
    const json_t *known = json_object_get(routes, platform);
    if (known == NULL || json_integer_value(known) > hops)
        json_object_set_new(routes, platform, json_integer(hops));
}

/* What the other side can reach over here: nothing unless both links relay, and never itself. */
static json_t *routes_for(const struct link *link)
{
    const struct agent *agent = link->agent;
    json_t *routes = json_object();
    for (size_t i = 0; i < agent->link_count; i++) {
        const struct link *other = &agent->links[i];
        if (other == link || !other->up || !other->set->relay || !link->set->relay)
            continue;
        add_route(routes, other->set->platform, 1);
        for (size_t k = 0; k < other->route_count; k++)
            if (other->routes[k].hops + 1 < agent->settings->hops)
                add_route(routes, other->routes[k].platform, other->routes[k].hops + 1);
    }
    json_object_del(routes, link->set->platform);
    return routes;
}

char *link_hello_text(const struct link *link)
{
    json_t *imports = json_array();
    for (size_t i = 0; i < link->set->imports.count; i++)
        json_array_append_new(imports, json_string(link->set->imports.items[i]));
    json_t *hello = json_pack(
        "{s:i,s:s,s:I,s:o,s:o}", "version", PROTOCOL, "platform", link->agent->settings->platform,
        "incarnation", (json_int_t)link->agent->incarnation, "imports", imports, "routes", routes_for(link));
    char *text = json_dumps(hello, JSON_COMPACT);
    CHECK(text != NULL);
    json_decref(hello);
    return text;
}

static void take_routes(struct link *link, const json_t *routes)
{
    const char *platform;
    const json_t *hops;
    link->route_count = 0;
    json_object_foreach((json_t *)routes, platform, hops)
    {
        int64_t far = json_integer_value(hops);
        if (link->route_count == AGENT_ROUTES_MAX)
            break;
        if (!rules_is_platform(platform) || far < 1 || far > RULES_HOPS_MAX ||
            strcmp(platform, link->agent->settings->platform) == 0)
            continue;
        struct agent_route *route = &link->routes[link->route_count++];
        snprintf(route->platform, sizeof route->platform, "%s", platform);
        route->hops = far;
    }
}

static void set_up(struct link *link)
{
    link->heard_ms = bb_loop_mono_ms();
    if (link->up)
        return;
    link->up = true;
    link->changed_ms = link->heard_ms;
    link->reason.text[0] = '\0';
    log_info("link-up", LOG_TEXT("platform", link->set->platform), LOG_INT("queued", link->queue.count));
}

/* An agent that has started anew knows nothing of what was on its way to the one before. */
static void note_incarnation(struct link *link, int64_t incarnation)
{
    bool heard = link->guest_heard;
    if (link->up && link->incarnation != 0 && incarnation != link->incarnation)
        link_cut(link, "its agent has started anew");
    link->guest_heard = heard;
    link->incarnation = incarnation;
}

enum status link_greet(struct link *link, const char *json)
{
    enum status status = BB_DENIED;
    json_t *hello = json_loads(json, 0, NULL);
    const char *name = json_string_value(json_object_get(hello, "platform"));
    json_t *wants = json_object_get(hello, "imports");
    if (name == NULL || !json_is_array(wants)) {
        bb_reason_say(&link->reason, "what answers there is no federation agent");
        status = BB_MALFORMED;
    } else if (json_integer_value(json_object_get(hello, "version")) != PROTOCOL)
        bb_reason_say(&link->reason, "its agent speaks another version of the protocol");
    else if (strcmp(name, link->set->platform) != 0)
        bb_reason_say(&link->reason, "the platform there calls itself %.63s", name);
    else {
        json_decref(link->wants);
        link->wants = json_incref(wants);
        note_incarnation(link, json_integer_value(json_object_get(hello, "incarnation")));
        take_routes(link, json_object_get(hello, "routes"));
        set_up(link);
        status = BB_OK;
    }
    json_decref(hello);
    if (status == BB_OK) {
        carry_pump(link);
        outbound_go_on(link);
    }
    return status;
}

void link_cut(struct link *link, const char *why)
{
    bb_reason_say(&link->reason, "%s", why);
    if (!link->up)
        return;
    link->up = link->carrying = link->guest_heard = false;
    link->errand++;
    link->route_count = 0;
    link->changed_ms = bb_loop_mono_ms();
    link->counts.cuts++;
    queue_again(&link->queue);
    outbound_cut(link);
    crossing_fail(link);
    log_warning("link-cut", LOG_TEXT("platform", link->set->platform), LOG_TEXT("reason", why));
}

static void on_hello_answer(void *context, enum status status, const char *json)
{
    struct link *link = context;
    link->hello_waits = false;
    if (status == BB_OK && link_greet(link, json) == BB_OK)
        return;
    if (status == BB_REMOTE) {
        json_t *error = json_loads(json, 0, NULL);
        const char *text = json_string_value(json_object_get(error, "message"));
        link_cut(link, text != NULL ? text : "its agent refuses");
        json_decref(error);
    } else if (status == BB_OK) {
        link_cut(link, link->reason.text);
    } else if (status == BB_UNREACHABLE) {
        link_cut(link, "no federation agent is on the bus there");
    } else if (!link->guest_heard) {
        link_cut(link, bb_status_text(status));
    }
}

static void say_hello(struct link *link)
{
    char *hello = link_hello_text(link), *params = NULL;
    CHECK(asprintf(&params, "[%s]", hello) > 0);
    link->hello_waits = bb_request(link->out, REMOTE_GATE, "hello", params, (uint32_t)patience(link),
                                   on_hello_answer, link) == BB_OK;
    free(params);
    free(hello);
}

void link_tick(struct agent *agent)
{
    int64_t now = bb_loop_mono_ms();
    for (size_t i = 0; i < agent->link_count; i++) {
        struct link *link = &agent->links[i];
        bool dialled = link->out != NULL && bb_client_is_up(link->out);
        if (dialled && !link->hello_waits)
            say_hello(link);
        if (link->up && now - link->heard_ms > patience(link))
            link_cut(link, "nothing was heard for too long");
        else if (link->up && link->out != NULL && !dialled && !link->guest_heard)
            link_cut(link, "the connection is broken");
        else if (!link->up && link->out != NULL && !dialled)
            bb_reason_say(&link->reason, "%s",
                          bb_client_reason(link->out)[0] != '\0' ? bb_client_reason(link->out)
                                                                 : "not connected");
        carry_pump(link);
        outbound_go_on(link);
    }
}

/* -- routes --------------------------------------------------------------------------------------------- */

static int64_t distance(const struct link *link, const char *platform)
{
    if (strcmp(link->set->platform, platform) == 0)
        return 0;
    for (size_t i = 0; i < link->route_count; i++)
        if (strcmp(link->routes[i].platform, platform) == 0)
            return link->routes[i].hops;
    return INT64_MAX;
}

struct link *link_towards(struct agent *agent, const char *platform, const struct link *from,
                          const struct rules_way *way)
{
    struct link *best = NULL;
    for (size_t i = 0; i < agent->link_count; i++) {
        struct link *link = &agent->links[i];
        bool open = link->up && link != from && !rules_passed(way, link->set->platform) &&
                    (from == NULL || (from->set->relay && link->set->relay));
        if (open && distance(link, platform) < (best == NULL ? INT64_MAX : distance(best, platform)))
            best = link;
    }
    return best;
}
