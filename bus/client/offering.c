#include "bus/client/offering.h"

#include "bus/client/calls.h"
#include "bus/client/log.h"

#include <busbar/check.h>
#include <busbar/directory.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIRECTORY "agentd"
/* It may be repeated: one that went to a connection that agentd has just left is lost. */
#define REGISTER_MS 5000
#define LIST_MS     30000

/* An agentd that has just come may not serve yet. */
#define NO_METHOD   (-32601)
#define AGAIN_MS    500
#define AGAIN_TIMES 10

static void offer(struct bb_client *c);

static void on_again(void *context)
{
    struct bb_client *c = context;
    c->offer_timer = 0;
    offer(c);
}

static bool is_too_early(struct bb_client *c, const char *json)
{
    json_t *error = json != NULL ? json_loads(json, 0, NULL) : NULL;
    bool early = json_integer_value(json_object_get(error, "code")) == NO_METHOD &&
                 c->offer_tries++ < AGAIN_TIMES && c->offer_timer == 0;
    json_decref(error);
    return early && bb_loop_after(c->loop, AGAIN_MS, on_again, c, &c->offer_timer) == BB_OK;
}

static void on_registered(void *context, enum status status, const char *json)
{
    struct bb_client *c = context;
    if (status == BB_OK)
        c->offer_tries = 0;
    if (status == BB_TIMEOUT)
        offer(c);
    else if (status == BB_REMOTE && is_too_early(c, json))
        return;
    else if (status == BB_REMOTE || status == BB_DENIED)
        log_warning("offer-refused", LOG_TEXT("peer", DIRECTORY),
                    LOG_TEXT("reason", json != NULL ? json : bb_status_text(status)));
}

/* Without an agentd the broker answers that there is none; when it comes, its `add` leads here again. */
static void offer(struct bb_client *c)
{
    if (c->offer == NULL || c->phase != CLIENT_READY)
        return;
    if (bb_request(c, DIRECTORY, "directory.register", c->offer, REGISTER_MS, on_registered, c) != BB_OK)
        log_warning("offer-failed", LOG_TEXT("peer", DIRECTORY), LOG_TEXT("reason", c->reason.text));
}

enum status bb_offer(struct bb_client *client, const char *services)
{
    json_t *list = json_loads(services, 0, NULL);
    if (!json_is_array(list)) {
        json_decref(list);
        bb_reason_say(&client->reason, "what is offered is a JSON array of services");
        return BB_RANGE;
    }
    json_t *params = json_pack("{s:o}", "services", list);
    char *text = json_dumps(params, JSON_COMPACT);
    CHECK(text != NULL);
    json_decref(params);
    free(client->offer);
    client->offer = text;
    offer(client);
    return BB_OK;
}

enum status bb_offer_served(struct bb_client *client, const char *name, const char *topics)
{
    json_t *methods = json_array(), *list = topics != NULL ? json_loads(topics, 0, NULL) : json_array();
    for (size_t i = 0; i < client->method_count; i++)
        json_array_append_new(methods, json_string(client->methods[i].method));
    if (!json_is_array(list)) {
        json_decref(methods);
        json_decref(list);
        bb_reason_say(&client->reason, "topics are a JSON array of texts");
        return BB_RANGE;
    }
    json_t *services = json_pack("[{s:s,s:s,s:o,s:o}]", "name", name, "version", BUSBAR_VERSION, "methods",
                                 methods, "topics", list);
    char *text = services != NULL ? json_dumps(services, JSON_COMPACT) : NULL;
    CHECK(text != NULL);
    enum status status = bb_offer(client, text);
    free(text);
    json_decref(services);
    return status;
}

/* -- peers ---------------------------------------------------------------------------------------------- */

static void on_list(void *context, enum status status, const char *json)
{
    struct bb_client *c = context;
    if (status == BB_OK)
        c->on_peers(c->peers_context, BB_PEERS_LIST, json);
    else if (status == BB_TIMEOUT)
        calls_list(c, LIST_MS, on_list, c);
}

enum status bb_watch_peers(struct bb_client *client, bb_on_peers *on_peers, void *context)
{
    if (client->on_peers != NULL)
        return BB_EXISTS;
    client->on_peers = on_peers;
    client->peers_context = context;
    if (client->phase == CLIENT_READY)
        calls_list(client, LIST_MS, on_list, client);
    return BB_OK;
}

void offering_welcome(struct bb_client *c)
{
    if (c->on_peers != NULL)
        calls_list(c, LIST_MS, on_list, c);
    offer(c);
}

void offering_peer(struct bb_client *c, const struct wire *wire)
{
    char peer[BB_IDENTITY_MAX + 1];
    bool came = wire_is(wire_frame(wire, 5), "add");
    if ((!came && !wire_is(wire_frame(wire, 5), "drop")) ||
        !wire_text(wire_frame(wire, 6), peer, sizeof peer))
        return;
    if (c->on_peers != NULL)
        c->on_peers(c->peers_context, came ? BB_PEERS_CAME : BB_PEERS_LEFT, peer);
    if (came && strcmp(peer, DIRECTORY) == 0) {
        c->offer_tries = 0;
        offer(c);
    }
}

void offering_free(struct bb_client *c)
{
    bb_loop_cancel(c->loop, c->offer_timer);
    free(c->offer);
}
