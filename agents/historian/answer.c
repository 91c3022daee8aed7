#include "agents/historian/answer.h"

#include "agents/historian/buckets.h"
#include "agents/historian/iso.h"
#include "agents/historian/json_out.h"
#include "agents/historian/pattern.h"
#include "agents/historian/question.h"

#include <busbar/check.h>
#include <stdlib.h>

/* Names of one answer. */
#define NAMES_MAX 65536
#define PAGE_MAX  1000

/* The values of one series on their way into the answer. */
struct listing {
    FILE *to;
    int64_t skip, count, given;
    size_t bytes_left;
    int64_t next_us, last_us; /* of the first that found no room; of the last that did */
    bool full;
};

static bool on_value(void *context, int64_t time_us, const struct value *value)
{
    struct listing *l = context;
    char time[ISO_TEXT_MAX];
    if (l->skip > 0) {
        l->skip--;
        return true;
    }
    size_t size = value->text.size + ISO_TEXT_MAX;
    if (l->given == l->count || (l->given > 0 && size > l->bytes_left)) {
        l->full = true;
        l->next_us = time_us;
        return false;
    }
    l->bytes_left -= size > l->bytes_left ? l->bytes_left : size;
    fprintf(l->to, "%s[\"%s\",", l->given++ > 0 ? "," : "", iso_format(time_us, time));
    json_out_value(l->to, value);
    fputc(']', l->to);
    l->last_us = time_us;
    return true;
}

static enum status list_readings(struct history *h, const struct question *q, const struct series *s,
                                 struct listing *l, struct bb_reason *reason)
{
    int64_t max = q->skip + q->count + 1;
    const struct target_range range = {s->id, q->from_us, q->until_us, q->backwards, (uint32_t)max};
    return h->ops->readings_get(h->target, &range, on_value, l, reason);
}

static enum status list_aggregates(struct history *h, const struct question *q, const struct series *s,
                                   struct listing *l, struct bb_reason *reason)
{
    struct buckets buckets;
    bool more = true;
    enum status status = buckets_collect(h, s, q->period_us, q->from_us, q->until_us, &buckets, reason);
    for (size_t i = 0; i < buckets.count && status == BB_OK && more; i++) {
        const struct aggregate *a = &buckets.all[q->backwards ? buckets.count - 1 - i : i];
        struct value value = {.kind = VALUE_REAL, .real = aggregate_of(a, q->kind)};
        if (q->kind == AGGREGATE_COUNT)
            value = (struct value){.kind = VALUE_INTEGER, .integer = (int64_t)a->count};
        more = on_value(l, a->start_us, &value);
    }
    free(buckets.all);
    return status;
}

/* Writes [[time,value],…] of a series, NULL for one that is not there. */
static enum status list_series(struct history *h, const struct question *q, const struct series *s,
                               struct listing *l, struct bb_reason *reason)
{
    enum status status = BB_OK;
    fputc('[', l->to);
    if (s != NULL && s->id != 0)
        status = q->period_us > 0 ? list_aggregates(h, q, s, l, reason) : list_readings(h, q, s, l, reason);
    fputc(']', l->to);
    return status;
}

/* The series of a name, also as the topic that its device is published on. */
static const struct series *find_series(const struct history *h, const char *name)
{
    const struct series *s = series_find(&h->series, bytes_of(name));
    const char *slash = strchr(name, '/');
    bool device = strncmp(name, "devices/", 8) == 0 || strncmp(name, "analysis/", 9) == 0;
    return s == NULL && device ? series_find(&h->series, bytes_of(slash + 1)) : s;
}

static void put_meta(FILE *to, const struct series *s)
{
    fputs(s == NULL || *s->meta == '\0' ? "{}" : s->meta, to);
}

static enum status query_one(struct history *h, const struct question *q, FILE *to, struct bb_reason *reason)
{
    char time[ISO_TEXT_MAX];
    const struct series *s = find_series(h, json_string_value(q->topic));
    struct listing l = {.to = to, .skip = q->skip, .count = q->count, .bytes_left = ANSWER_BYTES_MAX};
    if (s == NULL) {
        fputs("{}", to);
        return BB_OK;
    }
    fputs("{\"values\":", to);
    enum status status = list_series(h, q, s, &l, reason);
    fputs(",\"metadata\":", to);
    put_meta(to, s);
    if (l.full)
        fprintf(to, ",\"next\":\"%s\"", iso_format(q->backwards ? l.last_us : l.next_us, time));
    fputc('}', to);
    return status;
}

static enum status query_many(struct history *h, const struct question *q, FILE *to, struct bb_reason *reason)
{
    enum status status = BB_OK;
    size_t left = ANSWER_BYTES_MAX;
    int64_t values = ANSWER_VALUES_MAX;
    bool first = true;
    fputs("{\"values\":{", to);
    for (size_t i = 0; i < json_array_size(q->topic) && status == BB_OK; i++) {
        const char *name = json_string_value(json_array_get(q->topic, i));
        const struct series *s = find_series(h, name);
        struct listing l = {.to = to, .skip = q->skip, .count = q->count, .bytes_left = left};
        if (s == NULL)
            continue;
        l.count = l.count < values ? l.count : values;
        fputs(first ? "" : ",", to);
        first = false;
        json_out_text(to, bytes_of(name));
        fputc(':', to);
        status = list_series(h, q, s, &l, reason);
        left = l.bytes_left;
        values -= l.given;
    }
    fputs("},\"metadata\":{}}", to);
    return status;
}

enum status answer_query(struct history *h, const char *params, char **json_out, struct bb_reason *reason)
{
    struct question q;
    char *text = NULL;
    size_t size = 0;
    enum status status = question_parse(params, reason, &q);
    if (status != BB_OK)
        return status;
    FILE *to = open_memstream(&text, &size);
    CHECK(to != NULL);
    status = json_is_string(q.topic) ? query_one(h, &q, to, reason) : query_many(h, &q, to, reason);
    CHECK(fclose(to) == 0);
    json_decref(q.params);
    if (status == BB_OK)
        *json_out = text;
    else
        free(text);
    return status;
}

/* -- lists of series ------------------------------------------------------------------------------------ */

/* A page of the series: sorted, behind `after`. */
struct page {
    json_t *params;
    const struct series **all;
    size_t from, until, count;
};

static enum status open_page(const struct history *h, const char *params, int64_t max_high,
                             int64_t max_absent, struct page *out, struct bb_reason *reason)
{
    const char *prefix = "", *after = NULL;
    int64_t max = 0;
    struct page p = {.params = question_params(params, reason)};
    if (p.params == NULL)
        return BB_MALFORMED;
    enum status status = question_text(p.params, "prefix", "", reason, &prefix);
    if (status == BB_OK)
        status = question_text(p.params, "after", NULL, reason, &after);
    if (status == BB_OK)
        status = question_number(p.params, "max", 1, max_high, max_absent, reason, &max);
    if (status != BB_OK) {
        json_decref(p.params);
        return status;
    }
    p.all = series_sorted(&h->series, bytes_of(prefix), &p.count);
    while (after != NULL && p.from < p.count && strcmp(p.all[p.from]->name, after) <= 0)
        p.from++;
    p.until = p.count - p.from > (size_t)max ? p.from + (size_t)max : p.count;
    *out = p;
    return BB_OK;
}

static void close_page(struct page *p)
{
    free(p->all);
    json_decref(p->params);
}

/* How one series stands in an answer; returns how many entries it wrote behind `before` others. */
typedef size_t put_series(FILE *to, const struct series *series, size_t before);

static size_t put_name(FILE *to, const struct series *s, size_t before)
{
    fputs(before > 0 ? "," : "", to);
    json_out_text(to, bytes_of(s->name));
    return 1;
}

static size_t put_periods(FILE *to, const struct series *s, size_t before)
{
    size_t written = 0;
    for (int p = 0; p < AGGREGATE_PERIODS; p++) {
        if ((s->periods >> p & 1) == 0)
            continue;
        fputs(before + written++ > 0 ? ",[" : "[", to);
        json_out_text(to, bytes_of(s->name));
        fprintf(to, ",[\"avg\",\"min\",\"max\",\"sum\",\"count\",\"first\",\"last\"],\"%s\"]",
                aggregate_period_word(p));
    }
    return written;
}

static size_t put_topic(FILE *to, const struct series *s, size_t before)
{
    fputs(before > 0 ? ",{\"topic\":" : "{\"topic\":", to);
    json_out_text(to, bytes_of(s->name));
    fputs(",\"metadata\":", to);
    put_meta(to, s);
    fputs(",\"aggregates\":[", to);
    bool first = true;
    for (int p = 0; p < AGGREGATE_PERIODS; p++)
        if ((s->periods >> p & 1) != 0) {
            fprintf(to, "%s\"%s\"", first ? "" : ",", aggregate_period_word(p));
            first = false;
        }
    fputs("]}", to);
    return 1;
}

/* [entry,…] of a page. */
static void put_page(FILE *to, const struct page *p, put_series *put)
{
    size_t written = 0;
    fputc('[', to);
    for (size_t i = p->from; i < p->until; i++)
        written += put(to, p->all[i], written);
    fputc(']', to);
}

/* Ends an answer: it is *json_out, or refused for its length. */
static enum status end_list(FILE *to, char **text, const size_t *size, char **json_out,
                            struct bb_reason *reason)
{
    CHECK(fclose(to) == 0);
    if (*size > ANSWER_LIST_MAX) {
        free(*text);
        bb_reason_say(reason,
                      "the list is too long for one answer; ask for a part of it: prefix, after, max");
        return BB_RANGE;
    }
    *json_out = *text;
    return BB_OK;
}

static enum status list_page(struct history *h, const char *params, put_series *put, char **json_out,
                             struct bb_reason *reason)
{
    struct page page;
    char *text = NULL;
    size_t size;
    enum status status = open_page(h, params, NAMES_MAX, NAMES_MAX, &page, reason);
    if (status != BB_OK)
        return status;
    FILE *to = open_memstream(&text, &size);
    CHECK(to != NULL);
    put_page(to, &page, put);
    close_page(&page);
    return end_list(to, &text, &size, json_out, reason);
}

enum status answer_topic_list(struct history *h, const char *params, char **json_out,
                              struct bb_reason *reason)
{
    return list_page(h, params, put_name, json_out, reason);
}

enum status answer_aggregate_topics(struct history *h, const char *params, char **json_out,
                                    struct bb_reason *reason)
{
    return list_page(h, params, put_periods, json_out, reason);
}

enum status answer_topics(struct history *h, const char *params, char **json_out, struct bb_reason *reason)
{
    struct page page;
    char *list = NULL;
    size_t size;
    enum status status = open_page(h, params, PAGE_MAX, PAGE_MAX, &page, reason);
    if (status != BB_OK)
        return status;
    FILE *to = open_memstream(&list, &size);
    CHECK(to != NULL);
    fputs("{\"topics\":", to);
    put_page(to, &page, put_topic);
    fputs(",\"next\":", to);
    if (page.until < page.count)
        json_out_text(to, bytes_of(page.all[page.until - 1]->name));
    else
        fputs("null", to);
    fputc('}', to);
    close_page(&page);
    return end_list(to, &list, &size, json_out, reason);
}

enum status answer_topics_by_pattern(struct history *h, const char *params, char **json_out,
                                     struct bb_reason *reason)
{
    struct pattern pattern;
    const char *text = "";
    char *list = NULL;
    size_t size, count = 0, written = 0;
    json_t *given = question_params(params, reason);
    if (given == NULL)
        return BB_MALFORMED;
    enum status status = question_text(given, "topic_pattern", "", reason, &text);
    if (status == BB_OK)
        status = pattern_parse(text, reason, &pattern);
    json_decref(given);
    if (status != BB_OK)
        return status;
    const struct series **all = series_sorted(&h->series, (struct bytes){NULL, 0}, &count);
    FILE *to = open_memstream(&list, &size);
    CHECK(to != NULL);
    fputc('{', to);
    for (size_t i = 0; i < count && written < NAMES_MAX; i++)
        if (pattern_matches(&pattern, all[i]->name)) {
            written += put_name(to, all[i], written);
            fprintf(to, ":%lld", (long long)all[i]->id);
        }
    fputc('}', to);
    free(all);
    return end_list(to, &list, &size, json_out, reason);
}
