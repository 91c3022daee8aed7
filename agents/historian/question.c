#include "agents/historian/question.h"

#include "agents/historian/answer.h"
#include "agents/historian/iso.h"

json_t *question_params(const char *params, struct bb_reason *reason)
{
    json_t *given = params == NULL ? json_object() : json_loads(params, JSON_DECODE_ANY, NULL);
    if (json_is_object(given))
        return given;
    bb_reason_say(reason, "params are an object");
    json_decref(given);
    return NULL;
}

enum status question_number(const json_t *params, const char *key, int64_t low, int64_t high, int64_t absent,
                            struct bb_reason *reason, int64_t *out)
{
    const json_t *value = json_object_get(params, key);
    if (value == NULL || json_is_null(value)) {
        *out = absent;
        return BB_OK;
    }
    int64_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < low || number > high) {
        bb_reason_say(reason, "\"%s\" is a whole number from %lld to %lld", key, (long long)low,
                      (long long)high);
        return BB_RANGE;
    }
    *out = number;
    return BB_OK;
}

enum status question_text(const json_t *params, const char *key, const char *absent, struct bb_reason *reason,
                          const char **out)
{
    const json_t *value = json_object_get(params, key);
    if (value == NULL || json_is_null(value)) {
        *out = absent;
        return BB_OK;
    }
    if (!json_is_string(value)) {
        bb_reason_say(reason, "\"%s\" is a text", key);
        return BB_RANGE;
    }
    *out = json_string_value(value);
    return BB_OK;
}

static enum status read_time(const json_t *params, const char *key, int64_t absent, struct bb_reason *reason,
                             int64_t *out)
{
    const char *text = NULL;
    *out = absent;
    enum status status = question_text(params, key, NULL, reason, &text);
    if (status == BB_OK && text != NULL && !iso_parse(text, out)) {
        bb_reason_say(reason, "\"%s\": \"%.60s\" is no time like 2026-11-28T18:00:00+00:00", key, text);
        status = BB_RANGE;
    }
    return status;
}

static enum status read_order(struct question *q, struct bb_reason *reason)
{
    const char *order = NULL;
    enum status status = question_text(q->params, "order", "FIRST_TO_LAST", reason, &order);
    if (status != BB_OK)
        return status;
    q->backwards = strcmp(order, "LAST_TO_FIRST") == 0;
    if (q->backwards || strcmp(order, "FIRST_TO_LAST") == 0)
        return BB_OK;
    bb_reason_say(reason, "\"order\" is FIRST_TO_LAST or LAST_TO_FIRST");
    return BB_RANGE;
}

static enum status read_aggregate(struct question *q, struct bb_reason *reason)
{
    const char *kind = NULL, *period = NULL;
    enum status status = question_text(q->params, "agg_type", NULL, reason, &kind);
    if (status == BB_OK)
        status = question_text(q->params, "agg_period", NULL, reason, &period);
    if (status != BB_OK || (kind == NULL && period == NULL))
        return status;
    if (kind == NULL || period == NULL) {
        bb_reason_say(reason, "\"agg_type\" and \"agg_period\" go together");
        return BB_RANGE;
    }
    if (!aggregate_kind_parse(kind, &q->kind)) {
        bb_reason_say(reason, "\"agg_type\": \"%.30s\" is none of avg, min, max, sum, count, first, last",
                      kind);
        return BB_RANGE;
    }
    if (!aggregate_span_parse(period, &q->period_us)) {
        bb_reason_say(reason, "\"agg_period\": \"%.30s\" is no period like 15m, 1h or 1d", period);
        return BB_RANGE;
    }
    return BB_OK;
}

static enum status read_topics(struct question *q, struct bb_reason *reason)
{
    q->topic = json_object_get(q->params, "topic");
    bool good = json_is_string(q->topic) ||
                (json_is_array(q->topic) && json_array_size(q->topic) <= ANSWER_TOPICS_MAX);
    for (size_t i = 0; i < json_array_size(q->topic); i++)
        good = good && json_is_string(json_array_get(q->topic, i));
    if (good)
        return BB_OK;
    bb_reason_say(reason, "\"topic\" is the name of a series, or a list of at most %d", ANSWER_TOPICS_MAX);
    return BB_RANGE;
}

enum status question_parse(const char *params, struct bb_reason *reason, struct question *out)
{
    struct question q = {.params = question_params(params, reason)};
    if (q.params == NULL)
        return BB_MALFORMED;
    enum status status = read_topics(&q, reason);
    if (status == BB_OK)
        status = read_time(q.params, "start", ISO_US_MIN, reason, &q.from_us);
    if (status == BB_OK)
        status = read_time(q.params, "end", ISO_US_MAX + 1, reason, &q.until_us);
    if (status == BB_OK)
        status = question_number(q.params, "skip", 0, 100000000, 0, reason, &q.skip);
    if (status == BB_OK)
        status = question_number(q.params, "count", 1, ANSWER_VALUES_MAX, 1000, reason, &q.count);
    if (status == BB_OK)
        status = read_order(&q, reason);
    if (status == BB_OK)
        status = read_aggregate(&q, reason);
    if (status == BB_OK)
        *out = q;
    else
        json_decref(q.params);
    return status;
}
