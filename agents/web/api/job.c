#include "agents/web/api/job.h"

#include "agents/views/views.h"
#include "agents/web/api/state.h"

#include <busbar/check.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "Method not found", and what stands for "not authorised". Source: JSON-RPC 2.0, section 5.1. */
#define RPC_NO_METHOD    (-32601)
#define RPC_UNAVAILABLE  (-32006)
#define RPC_UNAUTHORIZED (-32001)

#define DUMP (JSON_COMPACT | JSON_REAL_PRECISION(15))

/* What a failure, or a peer's refusal with this word, is in HTTP. */
static const struct {
    enum status status;
    unsigned read, act; /* for a GET and for an order */
} answers[] = {{BB_NOT_FOUND, 404, 404},   {BB_DENIED, 403, 403}, {BB_RANGE, 400, 422},
               {BB_MALFORMED, 400, 422},   {BB_EXISTS, 409, 409}, {BB_FULL, 503, 503},
               {BB_UNREACHABLE, 503, 503}, {BB_CLOSED, 503, 503}, {BB_TIMEOUT, 504, 504},
               {BB_VERSION, 502, 502},     {BB_IO, 502, 502}};

struct job *job_open(struct api *api, struct exchange *exchange)
{
    struct job *job = calloc(1, sizeof *job);
    CHECK(job != NULL);
    job->api = api;
    job->exchange = exchange;
    return job;
}

static void end(struct job *job)
{
    json_decref(job->document);
    json_decref(job->params);
    json_decref(job->agents);
    free(job);
}

void job_give(struct exchange *exchange, json_t *document)
{
    char *text = json_dumps(document, DUMP);
    json_decref(document);
    exchange_json(exchange, 200, text);
}

void job_answer(struct job *job, json_t *document)
{
    struct exchange *exchange = job->exchange;
    end(job);
    job_give(exchange, document);
}

void job_fail(struct job *job, unsigned http_status, const char *code, const char *format, ...)
{
    char text[512];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    exchange_fail(job->exchange, http_status, code, "%s", text);
    end(job);
}

/* The status whose word a peer's error has; BB_REMOTE: another one. */
static enum status status_of(const json_t *error)
{
    const char *word = json_string_value(json_object_get(json_object_get(error, "data"), "status"));
    json_int_t code = json_integer_value(json_object_get(error, "code"));
    if (code == RPC_UNAVAILABLE)
        return BB_UNREACHABLE;
    if (code == RPC_UNAUTHORIZED)
        return BB_DENIED;
    for (size_t i = 0; word != NULL && i < sizeof answers / sizeof *answers; i++)
        if (strcmp(word, bb_status_word(answers[i].status)) == 0)
            return answers[i].status;
    return BB_REMOTE;
}

static void fail_with(struct job *job, enum status status, const char *text)
{
    bool acts = exchange_body(job->exchange).size > 0;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++)
        if (answers[i].status == status) {
            const char *code = status == BB_CLOSED ? bb_status_word(BB_UNREACHABLE) : bb_status_word(status);
            job_fail(job, acts ? answers[i].act : answers[i].read, code, "%s", text);
            return;
        }
    job_fail(job, 422, "refused", "%s", text);
}

/* The sentence of a failure without a word of the peer. */
static void fail_without_word(struct job *job, const struct relay_answer *answer)
{
    char text[512];
    const char *who = *job->peer == '\0' ? "the broker" : job->peer;
    if (answer->status == BB_UNREACHABLE && *job->peer != '\0' && api_state(job->api).bus)
        snprintf(text, sizeof text, "%s is not on the bus", who);
    else if (answer->status == BB_UNREACHABLE || answer->status == BB_CLOSED)
        snprintf(text, sizeof text, "the bus is down: there is no connection to the broker");
    else
        snprintf(text, sizeof text, "%.400s",
                 *answer->reason == '\0' ? bb_status_text(answer->status) : answer->reason);
    fail_with(job, answer->status == BB_MALFORMED ? BB_IO : answer->status, text);
}

static void on_answer(void *context, const struct relay_answer *answer)
{
    struct job *job = context;
    if (answer->status == BB_OK) {
        job->next(job, answer->json);
        return;
    }
    const char *text = json_string_value(json_object_get(answer->json, "message"));
    if (answer->status != BB_REMOTE || text == NULL) {
        fail_without_word(job, answer);
        return;
    }
    if (json_integer_value(json_object_get(answer->json, "code")) == RPC_NO_METHOD)
        job_fail(job, 501, "no-method", "%s: %.400s", job->peer, text);
    else
        fail_with(job, status_of(answer->json), text);
}

void job_ask(struct job *job, struct relay_question question, job_step *step)
{
    job->next = step;
    snprintf(job->peer, sizeof job->peer, "%s", question.peer == NULL ? "" : question.peer);
    relay_ask(job->api->relay, question, on_answer, job);
}

void job_read(struct job *job, const char *peer, const char *method, json_t *params, job_step *step)
{
    job_ask(
        job,
        (struct relay_question){.peer = peer, .method = method, .params = params, .timeout_ms = JOB_READ_MS},
        step);
}

void job_relay(struct job *job, const json_t *result)
{
    if (!json_is_object(result))
        job_fail(job, 502, "malformed", "the answer of %s is no JSON object", job->peer);
    else
        job_answer(job, views_of(result));
}

bool job_integer(struct exchange *exchange, const char *name, json_int_t low, json_int_t high,
                 json_int_t otherwise, json_int_t *out)
{
    const char *text = exchange_query(exchange, name);
    json_int_t value = 0;
    size_t digits = 0;
    for (; text != NULL && text[digits] >= '0' && text[digits] <= '9' && digits < 18; digits++)
        value = value * 10 + (text[digits] - '0');
    bool good = text == NULL || (digits > 0 && text[digits] == '\0' && value >= low && value <= high);
    if (good)
        *out = text == NULL ? otherwise : value;
    else
        exchange_fail(exchange, 400, "range", "%s: expected a whole number from %lld to %lld", name,
                      (long long)low, (long long)high);
    return good;
}
