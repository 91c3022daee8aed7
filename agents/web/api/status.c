/* The broker, who is on the bus, the boards; the overview; the boards as machines. */
#include "agents/views/views.h"
#include "agents/web/api/handlers.h"
#include "agents/web/api/site.h"
#include "agents/web/api/watch.h"

#include <string.h>

static void answer_status(struct job *job, const json_t *result)
{
    json_t *boards = job->document, *document = job->params;
    (void)result;
    job->document = job->params = NULL;
    json_object_set_new(document, "boards", views_boards(boards));
    json_object_set_new(document, "web",
                        json_pack("{s:s, s:I}", "version", BUSBAR_VERSION, "uptime_s",
                                  (json_int_t)(bb_loop_mono_ms() - job->api->started_mono) / 1000));
    json_decref(boards);
    job_answer(job, document);
}

static void take_access(struct job *job, const json_t *result)
{
    json_object_set(job->params, "access", (json_t *)(uintptr_t)result);
    site_gather(job, "boards", false, answer_status);
}

static void take_peers(struct job *job, const json_t *result)
{
    json_object_set(job->params, "peers", (json_t *)(uintptr_t)result);
    if (views_access_held(job->params))
        job_read(job, NULL, "busbar.access", NULL, take_access);
    else
        site_gather(job, "boards", false, answer_status);
}

static void take_value(struct job *job, const json_t *result)
{
    if (result != NULL)
        json_object_set(job->params, views_status_keys[job->left++][1], (json_t *)(uintptr_t)result);
    if (job->left < VIEWS_STATUS_KEYS)
        job_read(job, NULL, views_status_keys[job->left][0], NULL, take_value);
    else
        job_read(job, NULL, "peers", NULL, take_peers);
}

void on_status(void *context, struct exchange *exchange)
{
    struct job *job = job_open(context, exchange);
    job->params = views_document();
    take_value(job, NULL);
}

void on_overview(void *context, struct exchange *exchange)
{
    struct overview overview = watch_overview(context);
    job_give(exchange, watch_overview_json(&overview));
}

static void answer_nodes(struct job *job, const json_t *result)
{
    json_t *document = views_document();
    (void)result;
    json_object_set(document, "nodes", job->document);
    job_answer(job, document);
}

void on_nodes(void *context, struct exchange *exchange)
{
    site_gather(job_open(context, exchange), "nodes", true, answer_nodes);
}
