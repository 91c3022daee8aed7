/* move.…: what operators, and other platforms' agentd, ask of the moves. */
#include "agents/host/method.h"
#include "agents/host/move_desk.h"

#include <string.h>

static const char *const NAME_PLATFORM[] = {"name", "platform", "wait", NULL};
static const char *const NAME_HERE[] = {"name", "here", NULL};
static const char *const OFFER[] = {"id",       "ticket",  "protocol", "name",   "running", "agent",
                                    "identity", "release", "digest",   "signer", "size",    NULL};
static const char *const WRITE[] = {"id", "ticket", "offset", "data", "size", "sha256", NULL};
static const char *const ID[] = {"id", "ticket", NULL};

static void on_settled(void *context, const struct move *move)
{
    method_answer(context, json_pack("{s:o}", "move", moves_json(move)));
}

static void start(struct method_call *call)
{
    struct bb_reason reason = {""};
    struct move move;
    bool good;
    const json_t *wait = json_object_get(call->params, "wait");
    struct hosted *agent = method_agent(call);
    const char *platform =
        agent != NULL ? method_text(call, "platform", MOVE_PLATFORM_SIZE - 1, &good) : NULL;
    if (agent == NULL || !good)
        return;
    if (platform == NULL || (wait != NULL && !json_is_boolean(wait))) {
        method_refuse(call, BB_RANGE, "%s",
                      platform == NULL ? "platform: to which one?" : "wait: true or false");
        return;
    }
    enum status status = moves_start(move_desk_moves(call->host), agent->row.name, platform, &reason, &move);
    if (status != BB_OK)
        method_refuse(call, status, "%s", reason.text);
    else if (json_is_false(wait))
        on_settled(call, &move);
    else
        move_desk_wait(call->host, &move, false, on_settled, call);
}

static void list(struct method_call *call)
{
    method_answer(call, moves_list(move_desk_moves(call->host)));
}

static void resolve(struct method_call *call)
{
    struct bb_reason reason = {""};
    struct move move;
    bool good;
    const json_t *here = json_object_get(call->params, "here");
    const char *name = method_text(call, "name", MOVE_NAME_SIZE - 1, &good);
    if (!good)
        return;
    if (name == NULL || !json_is_boolean(here)) {
        method_refuse(call, BB_RANGE, "%s", name == NULL ? "name: of which agent?" : "here: true or false");
        return;
    }
    enum status status = moves_resolve(move_desk_moves(call->host), name, json_is_true(here), &reason, &move);
    if (status != BB_OK)
        method_refuse(call, status, "%s", reason.text);
    else
        move_desk_wait(call->host, &move, true, on_settled, call);
}

/* What agentd of another platform asks: the caller's name comes from the federation agent, which knows over
 * which link it came. */
static void answer(struct method_call *call)
{
    static const char peer[] = HOST_IDENTITY "@";
    struct bb_reason reason = {""};
    json_t *result = NULL;
    if (strncmp(call->caller, peer, sizeof peer - 1) != 0 ||
        strlen(call->caller + sizeof peer - 1) >= MOVE_PLATFORM_SIZE) {
        method_refuse(call, BB_DENIED, "only another platform's " HOST_IDENTITY " may call this");
        return;
    }
    enum status status = moves_answer(move_desk_moves(call->host), call->caller + sizeof peer - 1,
                                      call->method->name, call->params, &reason, &result);
    if (status == BB_OK)
        method_answer(call, result);
    else
        method_refuse(call, status, "%s", reason.text);
}

const struct method move_methods[] = {
    {"move.start", NAME_PLATFORM, true, start},
    {"move.list", NULL, false, list},
    {"move.resolve", NAME_HERE, true, resolve},
    {"move.offer", OFFER, false, answer},
    {"move.write", WRITE, false, answer},
    {"move.commit", ID, false, answer},
    {"move.drop", ID, false, answer},
    {"move.ask", ID, false, answer},
    {NULL, NULL, false, NULL},
};
