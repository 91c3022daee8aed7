#include "agents/web/api/ledger.h"

#include "agents/views/views.h"

#include <string.h>

/* What the ledger gives at most of a list at once. */
#define PAGE_MAX 500

static void take_page(struct job *job, const json_t *page);

static void ask_page(struct job *job)
{
    char count[24];
    json_int_t most = job->left < PAGE_MAX ? job->left : PAGE_MAX;
    snprintf(count, sizeof count, "%" JSON_INTEGER_FORMAT, most);
    json_object_set_new(job->params, "count", json_string(count));
    job_read(job, LEDGER, json_string_value(json_array_get(job->agents, 0)), json_copy(job->params),
             take_page);
}

static void take_page(struct job *job, const json_t *page)
{
    const json_t *next = json_object_get(page, "next"), *before = json_object_get(job->params, "before");
    json_t *items = json_object_get(page, job->word);
    json_array_extend(job->document, items);
    job->left -= (json_int_t)json_array_size(items);
    bool more = json_is_string(next) && *json_string_value(next) != '\0' && !json_equal(next, before);
    if (more && job->left > 0 && json_array_size(items) > 0 && ++job->pages < JOB_PAGES_MAX) {
        json_object_set(job->params, "before", (json_t *)(uintptr_t)next);
        ask_page(job);
        return;
    }
    json_t *document = views_of(page);
    json_object_set(document, job->word, job->document);
    job_answer(job, document);
}

void ledger_gather(struct job *job, const char *method, json_t *params, const char *member, json_int_t count)
{
    job->params = params;
    job->word = member;
    job->left = count;
    job->agents = json_pack("[s]", method);
    job->document = json_array();
    ask_page(job);
}

void ledger_relay(void *context, struct exchange *exchange, const char *method, json_t *params)
{
    job_read(job_open(context, exchange), LEDGER, method, params, job_relay);
}

bool ledger_hash(struct exchange *exchange, const char *text)
{
    bool good =
        strlen(text) == 66 && strncmp(text, "0x", 2) == 0 && strspn(text + 2, "0123456789abcdefABCDEF") == 64;
    if (!good)
        exchange_fail(exchange, 400, "range", "%.80s is no hash: 0x and 64 hexadecimal digits", text);
    return good;
}
