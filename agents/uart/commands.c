#include "agents/uart/commands.h"

#include "agents/uart/nodes.h"
#include "agents/uart/publisher.h"
#include "bus/client/log.h"
#include "bus/client/turn.h"

#include <busbar/directory.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How long boards may take to acknowledge: a repetition or two on a poor line. */
#define ANSWER_MS 3000

/* The boards that a command goes to, by their place, and what they had refused before. */
struct targets {
    size_t count;
    struct board *boards[BB_BOARDS_MAX];
    uint32_t refusals[BB_BOARDS_MAX];
};

__attribute__((format(printf, 3, 4))) static enum status refuse(char **out, enum status status,
                                                                const char *format, ...)
{
    va_list values;
    va_start(values, format);
    if (vasprintf(out, format, values) < 0)
        *out = NULL;
    va_end(values);
    return status;
}

static enum status find_one(struct agent *agent, const char *name, struct targets *t, char **out)
{
    struct board *board = agent_board_by_name(agent, name);
    const struct site_board *other = site_by_name(&agent->site, name);
    if (board == NULL && other != NULL)
        return refuse(out, BB_NOT_FOUND, "%s is served by %s", name, other->agent);
    if (board == NULL)
        return refuse(out, BB_NOT_FOUND, "there is no board \"%.32s\"", name);
    if (!board->online)
        return refuse(out, BB_UNREACHABLE, "%s is offline", name);
    t->boards[t->count++] = board;
    return BB_OK;
}

static enum status find_targets(struct agent *agent, const json_t *params, bool all_allowed,
                                struct targets *t, char **out)
{
    const char *name = json_string_value(json_object_get(params, "name"));
    t->count = 0;
    if (name == NULL)
        return refuse(out, BB_RANGE, "\"name\" must be a board's name%s", all_allowed ? " or \"all\"" : "");
    if (strcmp(name, "all") != 0 || !all_allowed)
        return find_one(agent, name, t, out);
    for (size_t i = 0; i < agent->board_count; i++)
        if (agent->boards[i].online)
            t->boards[t->count++] = &agent->boards[i];
    return t->count > 0 ? BB_OK
                        : refuse(out, BB_UNREACHABLE, "no board of %s is online", agent->settings->identity);
}

/* Lets the loop run until every board has acknowledged or refused. */
static bool wait_for(struct agent *agent, const struct targets *t)
{
    int64_t end = bb_loop_mono_ms() + ANSWER_MS;
    for (;;) {
        bool waiting = false;
        for (size_t i = 0; i < t->count; i++) {
            const struct board *b = t->boards[i];
            waiting = waiting || (b->online && !link_idle(&b->line->link));
        }
        int64_t left = end - bb_loop_mono_ms();
        if (!waiting || left <= 0)
            return !waiting;
        if (bb_loop_turn(agent->loop, left) != BB_OK)
            return false;
    }
}

/* {"boards":["L1",…]} when all have taken it. */
static enum status answer(const struct targets *t, bool all_answered, char **out)
{
    json_t *done = json_array();
    enum status status = BB_OK;
    for (size_t i = 0; i < t->count && status == BB_OK; i++) {
        const struct board *b = t->boards[i];
        if (b->machine.refusals != t->refusals[i])
            status = refuse(out, BB_RANGE, "%s refused: %s", b->site->name, b->machine.refusal);
        else if (!b->online)
            status = refuse(out, BB_UNREACHABLE, "%s went offline before it answered", b->site->name);
        else if (!all_answered && !link_idle(&b->line->link))
            status =
                refuse(out, BB_TIMEOUT, "%s has not acknowledged within %d ms", b->site->name, ANSWER_MS);
        json_array_append_new(done, json_string(b->site->name));
    }
    json_t *root = json_pack("{s:o}", "boards", done);
    if (status == BB_OK)
        *out = json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return status;
}

static void await(const struct targets *t, int change)
{
    for (size_t i = 0; i < t->count; i++)
        t->boards[i]->machine.awaited += (unsigned)change;
}

static enum status send_to(struct agent *agent, struct targets *t, const struct link_message *m, char **out)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < t->count; i++) {
        t->refusals[i] = t->boards[i]->machine.refusals;
        if (t->boards[i]->line == NULL || line_send(t->boards[i]->line, m) != BB_OK)
            status = refuse(out, BB_FULL, "%s has not yet acknowledged what it was told before; try again",
                            t->boards[i]->site->name);
        if (status != BB_OK)
            return status;
    }
    await(t, 1); /* until then an image does not keep the link from falling idle */
    bool answered = wait_for(agent, t);
    await(t, -1);
    return answer(t, answered, out);
}

/* A number in its unit as millionths; BB_RANGE when it is none, negative, or too large for the link. */
static enum status take_millionths(const json_t *params, const char *key, uint32_t *value_out, char **out)
{
    const json_t *value = json_object_get(params, key);
    double number = json_number_value(value) * 1e6;
    if (!json_is_number(value) || !(number >= 0) || number > UINT32_MAX - 1)
        return refuse(out, BB_RANGE, "\"%s\" must be a number from 0 to 4294.967294", key);
    *value_out = (uint32_t)llround(number);
    return BB_OK;
}

static enum status command(struct agent *agent, const char *params, uint8_t mode, char **out)
{
    json_t *root = json_loads(params, 0, NULL);
    struct link_message m = {.type = LINK_COMMAND, .command.mode = mode};
    struct targets t;
    enum status status = find_targets(agent, root, mode != LINK_COMMAND_OVERRIDE, &t, out);
    if (status == BB_OK && mode == LINK_COMMAND_OVERRIDE)
        status = take_millionths(root, "kw", &m.command.power, out);
    json_decref(root);
    return status == BB_OK ? send_to(agent, &t, &m, out) : status;
}

static enum status on_hold(void *context, const char *caller, const char *params, char **out)
{
    log_info("command", LOG_TEXT("method", "hold"), LOG_TEXT("caller", caller), LOG_TEXT("params", params));
    return command(context, params, LINK_COMMAND_HOLD, out);
}

static enum status on_release(void *context, const char *caller, const char *params, char **out)
{
    log_info("command", LOG_TEXT("method", "release"), LOG_TEXT("caller", caller),
             LOG_TEXT("params", params));
    return command(context, params, LINK_COMMAND_RELEASE, out);
}

static enum status on_stop(void *context, const char *caller, const char *params, char **out)
{
    log_info("command", LOG_TEXT("method", "stop"), LOG_TEXT("caller", caller), LOG_TEXT("params", params));
    return command(context, params, LINK_COMMAND_STOP, out);
}

static enum status on_override(void *context, const char *caller, const char *params, char **out)
{
    log_info("command", LOG_TEXT("method", "override"), LOG_TEXT("caller", caller),
             LOG_TEXT("params", params));
    return command(context, params, LINK_COMMAND_OVERRIDE, out);
}

/* The board's kind decides the words; what is not given stays as it is, which the board alone knows. */
static enum status fill_parameter(const struct board *board, const json_t *params, struct link_parameter *p,
                                  char **out)
{
    bool consumer = board->site->kind == SITE_CONSUMER;
    const char *intercept = consumer ? "omega" : "beta", *slope = consumer ? "sigma" : "alpha";
    const struct {
        const char *key;
        uint32_t *value;
    } fields[] = {{slope, &p->slope}, {intercept, &p->intercept}, {"pmax_kw", &p->pmax}};
    const char *key;
    json_t *value;
    size_t given = 0;
    json_object_foreach((json_t *)(uintptr_t)params, key, value)
    {
        size_t i = 0;
        while (i < 3 && strcmp(fields[i].key, key) != 0)
            i++;
        if (i == 3 && strcmp(key, "name") != 0)
            return refuse(out, BB_RANGE, "%s is a %s: it has %s, %s and pmax_kw, no \"%.32s\"",
                          board->site->name, consumer ? "consumer" : "generator", intercept, slope, key);
        enum status status = i < 3 ? take_millionths(params, key, fields[i].value, out) : BB_OK;
        if (status != BB_OK)
            return status;
        given += i < 3;
    }
    return given > 0 ? BB_OK
                     : refuse(out, BB_RANGE, "give at least one of %s, %s, pmax_kw", intercept, slope);
}

static enum status on_parameter(void *context, const char *caller, const char *params, char **out)
{
    struct agent *agent = context;
    json_t *root = json_loads(params, 0, NULL);
    struct targets t;
    struct link_message m = {.type = LINK_PARAMETER,
                             .parameter = {LINK_UNCHANGED, LINK_UNCHANGED, LINK_UNCHANGED}};
    log_info("command", LOG_TEXT("method", "parameter"), LOG_TEXT("caller", caller),
             LOG_TEXT("params", params));
    enum status status = find_targets(agent, root, false, &t, out);
    if (status == BB_OK)
        status = fill_parameter(t.boards[0], root, &m.parameter, out);
    json_decref(root);
    return status == BB_OK ? send_to(agent, &t, &m, out) : status;
}

/* The boards in the order of the site file, and who is whose neighbour, each pair once. */
static enum status on_site(void *context, const char *caller, const char *params, char **out)
{
    (void)caller, (void)params;
    const struct site *site = &((const struct agent *)context)->site;
    json_t *boards = json_array(), *links = json_array();
    for (size_t i = 0; i < site->count; i++) {
        const struct site_board *b = &site->boards[i];
        json_array_append_new(boards, json_pack("{s:i,s:s,s:s,s:s,s:s,s:s}", "board", b->id, "name", b->name,
                                                "kind", b->kind == SITE_CONSUMER ? "consumer" : "generator",
                                                "agent", b->agent, "topic", b->topic, "dispatch",
                                                b->agent_runs ? "agent" : "board"));
        for (size_t k = 0; k < b->neighbour_count; k++) {
            const struct site_board *other = site_by_id(site, b->neighbours[k]);
            if (other != NULL && other > b)
                json_array_append_new(links, json_pack("[s,s]", b->name, other->name));
        }
    }
    json_t *root = json_pack("{s:s,s:s,s:i,s:i,s:i,s:o,s:o}", "name", site->name, "method",
                             site->method == 0 ? "curves" : "incremental-cost", "exchange_ms",
                             site->exchange_ms, "heartbeat_ms", site->heartbeat_ms, "expiry_ms",
                             site->expiry_ms, "boards", boards, "links", links);
    *out = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
    json_decref(root);
    return BB_OK;
}

static enum status on_boards(void *context, const char *caller, const char *params, char **out)
{
    (void)caller, (void)params;
    const struct agent *agent = context;
    json_t *list = json_array();
    for (size_t i = 0; i < agent->board_count; i++)
        json_array_append_new(list,
                              publisher_board_object(agent, &agent->boards[i], (struct bytes){NULL, 0}));
    *out = json_dumps(list, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(list);
    return BB_OK;
}

enum status commands_start(struct agent *agent)
{
    static const struct {
        const char *method;
        bb_on_call *on_call;
    } methods[] = {{"boards", on_boards},
                   {"site", on_site},
                   {"board.hold", on_hold},
                   {"board.release", on_release},
                   {"board.stop", on_stop},
                   {"board.override", on_override},
                   {"board.parameter", on_parameter}};
    enum status status = BB_OK;
    for (size_t i = 0; i < sizeof methods / sizeof *methods && status == BB_OK; i++)
        status = bb_serve(agent->client, methods[i].method, methods[i].on_call, agent);
    if (status == BB_OK)
        status = nodes_start(agent);
    return status == BB_OK ? bb_offer_served(agent->client, "boards",
                                             "[\"Data/\",\"dispatch/\",\"alerts/dispatch/\",\"boards/\"]")
                           : status;
}
