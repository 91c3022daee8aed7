/* The agents that busbar-agentd hosts: their state, their logs; to start and stop them. */
#include "agents/views/views.h"
#include "agents/web/api/handlers.h"
#include "agents/web/api/job.h"
#include "bus/client/log.h"

#include <string.h>

#define AGENTD "agentd"
/* An agent's end takes its time. */
#define ACT_MS    60000
#define LINES     50
#define LINES_MAX 1000
#define LINE_MAX  999999999999

static json_t *named(const struct exchange *exchange)
{
    return json_pack("{s:s}", "name", exchange_part(exchange, 0));
}

void on_agents(void *context, struct exchange *exchange)
{
    job_read(job_open(context, exchange), AGENTD, "agent.list", json_object(), job_relay);
}

void on_agent(void *context, struct exchange *exchange)
{
    job_read(job_open(context, exchange), AGENTD, "agent.show", named(exchange), job_relay);
}

void on_agent_stats(void *context, struct exchange *exchange)
{
    job_read(job_open(context, exchange), AGENTD, "agent.stats", json_object(), job_relay);
}

/* Without `after` the document of `busbar agent logs`, which has no "next". */
static void answer_lines(struct job *job, const json_t *result)
{
    json_t *document = views_document();
    json_object_set(document, "lines", json_object_get(result, "lines"));
    if (job->left > 0)
        json_object_set(document, "next", json_object_get(result, "next"));
    job_answer(job, document);
}

void on_agent_logs(void *context, struct exchange *exchange)
{
    json_int_t count, after;
    if (!job_integer(exchange, "count", 1, LINES_MAX, LINES, &count) ||
        !job_integer(exchange, "after", 0, LINE_MAX, -1, &after))
        return;
    json_t *params = named(exchange);
    json_object_set_new(params, "after", json_integer(after));
    json_object_set_new(params, "max", json_integer(count));
    struct job *job = job_open(context, exchange);
    job->left = after >= 0;
    job_read(job, AGENTD, "agent.logs", params, answer_lines);
}

void on_agent_act(void *context, struct exchange *exchange)
{
    static const char *const acts[][2] = {
        {"start", "agent.start"}, {"stop", "agent.stop"}, {"restart", "agent.restart"}};
    const char *word = strrchr(exchange_path(exchange), '/') + 1;
    size_t which = 0;
    while (which < 2 && strcmp(acts[which][0], word) != 0)
        which++;
    log_info("order", LOG_TEXT("order", acts[which][1]), LOG_TEXT("agent", exchange_part(exchange, 0)),
             LOG_TEXT("user", exchange_user(exchange)));
    job_ask(job_open(context, exchange),
            (struct relay_question){.peer = AGENTD,
                                    .method = acts[which][1],
                                    .params = named(exchange),
                                    .timeout_ms = ACT_MS,
                                    .acts = true},
            job_relay);
}
