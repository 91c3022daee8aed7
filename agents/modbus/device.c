#include "agents/modbus/agent.h"
#include "agents/modbus/hold.h"
#include "agents/modbus/moment.h"
#include "agents/modbus/registry.h"
#include "bus/client/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ILLEGAL_ADDRESS 2
#define BACKOFF_MIN_MS  1000

/* A reading of all points on its way; answer NULL: for the bus. */
struct scrape {
    struct device *device;
    struct answer *answer;
    int64_t due_ms;
    uint32_t generation;
};

static void on_due(void *context);

/* -- when -------------------------------------------------------------------------------------------------
 */

/* The next moment that is a multiple of the interval since 1970, or a pause later while the device is lost.
 */
static void plan_next(struct device *d)
{
    int64_t now = bb_loop_wall_ms(), interval = d->settings->interval_ms;
    int64_t pause = d->state == DEVICE_LOST && d->backoff_ms > interval ? d->backoff_ms : interval;
    d->due_ms = (now / interval + 1) * interval + (pause - interval) / interval * interval;
    d->timer = 0;
    if (bb_loop_after(d->agent->loop, (uint32_t)(d->due_ms - now), on_due, d, &d->timer) != BB_OK)
        log_error("no-timer", LOG_TEXT("device", d->settings->name));
}

struct job *device_job(struct device *d, size_t count)
{
    struct job *job = line_job(count);
    if (job != NULL) {
        job->unit = (int)d->settings->unit;
        job->timeout_ms = (uint32_t)d->settings->timeout_ms;
        job->retries = d->state == DEVICE_LOST ? 0 : (int)d->settings->retries;
    }
    return job;
}

/* -- lost and found ---------------------------------------------------------------------------------------
 */

static void lose(struct device *d, const char *why)
{
    d->failures++;
    d->backoff_ms = d->state == DEVICE_LOST ? d->backoff_ms * 2 : BACKOFF_MIN_MS;
    if (d->backoff_ms > d->agent->settings->retry_max_ms)
        d->backoff_ms = d->agent->settings->retry_max_ms;
    snprintf(d->reason, sizeof d->reason, "%s", why);
    if (d->state == DEVICE_LOST)
        return;
    d->state = DEVICE_LOST;
    log_warning("device-lost", LOG_TEXT("device", d->settings->name), LOG_TEXT("reason", why));
    agent_alert(d->agent, d, "lost", why);
}

static void find(struct device *d)
{
    bool was_lost = d->state == DEVICE_LOST;
    if (d->state != DEVICE_UP)
        log_info("device-up", LOG_TEXT("device", d->settings->name), LOG_INT("points", d->points.count),
                 LOG_INT("reads", d->plan.count));
    d->state = DEVICE_UP;
    d->backoff_ms = 0;
    d->reason[0] = '\0';
    if (was_lost)
        agent_alert(d->agent, d, "returned", "it answers again");
    hold_put_back_due(d);
}

/* -- what is read -----------------------------------------------------------------------------------------
 */

void device_meta(const struct device *d, const struct point *p, FILE *to)
{
    fputs("{\"units\":", to);
    answer_print_text(to, p->units);
    fputs(",\"tz\":", to);
    answer_print_text(to, d->agent->settings->timezone);
    fprintf(to, ",\"type\":\"%s\"}", value_type(p));
}

/* Where each point's registers stand in the job; NULL: not read. */
static const uint16_t **locate(const struct device *d, const struct job *job)
{
    const uint16_t **at = calloc(d->points.count + 1, sizeof *at);
    for (size_t i = 0; i < job->count && at != NULL; i++) {
        const struct plan_read *read = &d->plan.reads[i];
        for (size_t k = 0; k < read->points && job->steps[i].result == STEP_DONE; k++) {
            size_t point = d->plan.order[read->first + k];
            at[point] = &job->steps[i].data[d->points.list[point].address - read->address];
        }
    }
    return at;
}

/* What a point is worth; false: it was not read. */
static bool value_at(const struct device *d, const uint16_t *const *at, size_t point, struct value *out)
{
    const struct point *p = &d->points.list[point];
    int power = 0;
    if (at[point] == NULL || (p->power_at >= 0 && at[p->power_at] == NULL))
        return false;
    if (p->power_at >= 0 && !value_power(at[p->power_at][0], &power))
        out->kind = VALUE_NULL;
    else
        value_decode(p, at[point], power, out);
    return true;
}

static void publish(struct device *d, const char *name, const char *headers, const char *message)
{
    char topic[BB_TOPIC_MAX + 1];
    snprintf(topic, sizeof topic, "devices/%s/%s", d->settings->name, name);
    if (bb_publish(d->agent->client, topic, headers, message) != BB_OK)
        log_warning("publish-refused", LOG_TEXT("topic", topic),
                    LOG_TEXT("reason", bb_client_reason(d->agent->client)));
}

static void publish_point(struct device *d, const struct point *p, const struct value *value,
                          const char *headers)
{
    char *text = NULL;
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (to == NULL)
        return;
    fputc('[', to);
    answer_print_value(to, value);
    fputc(',', to);
    device_meta(d, p, to);
    fputc(']', to);
    fclose(to);
    publish(d, p->name, headers, text);
    free(text);
}

/* Writes {"point": value, …}; each point to the bus as well when `headers` are given; how many there were. */
static size_t print_values(struct device *d, const uint16_t *const *at, const char *headers, FILE *to)
{
    size_t count = 0;
    struct value value;
    fputc('{', to);
    for (size_t i = 0; i < d->points.count; i++) {
        const struct point *p = &d->points.list[i];
        if (p->hidden || !value_at(d, at, i, &value))
            continue;
        fputs(count++ == 0 ? "" : ",", to);
        answer_print_text(to, p->name);
        fputc(':', to);
        answer_print_value(to, &value);
        if (headers != NULL && d->settings->points)
            publish_point(d, p, &value, headers);
    }
    fputc('}', to);
    return count;
}

static void print_metas(const struct device *d, const uint16_t *const *at, FILE *to)
{
    size_t count = 0;
    fputc('{', to);
    for (size_t i = 0; i < d->points.count; i++) {
        const struct point *p = &d->points.list[i];
        if (p->hidden || at[i] == NULL || (p->power_at >= 0 && at[p->power_at] == NULL))
            continue;
        fputs(count++ == 0 ? "" : ",", to);
        answer_print_text(to, p->name);
        fputc(':', to);
        device_meta(d, p, to);
    }
    fputc('}', to);
}

static void publish_all(struct device *d, const uint16_t *const *at, int64_t due_ms)
{
    char *text = NULL, headers[256], now[MOMENT_TEXT_MAX], due[MOMENT_TEXT_MAX];
    size_t size;
    FILE *to = open_memstream(&text, &size);
    if (to == NULL)
        return;
    moment_text(bb_loop_wall_ms(), now, sizeof now);
    moment_text(due_ms, due, sizeof due);
    snprintf(headers, sizeof headers,
             "{\"Date\":\"%s\",\"TimeStamp\":\"%s\",\"SynchronizedTimeStamp\":\"%s\"}", now, now, due);
    fputc('[', to);
    size_t count = print_values(d, at, headers, to);
    fputc(',', to);
    print_metas(d, at, to);
    fputc(']', to);
    fclose(to);
    if (count > 0)
        publish(d, "all", headers, text);
    free(text);
}

/* -- a scrape's end ---------------------------------------------------------------------------------------
 */

/* A read over a gap was refused because of what nobody asked for: from now on without gaps. */
static void narrow(struct device *d)
{
    struct plan plan;
    if (d->gap == 0 || plan_make(&d->points, 0, &plan) != BB_OK)
        return;
    log_info("no-gaps", LOG_TEXT("device", d->settings->name), LOG_INT("reads", plan.count));
    plan_free(&d->plan);
    d->plan = plan;
    d->gap = 0;
    d->generation++;
}

struct outcome {
    size_t done, refused;
    bool failed, illegal;
};

static struct outcome outcome_of(const struct job *job)
{
    struct outcome o = {0, 0, false, false};
    for (size_t i = 0; i < job->count; i++) {
        o.done += job->steps[i].result == STEP_DONE ? 1 : 0;
        o.refused += job->steps[i].result == STEP_REFUSED ? 1 : 0;
        o.illegal =
            o.illegal || (job->steps[i].result == STEP_REFUSED && job->steps[i].exception == ILLEGAL_ADDRESS);
        o.failed = o.failed || job->steps[i].result == STEP_FAILED;
    }
    return o;
}

static void take(struct device *d, const struct job *job, const struct scrape *s)
{
    struct outcome o = outcome_of(job);
    const uint16_t **at = locate(d, job);
    if (o.failed || o.done == 0 || at == NULL) {
        lose(d, at == NULL ? "there is no memory" : job->text);
    } else {
        d->scrapes++;
        if (o.refused > 0 && d->refused == 0)
            log_warning("points-refused", LOG_TEXT("device", d->settings->name),
                        LOG_TEXT("reason", job->text), LOG_INT("reads", o.refused));
        d->refused += o.refused;
        publish_all(d, at, s->due_ms);
        find(d);
    }
    free(at);
    if (!o.failed && o.illegal)
        narrow(d);
}

static void reply(struct device *d, const struct job *job, struct answer *answer)
{
    struct outcome o = outcome_of(job);
    const uint16_t **at = locate(d, job);
    char *text = NULL;
    size_t size;
    FILE *to = at == NULL || o.failed || o.done == 0 ? NULL : open_memstream(&text, &size);
    if (to == NULL) {
        answer_error(answer, d->settings->name, BB_UNREACHABLE,
                     job->text[0] != '\0' ? job->text : "it was not asked");
    } else {
        (void)print_values(d, at, NULL, to);
        fclose(to);
        answer_text(answer, text);
    }
    free(text);
    free(at);
}

static void on_scraped(void *context, struct job *job)
{
    struct scrape *s = context;
    struct device *d = s->device;
    if (s->answer == NULL)
        d->busy = false;
    if (s->generation != d->generation)
        answer_error(s->answer, d->settings->name, BB_UNREACHABLE, "its points have just changed; ask again");
    else if (s->answer != NULL)
        reply(d, job, s->answer);
    else if (!d->agent->stopping)
        take(d, job, s);
    answer_done(s->answer);
    free(s);
}

static enum status scrape(struct device *d, struct answer *answer)
{
    struct job *job = device_job(d, d->plan.count);
    struct scrape *s = malloc(sizeof *s);
    enum status status = job == NULL || s == NULL ? BB_FULL : BB_OK;
    if (status == BB_OK) {
        *s = (struct scrape){d, answer, d->due_ms, d->generation};
        for (size_t i = 0; i < d->plan.count; i++) {
            const struct plan_read *read = &d->plan.reads[i];
            job->steps[i] =
                (struct step){.table = read->table, .address = read->address, .count = read->count};
        }
        job->done = on_scraped;
        job->context = s;
        job->urgent = answer != NULL;
        status = line_submit(d->line, job);
    }
    if (status != BB_OK) {
        free(job);
        free(s);
    }
    return status;
}

void device_read(struct device *d, struct answer *answer)
{
    enum status status = d->unknown ? BB_UNREACHABLE : scrape(d, answer);
    if (status == BB_OK)
        return;
    answer_error(answer, d->settings->name, status,
                 status == BB_FULL ? "too many calls wait for its line" : "its models are not known yet");
    answer_done(answer);
}

/* -- SunSpec ----------------------------------------------------------------------------------------------
 */

static enum status ask_model(struct device *d);

static bool same_models(const struct sunspec_walk *a, const struct sunspec_walk *b)
{
    if (a->count != b->count || a->base != b->base)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (a->models[i].model != b->models[i].model || a->models[i].length != b->models[i].length)
            return false;
    return true;
}

/* Takes the points over; what was set on others is told and forgotten. */
static enum status adopt(struct device *d, struct points points)
{
    struct hold **holds = calloc(points.count + 1, sizeof *holds);
    struct plan plan;
    enum status status = holds == NULL ? BB_FULL : plan_make(&points, d->gap, &plan);
    if (status != BB_OK) {
        free(holds);
        free(points.list);
        return status;
    }
    hold_forget(d);
    free(d->holds);
    free(d->points.list);
    plan_free(&d->plan);
    d->points = points;
    d->plan = plan;
    d->holds = holds;
    d->generation++;
    return BB_OK;
}

static void finish_walk(struct device *d)
{
    struct points points;
    enum status status = BB_OK;
    if (d->points.count == 0 || !same_models(&d->walk, &d->walked)) {
        status = sunspec_points(&d->walk, &points);
        if (status == BB_OK)
            status = adopt(d, points);
    }
    if (status != BB_OK) {
        lose(d, d->walk.found ? "it has no SunSpec model that is known here"
                              : "it is no SunSpec device: no SunS at 40000, 50000 and 0");
        return;
    }
    d->unknown = false;
    d->walked = d->walk;
    hold_adopt(d);
    if (scrape(d, NULL) == BB_OK)
        d->busy = true;
}

static void on_model(void *context, struct job *job)
{
    struct device *d = context;
    const struct step *step = &job->steps[0];
    d->busy = false;
    if (d->agent->stopping)
        return;
    if (step->result == STEP_FAILED || step->result == STEP_WAITING) {
        lose(d, job->text);
        return;
    }
    sunspec_feed(&d->walk, step->result == STEP_DONE ? step->data : NULL);
    if (!d->walk.over) {
        (void)!ask_model(d);
        return;
    }
    finish_walk(d);
}

/* Asks for the next two registers of the walk. */
static enum status ask_model(struct device *d)
{
    struct job *job = device_job(d, 1);
    uint16_t address = 0;
    enum status status = job == NULL || !sunspec_next(&d->walk, &address) ? BB_FULL : BB_OK;
    if (status == BB_OK) {
        job->steps[0] = (struct step){.table = TABLE_HOLDING, .address = address, .count = 2};
        job->done = on_model;
        job->context = d;
        status = line_submit(d->line, job);
    }
    if (status != BB_OK)
        free(job);
    d->busy = status == BB_OK;
    return status;
}

/* -- its life ---------------------------------------------------------------------------------------------
 */

static void on_due(void *context)
{
    struct device *d = context;
    enum status status = BB_OK;
    if (d->busy) {
        d->skipped++;
    } else if (d->settings->sunspec && (d->unknown || d->state == DEVICE_LOST)) {
        sunspec_begin(&d->walk);
        status = ask_model(d);
    } else {
        status = scrape(d, NULL);
        d->busy = status == BB_OK;
    }
    if (status != BB_OK)
        d->skipped++;
    plan_next(d);
}

enum status device_open(struct device *d, struct bb_reason *reason)
{
    struct points points = {NULL, 0};
    enum status status = BB_OK;
    d->gap = (unsigned)d->settings->gap;
    d->unknown = d->settings->sunspec;
    if (!d->unknown)
        status = registry_load(d->settings->registry, reason, &points);
    return status == BB_OK && !d->unknown ? adopt(d, points) : status;
}

void device_start(struct device *d)
{
    plan_next(d);
}

void device_stop(struct device *d)
{
    if (d->timer != 0)
        bb_loop_cancel(d->agent->loop, d->timer);
    d->timer = 0;
}

void device_close(struct device *d)
{
    hold_forget(d);
    free(d->holds);
    free(d->points.list);
    plan_free(&d->plan);
}

void device_status(const struct device *d, FILE *to)
{
    static const char *const states[] = {"new", "up", "lost"};
    fputs("{\"name\":", to);
    answer_print_text(to, d->settings->name);
    fprintf(to, ",\"state\":\"%s\",\"reason\":", states[d->state]);
    answer_print_text(to, d->reason);
    fprintf(to,
            ",\"points\":%zu,\"reads\":%zu,\"scrapes\":%" PRIu64 ",\"failures\":%" PRIu64
            ",\"skipped\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"set\":%zu,\"holder\":",
            d->points.count, d->plan.count, d->scrapes, d->failures, d->skipped, d->refused, hold_count(d));
    answer_print_text(to, d->owner);
    fputs(",\"task\":", to);
    answer_print_text(to, d->task);
    fputc('}', to);
}
