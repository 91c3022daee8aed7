#include "agents/federation/crossing.h"

#include "agents/federation/link.h"
#include "bus/core/remote.h"

#include <busbar/check.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* JSON-RPC codes as VOLTTRON numbers them. */
#define CODE_UNAVAILABLE  (-32006)
#define CODE_UNAUTHORIZED (-32001)
#define CODE_PARAMS       (-32602)
/* The largest answer that crosses. */
#define ANSWER_MAX (8 * 1024 * 1024)

/* A call that waits for its answer. */
struct crossing {
    struct crossing **list; /* it is in; NULL: in none any more */
    struct crossing *previous, *next;
    struct bb_pending *pending; /* NULL: answered already */
    char recipient[BB_IDENTITY_MAX + 1];
};

/* What is called, and by whom. */
struct request {
    struct rules_way way;
    const char *caller, *peer, *platform, *method, *params;
};

/* -- answering ------------------------------------------------------------------------------------------ */

static void fail(struct bb_pending *pending, int code, const char *type, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* An error whose data VOLTTRON's agents can take apart. */
static void fail(struct bb_pending *pending, int code, const char *type, const char *format, ...)
{
    char text[512];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    json_t *error = json_pack("{s:i,s:s,s:{s:s,s:{s:s,s:[s]}}}", "code", code, "message", text, "data",
                              "detail", text, "exception.py", "exc_type", type, "exc_args", text);
    char *json = error == NULL ? NULL : json_dumps(error, JSON_COMPACT);
    bb_answer_error(pending, json != NULL ? json : "{\"code\":-32000,\"message\":\"refused\"}");
    free(json);
    json_decref(error);
}

static void unavailable(struct bb_pending *pending, const char *recipient, const char *why)
{
    fail(pending, CODE_UNAVAILABLE, "Unreachable", "%.300s: %.100s", recipient, why);
}

static void unlist(struct crossing *crossing)
{
    if (crossing->list == NULL)
        return;
    if (crossing->previous != NULL)
        crossing->previous->next = crossing->next;
    else
        *crossing->list = crossing->next;
    if (crossing->next != NULL)
        crossing->next->previous = crossing->previous;
    crossing->list = NULL;
}

static void on_answer(void *context, enum status status, const char *json)
{
    struct crossing *crossing = context;
    struct bb_pending *pending = crossing->pending;
    unlist(crossing);
    if (pending != NULL && json != NULL && strlen(json) > ANSWER_MAX)
        fail(pending, CODE_UNAVAILABLE, "TooLarge", "%s answered with more than %d bytes",
             crossing->recipient, ANSWER_MAX);
    else if (pending != NULL && status == BB_OK)
        bb_answer(pending, BB_OK, json);
    else if (pending != NULL && status == BB_REMOTE && json != NULL)
        bb_answer_error(pending, json);
    else if (pending != NULL)
        unavailable(pending, crossing->recipient, bb_status_text(status));
    free(crossing);
}

static struct crossing *open_crossing(struct bb_pending *pending, const struct request *r,
                                      struct crossing **list)
{
    struct crossing *crossing = calloc(1, sizeof *crossing);
    CHECK(crossing != NULL);
    crossing->pending = pending;
    snprintf(crossing->recipient, sizeof crossing->recipient, "%s@%s", r->peer, r->platform);
    crossing->list = list;
    crossing->next = *list;
    if (*list != NULL)
        (*list)->previous = crossing;
    *list = crossing;
    return crossing;
}

static void fail_all(struct crossing **list)
{
    while (*list != NULL) {
        struct crossing *crossing = *list;
        struct bb_pending *pending = crossing->pending;
        unlist(crossing);
        crossing->pending = NULL; /* the client answers its leg later, and frees it */
        unavailable(pending, crossing->recipient, "the link was cut before the answer came");
    }
}

void crossing_fail(struct link *link)
{
    fail_all(&link->crossings);
    fail_all(&link->served);
}

/* -- onwards -------------------------------------------------------------------------------------------- */

static char *request_text(const struct request *r)
{
    json_t *way = json_array();
    for (size_t i = 0; i < r->way.count; i++)
        json_array_append_new(way, json_string(r->way.names[i]));
    json_t *root = json_pack("[{s:o,s:s,s:s,s:s,s:s,s:s*}]", "way", way, "caller", r->caller, "peer", r->peer,
                             "platform", r->platform, "method", r->method, "params", r->params);
    char *text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return text;
}

/* Sends the call over a link; `from` is where it came from, NULL: from here. */
static void send_on(struct agent *agent, struct request *r, const struct link *from,
                    struct bb_pending *pending)
{
    struct link *link = link_towards(agent, r->platform, from, &r->way);
    char name[BB_IDENTITY_MAX + RULES_NAME_SIZE + 2];
    snprintf(name, sizeof name, "%s@%s", r->peer, r->platform);
    if (link == NULL) {
        unavailable(pending, name,
                    link_of(agent, r->platform) != NULL ? "the link to this platform is cut"
                                                        : "no way to this platform is known");
        return;
    }
    char *params = rules_pass(&r->way, agent->settings->platform, (size_t)agent->settings->hops)
                       ? request_text(r)
                       : NULL;
    struct crossing *crossing = open_crossing(pending, r, &link->crossings);
    enum status status =
        params == NULL
            ? BB_RANGE
            : link_request(link, "call", params, (uint32_t)agent->settings->call_ms, on_answer, crossing);
    if (status != BB_OK)
        on_answer(crossing, status, NULL);
    else
        link->counts.calls_out++;
    free(params);
}

void crossing_leave(void *context, struct bb_pending *pending, const char *recipient, const char *caller,
                    const char *method, const char *params)
{
    struct agent *agent = context;
    char peer[BB_IDENTITY_MAX + 1], platform[RULES_NAME_SIZE], who[BB_IDENTITY_MAX + RULES_NAME_SIZE + 2];
    if (!rules_split(recipient, peer, sizeof peer, platform) || strchr(caller, '@') != NULL) {
        unavailable(pending, recipient, "this is no name of a peer of another platform");
        return;
    }
    if (strcmp(platform, agent->settings->platform) == 0) {
        unavailable(pending, recipient, "this is that platform: call the peer by its name alone");
        return;
    }
    snprintf(who, sizeof who, "%s@%s", caller, agent->settings->platform);
    struct request r = {
        .caller = who, .peer = peer, .platform = platform, .method = method, .params = params};
    send_on(agent, &r, NULL, pending);
}

/* -- in ------------------------------------------------------------------------------------------------- */

/* Reads a request; the texts are borrowed from `root`. */
static bool read_request(const struct link *link, const json_t *root, struct request *out)
{
    const json_t *call = json_array_get(root, 0), *item;
    char peer[BB_IDENTITY_MAX + 1], platform[RULES_NAME_SIZE];
    size_t i;
    *out = (struct request){.caller = json_string_value(json_object_get(call, "caller")),
                            .peer = json_string_value(json_object_get(call, "peer")),
                            .platform = json_string_value(json_object_get(call, "platform")),
                            .method = json_string_value(json_object_get(call, "method")),
                            .params = json_string_value(json_object_get(call, "params"))};
    if (out->caller == NULL || out->peer == NULL || out->platform == NULL || out->method == NULL ||
        strlen(out->caller) > BB_IDENTITY_MAX || strlen(out->peer) > BB_IDENTITY_MAX ||
        !rules_is_platform(out->platform) || !rules_split(out->caller, peer, sizeof peer, platform))
        return false;
    json_array_foreach(json_object_get(call, "way"), i,
                       item) if (!json_is_string(item) ||
                                 !rules_pass(&out->way, json_string_value(item),
                                             (size_t)link->agent->settings->hops)) return false;
    return out->way.count > 0 && strcmp(out->way.names[0], platform) == 0 &&
           strcmp(out->way.names[out->way.count - 1], link->set->platform) == 0 &&
           !rules_passed(&out->way, link->agent->settings->platform);
}

/* Agents that federate are nobody's to call. */
static bool is_gate(const char *peer)
{
    size_t size = strlen(REMOTE_GATE);
    return strncmp(peer, REMOTE_GATE, size) == 0 && (peer[size] == '\0' || peer[size] == '.');
}

static void call_here(struct link *link, const struct request *r, struct bb_pending *pending)
{
    struct agent *agent = link->agent;
    if (is_gate(r->peer) || !rules_may_call(&link->set->calls, r->peer, r->method)) {
        link->counts.calls_refused++;
        fail(pending, CODE_UNAUTHORIZED, "Unauthorized",
             "%.100s: the platform %s does not let %s call %.64s of this peer", r->peer,
             agent->settings->platform, link->set->platform, r->method);
        return;
    }
    link->counts.calls_in++;
    struct crossing *crossing = open_crossing(pending, r, &link->served);
    enum status status = bb_request_as(agent->own, r->caller, r->peer, r->method, r->params,
                                       (uint32_t)agent->settings->call_ms, on_answer, crossing);
    if (status != BB_OK)
        on_answer(crossing, status, NULL);
}

void crossing_receive(struct link *link, struct bb_pending *pending, const char *params)
{
    struct request r;
    json_t *root = json_loads(params, 0, NULL);
    if (!read_request(link, root, &r)) {
        link->counts.calls_refused++;
        fail(pending, CODE_PARAMS, "ValueError", "%s: a call that is none, or has gone a forbidden way",
             link->agent->settings->platform);
    } else if (strcmp(r.platform, link->agent->settings->platform) == 0) {
        call_here(link, &r, pending);
    } else if (!link->set->relay) {
        link->counts.calls_refused++;
        fail(pending, CODE_UNAUTHORIZED, "Unauthorized", "the platform %s does not relay calls of %s",
             link->agent->settings->platform, link->set->platform);
    } else {
        send_on(link->agent, &r, link, pending);
    }
    json_decref(root);
}
