/* directory.…: who offers what. */
#include "agents/host/directory.h"
#include "agents/host/directory_desk.h"
#include "agents/host/method.h"
#include "agents/host/move_desk.h"

#include <busbar/check.h>
#include <busbar/directory.h>
#include <stdlib.h>
#include <string.h>

static const char *const SERVICES[] = {"services", NULL};
static const char *const NAME[] = {"name", NULL};
static const char *const CONDITIONS[] = {"name", "peer", "method", "properties", NULL};

/* A peer of another platform is not on this bus, so nobody here would see it leave. */
static bool is_remote(struct method_call *call)
{
    if (strchr(call->caller, '@') == NULL)
        return false;
    method_refuse(call, BB_DENIED, "a peer registers with the directory of its own platform");
    return true;
}

static void register_services(struct method_call *call)
{
    struct bb_reason reason = {""};
    if (is_remote(call))
        return;
    enum status status =
        directory_register(call->host->directory, call->caller, call->params, bb_loop_wall_ms(), &reason);
    if (status == BB_OK)
        method_answer(call, json_true());
    else
        method_refuse(call, status, "%s", reason.text);
}

static void withdraw(struct method_call *call)
{
    struct bb_reason reason = {""};
    if (is_remote(call))
        return;
    enum status status = directory_withdraw(call->host->directory, call->caller, call->params, &reason);
    if (status == BB_OK)
        method_answer(call, json_true());
    else
        method_refuse(call, status, "%s", reason.text);
}

static void lookup(struct method_call *call)
{
    struct bb_reason reason = {""};
    json_t *result = NULL;
    enum status status = directory_lookup(call->host->directory, move_desk_platform(call->host), call->params,
                                          &reason, &result);
    if (status == BB_OK)
        method_answer(call, result);
    else
        method_refuse(call, status, "%s", reason.text);
}

const struct method directory_methods[] = {
    {"directory.register", SERVICES, false, register_services},
    {"directory.withdraw", NAME, false, withdraw},
    {"directory.lookup", CONDITIONS, false, lookup},
    {NULL, NULL, false, NULL},
};

/* -- the bus ----------------------------------------------------------------------------------------------
 */

static void on_change(void *context, const char *change, const char *peer, const char *service)
{
    const struct host *host = context;
    json_t *json = json_pack("{s:s,s:s,s:s}", "change", change, "peer", peer, "service", service);
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    CHECK(text != NULL);
    (void)!bb_publish(host->client, "directory/changes", NULL, text);
    free(text);
    json_decref(json);
}

static void on_peers(void *context, enum bb_peers_change change, const char *text)
{
    const struct host *host = context;
    json_t *peers = NULL;
    switch (change) {
    case BB_PEERS_LIST:
        peers = json_loads(text, 0, NULL);
        if (json_is_array(peers))
            directory_keep(host->directory, peers);
        json_decref(peers);
        break;
    case BB_PEERS_LEFT:
        directory_leave(host->directory, text);
        break;
    case BB_PEERS_CAME:
        break; /* it registers when it wants to */
    }
}

enum status directory_desk_open(struct host *host)
{
    host->directory = directory_open(on_change, host);
    return bb_watch_peers(host->client, on_peers, host);
}

void directory_desk_close(struct host *host)
{
    directory_close(host->directory);
    host->directory = NULL;
}
