#include "agents/historian/agent.h"

#include "bus/client/log.h"
#include "bus/client/turn.h"

#include <busbar/check.h>
#include <busbar/directory.h>
#include <busbar/serve.h>
#include <stdlib.h>
#include <sys/random.h>

#define SUBSCRIBE_MS 10000
#define TICK_MS      1000
/* Questions that wait for the worker; more are refused. */
#define QUESTIONS_MAX 1000

/* -- messages ------------------------------------------------------------------------------------------- */

static int64_t wall_us(void)
{
    return bb_loop_wall_ms() * 1000;
}

static void on_message(void *context, const char *topic, const char *sender, const char *headers,
                       const char *message)
{
    const struct reading_source source = {topic, headers, message, wall_us()};
    (void)sender;
    (void)!agent_take(context, &source, 0);
}

static enum status on_durable(void *context, const struct bb_durable_message *m)
{
    const struct reading_source source = {m->topic, m->headers, m->message, m->time_ms * 1000};
    return agent_take(context, &source, m->offset);
}

/* -- questions ------------------------------------------------------------------------------------------ */

static void ask(struct agent *a, struct bb_pending *pending, answer_method *method, const char *params)
{
    struct worker_question *q = calloc(1, sizeof *q);
    CHECK(q != NULL);
    if (a->questions >= QUESTIONS_MAX) {
        free(q);
        bb_answer(pending, BB_FULL, "too many questions wait; ask again later");
        return;
    }
    a->questions++;
    q->method = method;
    q->context = pending;
    q->params = params == NULL ? NULL : strdup(params);
    worker_ask(a->worker, q);
}

#define SERVES(name, method)                                                                                 \
    static void name(void *context, struct bb_pending *pending, const char *caller, const char *params)      \
    {                                                                                                        \
        (void)caller;                                                                                        \
        ask(context, pending, method, params);                                                               \
    }
SERVES(on_query, answer_query)
SERVES(on_topic_list, answer_topic_list)
SERVES(on_pattern, answer_topics_by_pattern)
SERVES(on_aggregate_topics, answer_aggregate_topics)
SERVES(on_topics, answer_topics)

static enum status on_status(void *context, const char *caller, const char *params, char **result_out)
{
    (void)caller, (void)params;
    *result_out = agent_status(context);
    return BB_OK;
}

static void give_answers(struct agent *a)
{
    for (struct worker_question *q = worker_answered(a->worker); q != NULL; q = worker_answered(a->worker)) {
        const char *why = *q->reason.text == '\0' ? bb_status_text(q->status) : q->reason.text;
        a->questions--;
        bb_answer(q->context, q->status, q->status == BB_OK ? q->json : why);
        free(q->params);
        free(q->json);
        free(q);
    }
}

static void on_worker(void *context)
{
    struct agent *a = context;
    give_answers(a);
    agent_watch(a);
}

static void on_tick(void *context)
{
    agent_watch(context);
}

/* -- opening and closing -------------------------------------------------------------------------------- */

static enum status serve(struct agent *a)
{
    static const char *const query[] = {"topic", "start", "end",   "agg_type", "agg_period",
                                        "skip",  "count", "order", NULL};
    static const char *const page[] = {"prefix", "after", "max", NULL};
    static const char *const pattern[] = {"topic_pattern", NULL};
    static const struct {
        const char *name;
        const char *const *names;
        bb_on_call_later *on_call;
    } methods[] = {{"query", query, on_query},
                   {"get_topic_list", page, on_topic_list},
                   {"get_topics_by_pattern", pattern, on_pattern},
                   {"get_aggregate_topics", page, on_aggregate_topics},
                   {"topics", page, on_topics}};
    enum status status = bb_serve(a->client, "status", on_status, a);
    for (size_t i = 0; i < sizeof methods / sizeof *methods && status == BB_OK; i++)
        status = bb_serve_named(a->client, methods[i].name, methods[i].names, methods[i].on_call, a);
    return status == BB_OK ? bb_offer_served(a->client, "historian", NULL) : status;
}

static enum status subscribe(struct agent *a, struct bb_reason *reason)
{
    const struct settings *s = a->settings;
    if (s->durable[0] != '\0') {
        const struct bb_durable_options options = {.name = s->durable,
                                                   .prefixes = (const char *const *)s->topics.items,
                                                   .prefix_count = s->topics.count,
                                                   .from =
                                                       s->durable_from[0] == 's' ? "\"start\"" : "\"now\"",
                                                   .manual = 1,
                                                   .reason = reason};
        return bb_durable_open(a->client, &options, on_durable, a, &a->durable);
    }
    enum status status = BB_OK;
    for (size_t i = 0; i < s->topics.count && status == BB_OK; i++)
        status = bb_subscribe(a->client, s->topics.items[i], on_message, a);
    if (status == BB_OK)
        status = bb_flush(a->client, SUBSCRIBE_MS);
    if (status != BB_OK)
        bb_reason_say(reason, "%s", bb_client_reason(a->client));
    return status;
}

static enum status open_worker(struct agent *a, const struct target_settings *target,
                               const struct rules *rules, struct bb_reason *reason)
{
    const struct settings *s = a->settings;
    struct worker_settings settings = {.ops = SETTINGS_TARGETS[s->target],
                                       .target = target,
                                       .rules = rules,
                                       .spool = s->cache,
                                       .spool_bytes = (uint64_t)s->cache_bytes,
                                       .memory_bytes = (uint64_t)s->memory_bytes,
                                       .series_max = (uint32_t)s->series_max,
                                       .retry_min_ms = (uint32_t)s->retry_min_ms,
                                       .retry_max_ms = (uint32_t)s->retry_max_ms};
    if (getrandom(&settings.seed, sizeof settings.seed, 0) != sizeof settings.seed)
        return BB_IO;
    return worker_open(&settings, &a->worker, reason);
}

enum status agent_open(struct agent *a, struct bb_loop *loop, struct bb_client *client,
                       const struct settings *settings, const struct target_settings *target,
                       const struct rules *rules, struct bb_reason *reason)
{
    *a =
        (struct agent){.loop = loop, .client = client, .settings = settings, .started_ms = bb_loop_mono_ms()};
    batch_init(&a->batch);
    enum status status = open_worker(a, target, rules, reason);
    if (status == BB_OK)
        status = bb_loop_watch(loop, worker_fd(a->worker), 0, on_worker, a);
    if (status == BB_OK)
        status = bb_loop_every(loop, TICK_MS, on_tick, a, &a->tick_timer);
    if (status == BB_OK)
        status = serve(a);
    return status == BB_OK ? subscribe(a, reason) : status;
}

/* Waits until the cache has what was handed over, as long as it takes it. */
static void settle(struct agent *a)
{
    struct worker_view view;
    int64_t deadline = bb_loop_mono_ms() + 2000;
    do {
        (void)agent_flush(a);
        worker_look(a->worker, &view);
        if (view.memory_batches > 0 && !view.spool_failing)
            (void)!bb_loop_turn(a->loop, 5);
    } while ((a->held.data != NULL || view.memory_batches > 0) && !view.spool_failing &&
             bb_loop_mono_ms() < deadline);
    agent_watch(a);
}

void agent_close(struct agent *a)
{
    if (a->worker != NULL) {
        a->closing = true;
        settle(a);
        bb_durable_close(a->durable);
        bb_loop_unwatch(a->loop, worker_fd(a->worker));
        if (a->seen.memory_batches > 0 || a->held.data != NULL)
            log_warning("lost", LOG_INT("batches", a->seen.memory_batches + (a->held.data != NULL)));
    }
    bb_loop_cancel(a->loop, a->tick_timer);
    if (a->batch_timed)
        bb_loop_cancel(a->loop, a->batch_timer);
    worker_close(a->worker);
    batch_free(&a->batch);
    free(a->held.data);
}
