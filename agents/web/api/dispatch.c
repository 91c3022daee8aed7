/* The boards, the topology, recorded runs, and orders to boards. */
#include "agents/views/boards.h"
#include "agents/views/views.h"
#include "agents/web/api/film.h"
#include "agents/web/api/handlers.h"
#include "agents/web/api/site.h"
#include "bus/client/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Boards may take so long to acknowledge, and the agent a little longer to say so. */
#define ORDER_MS 8000

static void answer_boards(struct job *job, const json_t *result)
{
    (void)result;
    job_answer(job, views_dispatch(job->document, bb_loop_wall_ms()));
}

void on_dispatch(void *context, struct exchange *exchange)
{
    site_gather(job_open(context, exchange), "boards", true, answer_boards);
}

/* -- the topology
 * --------------------------------------------------------------------------------------------- */

static void ask_site(struct job *job, const json_t *peers)
{
    json_t *agents = site_agents(job->api);
    char name[256] = "";
    for (size_t i = 0; i < json_array_size(peers) && *name == '\0'; i++) {
        const char *peer = json_string_value(json_array_get(peers, i));
        if (peer != NULL && json_object_get(agents, peer) != NULL)
            snprintf(name, sizeof name, "%s", peer);
    }
    json_decref(agents);
    if (*name == '\0')
        job_fail(job, 503, "unreachable", "no uart agent is on the bus");
    else
        job_read(job, name, "site", NULL, job_relay);
}

void on_site(void *context, struct exchange *exchange)
{
    job_read(job_open(context, exchange), NULL, "peers", NULL, ask_site);
}

/* -- runs
 * ----------------------------------------------------------------------------------------------------- */

void on_runs(void *context, struct exchange *exchange)
{
    const struct api *api = context;
    exchange_json(exchange, 200, film_list(&api->runs));
}

void on_run(void *context, struct exchange *exchange)
{
    const struct api *api = context;
    const char *text = exchange_part(exchange, 0);
    char *end = NULL;
    unsigned long id = *text >= '1' && *text <= '9' && strlen(text) < 10 ? strtoul(text, &end, 10) : 0;
    const struct run *run = id != 0 && *end == '\0' ? runs_find(&api->runs, (uint32_t)id) : NULL;
    if (run == NULL)
        exchange_fail(exchange, 404, "not-found", "there is no run %.32s (any more)", text);
    else
        exchange_json(exchange, 200, film_whole(&api->runs, run));
}

/* -- orders
 * --------------------------------------------------------------------------------------------------- */

static const struct {
    const char *word, *method;
    const char *members[6]; /* numbers that the body may hold */
} orders[] = {{"hold", "board.hold", {NULL}},
              {"release", "board.release", {NULL}},
              {"stop", "board.stop", {NULL}},
              {"override", "board.override", {"kw", NULL}},
              {"parameter", "board.parameter", {"omega", "sigma", "beta", "alpha", "pmax_kw", NULL}}};

static void send_order(struct job *job, const json_t *result)
{
    const char *agent = json_object_iter_key(json_object_iter(job->agents));
    char name[256];
    (void)result;
    if (agent == NULL) {
        job_answer(job, views_order(job->word, job->params));
        return;
    }
    snprintf(name, sizeof name, "%s", agent);
    json_object_del(job->agents, agent);
    job_ask(job,
            (struct relay_question){.peer = name,
                                    .method = job->word,
                                    .params = json_incref(job->params),
                                    .timeout_ms = ORDER_MS,
                                    .acts = true},
            send_order);
}

static void find_agents(struct job *job, const json_t *result)
{
    const char *name = json_string_value(json_object_get(job->params, "name"));
    (void)result;
    json_decref(job->agents);
    job->agents = boards_serving(job->document, name);
    job->word = json_string_value(json_object_get(job->params, "method"));
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (strcmp(orders[i].word, job->word) == 0)
            job->word = orders[i].method;
    json_object_del(job->params, "method");
    if (json_object_size(job->agents) == 0)
        job_fail(job, 404, "not-found", "no board is named \"%s\"", name);
    else
        send_order(job, NULL);
}

/* A number that a board can count: millionths, exactly. */
static bool take_number(struct exchange *exchange, const char *member, const json_t *value, json_t *params)
{
    double number = json_number_value(value), millionths = round(number * 1e6);
    if (!json_is_number(value) || !(number >= 0) || millionths > UINT32_MAX - 1 ||
        fabs(millionths / 1e6 - number) > 1e-12 * (1 + number)) {
        exchange_fail(exchange, 400, "range",
                      "%s: expected a number from 0 to 4294.967294 with at most six decimals (a board counts "
                      "millionths; nothing is rounded)",
                      member);
        return false;
    }
    json_object_set_new(params, member, views_millionths((int64_t)millionths));
    return true;
}

/* Reads the body's members into params; false: the exchange has been answered. */
static bool take_members(struct exchange *exchange, const char *const *members, const json_t *body,
                         json_t *params)
{
    const char *key;
    json_t *value;
    if (!json_is_object(body)) {
        exchange_fail(exchange, 400, "malformed", "the body must be a JSON object");
        return false;
    }
    json_object_foreach((json_t *)(uintptr_t)body, key, value)
    {
        size_t i = 0;
        while (members[i] != NULL && strcmp(members[i], key) != 0)
            i++;
        if (members[i] == NULL) {
            exchange_fail(exchange, 400, "range", "\"%.32s\" is no member of this order", key);
            return false;
        }
        if (!take_number(exchange, key, value, params))
            return false;
    }
    if (members[0] != NULL && json_object_size(params) == 1) {
        exchange_fail(exchange, 400, "range", "give %s%s", members[0],
                      members[1] == NULL ? "" : " or another of its kind");
        return false;
    }
    return true;
}

void on_order(void *context, struct exchange *exchange)
{
    const char *name = exchange_part(exchange, 0), *word = strrchr(exchange_path(exchange), '/') + 1;
    struct bytes body = exchange_body(exchange);
    json_t *given = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, NULL);
    json_t *params = json_pack("{s:s}", "name", name);
    size_t which = 0;
    while (which + 1 < sizeof orders / sizeof *orders && strcmp(orders[which].word, word) != 0)
        which++;
    if (strcmp(word, "override") == 0 && strcmp(name, "all") == 0)
        exchange_fail(exchange, 400, "range", "one power for all boards is no order; name a board");
    else if (take_members(exchange, orders[which].members, given, params)) {
        log_info("order", LOG_TEXT("order", word), LOG_TEXT("board", name),
                 LOG_TEXT("user", exchange_user(exchange)));
        struct job *job = job_open(context, exchange);
        json_object_set_new(params, "method", json_string(word));
        job->params = json_incref(params);
        site_gather(job, "boards", true, find_agents);
    }
    json_decref(params);
    json_decref(given);
}
