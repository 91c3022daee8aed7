/* upload.… and agent.install. */
#include "agents/host/install.h"
#include "agents/host/method.h"
#include "agents/host/uploads.h"
#include "bus/client/base64.h"
#include "bus/client/log.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

/* How often, and how many times, the broker is asked whether it knows a new agent's key. */
#define KNOWN_MS    50
#define KNOWN_TRIES 100
#define ASK_MS      2000

static const char *const OPEN[] = {"size", "sha256", NULL};
static const char *const WRITE[] = {"upload", "offset", "data", NULL};
static const char *const INSTALL[] = {"upload",   "name",  "identity", "config", "enable",
                                      "priority", "grant", "replace",  NULL};

static void open_upload(struct method_call *call)
{
    struct bb_reason reason = {""};
    char id[UPLOADS_ID_ROOM];
    bool good;
    const char *sha256 = method_text(call, "sha256", 64, &good);
    if (!good)
        return;
    enum status status = uploads_begin(call->host->uploads, call->caller,
                                       json_integer_value(json_object_get(call->params, "size")),
                                       sha256 == NULL ? "" : sha256, bb_loop_mono_ms(), &reason, id);
    if (status != BB_OK)
        method_refuse(call, status, "%s", reason.text);
    else
        method_answer(call, json_pack("{s:s}", "upload", id));
}

/* The bytes of "data", malloc'd. */
static enum status read_piece(const struct method_call *call, uint8_t **piece_out, size_t *size_out)
{
    const json_t *data = json_object_get(call->params, "data");
    if (!json_is_string(data) || json_string_length(data) >= BASE64_SIZE(UPLOADS_PIECE_MAX))
        return BB_RANGE;
    uint8_t *piece = malloc(UPLOADS_PIECE_MAX + 3);
    CHECK(piece != NULL);
    enum status status =
        base64_decode(json_string_value(data), json_string_length(data), piece, UPLOADS_PIECE_MAX, size_out);
    if (status == BB_OK)
        *piece_out = piece;
    else
        free(piece);
    return status;
}

static void write_upload(struct method_call *call)
{
    struct bb_reason reason = {""};
    uint8_t *piece;
    size_t size;
    int64_t received;
    bool good;
    const char *id = method_text(call, "upload", UPLOADS_ID_ROOM - 1, &good);
    const json_t *offset = json_object_get(call->params, "offset");
    if (!good)
        return;
    if (!json_is_integer(offset) || json_integer_value(offset) < 0 ||
        read_piece(call, &piece, &size) != BB_OK) {
        method_refuse(call, BB_RANGE, "expected an offset, and data in base64 of at most %d bytes",
                      UPLOADS_PIECE_MAX);
        return;
    }
    enum status status =
        uploads_write(call->host->uploads, call->caller, id == NULL ? "" : id, json_integer_value(offset),
                      (struct bytes){piece, size}, bb_loop_mono_ms(), &reason, &received);
    free(piece);
    if (status != BB_OK)
        method_refuse(call, status, "%s", reason.text);
    else
        method_answer(call, json_pack("{s:I}", "received", (json_int_t)received));
}

/* A call whose agent is on the disk, waiting for the broker to know its key. */
struct awaiting {
    struct method_call *call;
    char name[MANIFEST_NAME_ROOM];
    bool start;
    unsigned tries;
};

static void ask_known(void *context);

static void go_on(struct awaiting *awaiting)
{
    struct method_call *call = awaiting->call;
    struct hosted *agent = host_find(call->host, awaiting->name);
    bool wanted = awaiting->start;
    free(awaiting);
    if (agent == NULL)
        method_refuse(call, BB_NOT_FOUND, "it was removed again");
    else if (wanted)
        host_start(agent, method_settled, call);
    else
        method_settled(call, agent, NULL);
}

static void on_known(void *context, enum status status, const char *json)
{
    struct awaiting *awaiting = context;
    bool known = status == BB_OK && json[0] == '{';
    int timer;
    if (status == BB_CLOSED || known || ++awaiting->tries == KNOWN_TRIES ||
        bb_loop_after(awaiting->call->host->loop, KNOWN_MS, ask_known, awaiting, &timer) != BB_OK)
        go_on(awaiting);
}

/* Before the broker has read access.json anew it would refuse the agent. */
static void ask_known(void *context)
{
    struct awaiting *awaiting = context;
    const struct host *host = awaiting->call->host;
    const struct hosted *agent = host_find(host, awaiting->name);
    json_t *params = agent == NULL ? NULL : json_pack("[s]", agent->row.identity);
    char *text = params == NULL ? NULL : json_dumps(params, JSON_COMPACT);
    if (text == NULL || bb_request(host->client, "platform.auth", "get_capabilities", text, ASK_MS, on_known,
                                   awaiting) != BB_OK)
        go_on(awaiting);
    free(text);
    json_decref(params);
}

/* Fills the order; false: the call was refused. */
static bool read_order(struct method_call *call, struct install_order *out)
{
    const json_t *enable = json_object_get(call->params, "enable");
    const json_t *replace = json_object_get(call->params, "replace");
    const json_t *priority = json_object_get(call->params, "priority");
    const json_t *config = json_object_get(call->params, "config");
    bool good;
    *out = (struct install_order){.config = config, .grant = json_object_get(call->params, "grant")};
    out->name = method_text(call, "name", MANIFEST_NAME_ROOM - 1, &good);
    if (!good)
        return false;
    out->identity = method_text(call, "identity", BB_IDENTITY_MAX, &good);
    if (!good)
        return false;
    out->enable = enable == NULL || json_is_true(enable);
    out->replace = json_is_true(replace);
    out->priority = priority == NULL ? -1 : (int)json_integer_value(priority);
    if ((enable != NULL && !json_is_boolean(enable)) || (replace != NULL && !json_is_boolean(replace)) ||
        (config != NULL && !json_is_object(config)) ||
        (priority != NULL && (!json_is_integer(priority) || json_integer_value(priority) < 0 ||
                              json_integer_value(priority) > 100))) {
        method_refuse(call, BB_RANGE,
                      "expected enable and replace as true or false, priority from 0 to 100, config "
                      "as an object");
        return false;
    }
    return true;
}

static void put(struct method_call *call, const struct install_order *order, bool start)
{
    struct bb_reason reason = {""};
    struct hosted *agent;
    enum status status = install_put(call->host, order, &reason, &agent);
    if (status != BB_OK) {
        method_refuse(call, status, "%s", reason.text);
        return;
    }
    log_info("installed", LOG_TEXT("name", agent->row.name), LOG_TEXT("release", agent->row.release),
             LOG_TEXT("digest", agent->row.digest), LOG_TEXT("signer", agent->row.signer),
             LOG_TEXT("caller", call->caller));
    struct awaiting *awaiting = calloc(1, sizeof *awaiting);
    CHECK(awaiting != NULL);
    awaiting->call = call;
    awaiting->start = start;
    snprintf(awaiting->name, sizeof awaiting->name, "%s", agent->row.name);
    ask_known(awaiting);
}

static void sweep(void *context)
{
    const struct host *host = context;
    uploads_sweep(host->uploads, bb_loop_mono_ms());
}

/* The bundle of the call's upload, and the order with it. */
static bool read_all(struct method_call *call, struct install_order *order)
{
    struct bb_reason reason = {""};
    bool good;
    if (!read_order(call, order))
        return false;
    const char *id = method_text(call, "upload", UPLOADS_ID_ROOM - 1, &good);
    if (!good)
        return false;
    enum status status = uploads_read(call->host->uploads, call->caller, id == NULL ? "" : id,
                                      bb_loop_mono_ms(), &reason, &order->archive);
    int timer; /* its memory is not kept until somebody comes with the next one */
    (void)!bb_loop_after(call->host->loop, UPLOADS_USED_MS, sweep, call->host, &timer);
    if (status != BB_OK)
        method_refuse(call, status, "%s", reason.text);
    return status == BB_OK;
}

static void on_stopped_to_replace(void *context, struct hosted *agent, const char *why)
{
    struct method_call *call = context;
    struct install_order order;
    if (why != NULL)
        method_refuse(call, BB_REMOTE, "%s: %s", agent->row.name, why);
    else if (read_all(call, &order))
        put(call, &order, true);
}

static void install(struct method_call *call)
{
    struct install_order order;
    char name[MANIFEST_NAME_ROOM];
    if (!read_all(call, &order))
        return;
    struct hosted *old = host_find(call->host, install_name(&order, name));
    if (old != NULL && order.replace && old->life.state != LIFE_STOPPED && old->life.state != LIFE_CRASHED)
        host_stop(old, on_stopped_to_replace, call);
    else
        put(call, &order, order.enable);
}

const struct method install_methods[] = {
    {"upload.open", OPEN, true, open_upload},
    {"upload.write", WRITE, true, write_upload},
    {"agent.install", INSTALL, true, install},
    {NULL, NULL, false, NULL},
};
