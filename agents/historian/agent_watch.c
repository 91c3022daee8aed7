/* What the threads did, told: acknowledgements, log, alerts, status. */
#include "agents/historian/agent.h"

#include "bus/client/log.h"

#include <busbar/check.h>
#include <busbar/traffic.h>
#include <jansson.h>
#include <stdlib.h>

/* An alert that goes on is told again so often. */
#define ALERT_MS 60000

static const char *const ALERT_WORDS[ALERTS] = {"target-away", "cache-full", "cache-failed", "refused",
                                                "too-many-series"};

/* What somebody else said: it may be cut within a character, or be no UTF-8 at all. */
static json_t *said(const char *text)
{
    char plain[sizeof((struct bb_reason *)NULL)->text];
    json_t *value = json_string(text);
    if (value != NULL)
        return value;
    snprintf(plain, sizeof plain, "%s", text);
    for (char *at = plain; *at != '\0'; at++)
        if ((unsigned char)*at >= 0x80)
            *at = '?';
    return json_string(plain);
}

static void publish_alert(struct agent *a, const char *word, const char *text)
{
    char topic[128];
    json_t *root =
        json_pack("{s:s, s:s, s:o}", "name", a->settings->identity, "alert", word, "text", said(text));
    char *message = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
    snprintf(topic, sizeof topic, "alerts/historian/%s", a->settings->identity);
    /* A refusal is in the log of the broker and in its counts; here it is not worth a word each time. */
    if (message != NULL)
        (void)!bb_publish(a->client, topic, NULL, message);
    free(message);
    json_decref(root);
}

static void alert(struct agent *a, enum agent_alert which, const char *text)
{
    int64_t now = bb_loop_mono_ms();
    if (a->alerted_ms[which] != 0 && now - a->alerted_ms[which] < ALERT_MS)
        return;
    a->alerted_ms[which] = now;
    log_warning(ALERT_WORDS[which], LOG_TEXT("reason", text));
    publish_alert(a, ALERT_WORDS[which], text);
}

static void watch_target(struct agent *a, const struct worker_view *v)
{
    char text[128];
    bool works = v->connected && v->failures == a->seen.failures;
    if (works && !a->target_told) {
        log_info("target-connected", LOG_TEXT("target", SETTINGS_TARGETS[a->settings->target]->name),
                 LOG_INT("waiting", v->spool.readings), LOG_INT("series", v->series));
        a->target_told = true;
    }
    /* One that can be reached and refuses all the same is away for a while, and no news each time. */
    if (v->written > a->seen.written)
        a->alerted_ms[ALERT_TARGET_AWAY] = 0;
    if (!v->connected && v->target_reason.text[0] != '\0') {
        alert(a, ALERT_TARGET_AWAY, v->target_reason.text);
        a->target_told = false;
    }
    if (v->refused > a->seen.refused)
        alert(a, ALERT_REFUSED, v->target_reason.text);
    if (v->too_many > a->seen.too_many) {
        snprintf(text, sizeof text, "there are %lld series already; readings of further ones are left",
                 (long long)a->settings->series_max);
        alert(a, ALERT_SERIES, text);
    }
}

static void watch_cache(struct agent *a, const struct worker_view *v)
{
    char text[128];
    uint64_t dropped = v->spool.dropped + v->memory_dropped,
             before = a->seen.spool.dropped + a->seen.memory_dropped;
    if (v->spool_failing)
        alert(a, ALERT_CACHE_FAILED, v->spool_reason.text);
    else
        a->alerted_ms[ALERT_CACHE_FAILED] = 0;
    if (dropped > before) {
        snprintf(text, sizeof text, "the oldest readings had to go: %llu so far",
                 (unsigned long long)dropped);
        alert(a, ALERT_CACHE_FULL, text);
    }
}

void agent_watch(struct agent *a)
{
    struct worker_view view;
    worker_look(a->worker, &view);
    if (a->durable != NULL)
        bb_durable_acknowledge(a->durable, view.safe_mark);
    if (!a->closing) {
        watch_target(a, &view);
        watch_cache(a, &view);
    }
    a->seen = view;
}

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *target_of(const struct agent *a, const struct worker_view *v)
{
    return json_pack("{s:s, s:b, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "kind",
                     SETTINGS_TARGETS[a->settings->target]->name, "connected", v->connected, "reason",
                     said(v->connected ? "" : v->target_reason.text), "connections", number(v->connections),
                     "failures", number(v->failures), "written", number(v->written), "series",
                     number(v->series), "too_old", number(v->too_old), "too_many_series", number(v->too_many),
                     "refused", number(v->refused), "aggregated", number(v->aggregated), "removed",
                     number(v->trimmed));
}

static json_t *cache_of(const struct worker_view *v)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:b, s:o}", "readings", number(v->spool.readings),
                     "batches", number(v->spool.batches), "bytes", number(v->spool.bytes), "dropped",
                     number(v->spool.dropped + v->memory_dropped), "memory_batches",
                     number(v->memory_batches), "memory_bytes", number(v->memory_bytes), "failing",
                     v->spool_failing, "reason", said(v->spool_failing ? v->spool_reason.text : ""));
}

char *agent_status(struct agent *a)
{
    struct worker_view view;
    struct bb_traffic traffic;
    worker_look(a->worker, &view);
    bb_traffic(a->client, &traffic);
    const struct agent_counts *c = &a->counts;
    json_t *topics = json_array();
    for (size_t i = 0; i < a->settings->topics.count; i++)
        json_array_append_new(topics, json_string(a->settings->topics.items[i]));
    json_t *in =
        json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "topics", topics, "durable",
                  a->settings->durable, "messages", number(c->messages), "readings", number(c->readings),
                  "left_out", number(c->left_out), "malformed", number(c->malformed), "skipped",
                  number(c->skipped), "undated", number(c->undated), "last_malformed", said(a->last_fault),
                  "lost", number(a->durable == NULL ? 0 : bb_durable_lost(a->durable)), "pending",
                  number(a->batch.readings), "connections", number(traffic.connections));
    json_t *root =
        json_pack("{s:o, s:o, s:o, s:I}", "bus", in, "cache", cache_of(&view), "target", target_of(a, &view),
                  "uptime_s", (json_int_t)((bb_loop_mono_ms() - a->started_ms) / 1000));
    char *text = json_dumps(root, JSON_COMPACT);
    CHECK(text != NULL);
    json_decref(root);
    return text;
}
