/* Who is on the bus, what is published there, and the last message of each topic. */
#include "agents/views/views.h"
#include "agents/web/api/handlers.h"
#include "agents/web/api/job.h"

#include <string.h>

#define BROKER "busbar.broker"
/* Rows of one document, and of one page. */
#define ROWS_MAX 20000
#define PAGE_MAX 256

static void take_page(struct job *job, const json_t *page)
{
    const json_t *next = json_object_get(page, "next");
    json_array_extend(job->document, json_object_get(page, job->word));
    if (next != NULL && !json_is_null(next) && json_array_size(job->document) < ROWS_MAX &&
        ++job->pages < JOB_PAGES_MAX) {
        json_object_set(job->params, "after", (json_t *)(uintptr_t)next);
        job_read(job, BROKER, job->word, json_copy(job->params), take_page);
        return;
    }
    job_answer(job, views_pages(page, job->word, job->document));
}

static void all_pages(void *context, struct exchange *exchange, const char *method, json_t *params)
{
    struct job *job = job_open(context, exchange);
    job->word = method;
    job->params = params;
    job->document = json_array();
    job_read(job, BROKER, method, json_copy(params), take_page);
}

void on_bus_peers(void *context, struct exchange *exchange)
{
    all_pages(context, exchange, "peers", json_object());
}

/* The parameters of a page: prefix, after, max. NULL: the exchange has been answered. */
static json_t *page_of(struct exchange *exchange)
{
    const char *prefix = exchange_query(exchange, "prefix"), *after = exchange_query(exchange, "after");
    json_int_t most;
    if (!job_integer(exchange, "max", 1, PAGE_MAX, PAGE_MAX, &most))
        return NULL;
    json_t *params = json_pack("{s:s, s:I}", "prefix", prefix == NULL ? "" : prefix, "max", most);
    if (after != NULL)
        json_object_set_new(params, "after", json_string(after));
    return params;
}

void on_bus_topics(void *context, struct exchange *exchange)
{
    bool page = exchange_query(exchange, "after") != NULL || exchange_query(exchange, "max") != NULL;
    json_t *params = page_of(exchange);
    if (params != NULL && page)
        job_read(job_open(context, exchange), BROKER, "topics", params, job_relay);
    else if (params != NULL)
        all_pages(context, exchange, "topics", params);
}

void on_bus_retained(void *context, struct exchange *exchange)
{
    json_t *params = page_of(exchange);
    if (params != NULL)
        job_read(job_open(context, exchange), BROKER, "retained", params, job_relay);
}
