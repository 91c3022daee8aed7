/* busbar historian query, topics, status: what is kept of the past. */
#include "agents/cli/csv.h"
#include "agents/cli/format.h"
#include "agents/cli/history.h"
#include "agents/cli/json.h"
#include "agents/cli/verbs.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NEWEST 50

/* Readings on their way to standard output. */
struct printing {
    bool csv, jsonl, backwards;
    json_t *rows; /* [[time,value],…], when they are printed as a whole */
};

static bool keep_row(void *context, const char *time, const json_t *value)
{
    struct printing *p = context;
    json_t *row = json_pack("[s,O]", time, value);
    return row != NULL &&
           (p->backwards ? json_array_insert_new(p->rows, 0, row) : json_array_append_new(p->rows, row)) == 0;
}

static bool print_row(void *context, const char *time, const json_t *value)
{
    const struct printing *p = context;
    if (p->csv) {
        char *cell = history_cell(value);
        csv_record(stdout, (const char *[]){time, cell}, 2);
        free(cell);
    } else {
        printf("{\"time\":\"%s\",\"value\":", time);
        history_value(stdout, value);
        fputs("}\n", stdout);
    }
    return ferror(stdout) == 0;
}

static void print_json(const char *topic, const json_t *rows, const json_t *meta)
{
    json_t *name = json_string(topic);
    const json_t *row;
    size_t i;
    fputs("{\n  \"version\": 1,\n  \"topic\": ", stdout);
    json_dumpf(name, stdout, JSON_ENCODE_ANY);
    fputs(",\n  \"metadata\": ", stdout);
    json_dumpf(meta, stdout, JSON_ENCODE_ANY);
    fputs(",\n  \"values\": [", stdout);
    json_array_foreach(rows, i, row)
    {
        printf("%s\n    [\"%s\", ", i > 0 ? "," : "", json_string_value(json_array_get(row, 0)));
        history_value(stdout, json_array_get(row, 1));
        fputc(']', stdout);
    }
    fputs(json_array_size(rows) > 0 ? "\n  ]\n}\n" : "]\n}\n", stdout);
    json_decref(name);
}

static void print_table(const json_t *rows, const json_t *meta)
{
    char title[64];
    const char *units = json_string_value(json_object_get(meta, "units"));
    const json_t *row;
    size_t i;
    snprintf(title, sizeof title, units == NULL ? "value" : "value, %.40s", units);
    const struct table_column columns[] = {{"time", "time", false}, {title, "value", true}};
    struct table table = table_of(columns, 2);
    json_array_foreach(rows, i, row)
    {
        char *cell = history_cell(json_array_get(row, 1));
        for (char *at = cell; *at != '\0'; at++)
            if ((unsigned char)*at < 0x20 || *at == 0x7f)
                *at = '?';
        table_add(&table, (const char *[]){json_string_value(json_array_get(row, 0)), cell});
        free(cell);
    }
    format_table(FORMAT_PEOPLE, &table);
    table_free(&table);
}

/* What `query` is asked; NULL when an option is wrong, which has been told. *count_out: at most so many. */
static json_t *question(const struct call *call, int64_t *count_out)
{
    static const char *const times[][2] = {{"from", "start"}, {"to", "end"}};
    struct bb_reason reason = {""};
    const char *every = call_value(call, "every"), *aggregate = call_value(call, "aggregate");
    bool newest = !call_flag(call, "from") && !call_flag(call, "to");
    json_t *params = json_pack("{s:s}", "topic", call->args[0]);
    enum status status = params == NULL ? BB_RANGE : BB_OK;
    if (params == NULL)
        bb_reason_say(&reason, "TOPIC: is no UTF-8");
    for (int i = 0; i < 2 && status == BB_OK; i++) {
        char text[HISTORY_TIME_MAX];
        const char *value = call_value(call, times[i][0]);
        if (value != NULL && !history_time(times[i][0], value, &reason, text))
            status = BB_RANGE;
        else if (value != NULL)
            json_object_set_new(params, times[i][1], json_string(text));
    }
    if (status == BB_OK)
        status = call_integer(call, "count", 1, 1000000000, newest ? NEWEST : 1000000000, &reason, count_out);
    if (status == BB_OK && aggregate != NULL && every == NULL) {
        bb_reason_say(&reason, "--aggregate needs --every: 15m, 1h, 1d");
        status = BB_RANGE;
    }
    if (status != BB_OK) {
        call_fail(call, EXIT_USAGE, "%s", reason.text);
        json_decref(params);
        return NULL;
    }
    if (every != NULL) {
        json_object_set_new(params, "agg_period", json_string(every));
        json_object_set_new(params, "agg_type", json_string(aggregate == NULL ? "avg" : aggregate));
    }
    if (newest)
        json_object_set_new(params, "order", json_string("LAST_TO_FIRST"));
    return params;
}

static enum exit_code run_query(const struct call *call, struct session *session, json_t *params,
                                int64_t count)
{
    bool json = call_flag(call, "json"), known = false;
    struct printing p = {call_flag(call, "csv"), call_flag(call, "jsonl"),
                         json_object_get(params, "order") != NULL, json_array()};
    json_t *meta = NULL;
    bool streamed = (p.csv || p.jsonl) && !p.backwards;
    if (p.csv)
        csv_record(stdout, (const char *[]){"time", "value"}, 2);
    enum exit_code code =
        history_read(call, session, params, count, streamed ? print_row : keep_row, &p, &known, &meta);
    if (code == EXIT_DONE && !known)
        code = call_fail(call, EXIT_MISSING,
                         "%s: there is no such series; busbar historian topics lists them", call->args[0]);
    if (code == EXIT_DONE && json) {
        print_json(call->args[0], p.rows, meta);
    } else if (code == EXIT_DONE && (p.csv || p.jsonl)) {
        for (size_t i = 0; i < json_array_size(p.rows); i++) {
            const json_t *row = json_array_get(p.rows, i);
            (void)print_row(&p, json_string_value(json_array_get(row, 0)), json_array_get(row, 1));
        }
    } else if (code == EXIT_DONE) {
        print_table(p.rows, meta);
    }
    json_decref(p.rows);
    json_decref(meta);
    return code;
}

enum exit_code verb_historian_query(const struct call *call)
{
    struct session session;
    int64_t count = 0;
    if (call_flag(call, "json") + call_flag(call, "csv") + call_flag(call, "jsonl") > 1)
        return call_fail(call, EXIT_USAGE, "one of --json, --csv and --jsonl");
    json_t *params = question(call, &count);
    enum exit_code code = params == NULL ? EXIT_USAGE : session_open(call, &session);
    if (code == EXIT_DONE) {
        code = run_query(call, &session, params, count);
        session_close(&session);
    }
    json_decref(params);
    return code;
}

/* -- topics --------------------------------------------------------------------------------------------- */

static enum exit_code read_topics(const struct call *call, struct session *session, const char *prefix,
                                  json_t *all)
{
    json_t *params = json_pack("{s:s}", "prefix", prefix);
    enum exit_code code = params == NULL ? call_fail(call, EXIT_USAGE, "PREFIX: is no UTF-8") : EXIT_DONE;
    for (bool more = true; more && code == EXIT_DONE;) {
        json_t *page = NULL;
        code = history_call(call, session, "topics", params, &page);
        json_array_extend(all, json_object_get(page, "topics"));
        json_t *next = json_object_get(page, "next");
        more = json_is_string(next);
        if (more)
            json_object_set(params, "after", next);
        json_decref(page);
    }
    json_decref(params);
    return code;
}

static void print_topics(const json_t *topics)
{
    static const struct table_column columns[] = {
        {"series", "topic", false}, {"units", "units", false}, {"aggregates", "aggregates", false}};
    struct table table = table_of(columns, 3);
    const json_t *topic, *period;
    size_t i, k;
    json_array_foreach(topics, i, topic)
    {
        char periods[64] = "";
        const char *units = json_string_value(json_object_get(json_object_get(topic, "metadata"), "units"));
        const char *name = json_string_value(json_object_get(topic, "topic"));
        json_array_foreach(json_object_get(topic, "aggregates"), k, period)
        {
            size_t size = strlen(periods);
            const char *word = json_string_value(period);
            snprintf(periods + size, sizeof periods - size, "%s%s", size > 0 ? " " : "",
                     word == NULL ? "" : word);
        }
        table_add(&table, (const char *[]){name == NULL ? "" : name, units == NULL ? "" : units, periods});
    }
    format_table(FORMAT_PEOPLE, &table);
    table_free(&table);
}

enum exit_code verb_historian_topics(const struct call *call)
{
    struct session session;
    json_t *topics = json_array();
    enum exit_code code = session_open(call, &session);
    if (code == EXIT_DONE) {
        code = read_topics(call, &session, call->arg_count == 0 ? "" : call->args[0], topics);
        session_close(&session);
    }
    if (code == EXIT_DONE && call_flag(call, "json")) {
        json_t *document = json_document();
        json_object_set(document, "topics", topics);
        json_print(stdout, document);
    } else if (code == EXIT_DONE) {
        print_topics(topics);
    }
    json_decref(topics);
    return code;
}

/* -- status --------------------------------------------------------------------------------------------- */

static void print_part(const json_t *status, const char *part, const char *const *members, size_t count)
{
    const json_t *object = json_object_get(status, part);
    printf("%s\n", part);
    for (size_t i = 0; i < count; i++) {
        const json_t *value = json_object_get(object, members[i]);
        char *cell = value == NULL ? NULL : history_cell(value);
        if (cell != NULL && *cell != '\0')
            printf("  %-16s %s\n", members[i], cell);
        free(cell);
    }
}

enum exit_code verb_historian_status(const struct call *call)
{
    static const char *const bus[] = {"topics",    "durable", "messages",       "readings", "left_out",
                                      "malformed", "undated", "last_malformed", "lost"};
    static const char *const cache[] = {"readings", "batches", "bytes", "dropped", "memory_bytes", "reason"};
    static const char *const target[] = {"kind",    "connected",       "reason",  "written",    "series",
                                         "too_old", "too_many_series", "refused", "aggregated", "removed"};
    struct session session;
    json_t *status = NULL;
    enum exit_code code = session_open(call, &session);
    if (code != EXIT_DONE)
        return code;
    code = history_call(call, &session, "status", NULL, &status);
    session_close(&session);
    if (code == EXIT_DONE && call_flag(call, "json")) {
        json_t *document = json_document();
        json_object_update(document, status);
        json_print(stdout, document);
    } else if (code == EXIT_DONE) {
        print_part(status, "bus", bus, sizeof bus / sizeof *bus);
        print_part(status, "cache", cache, sizeof cache / sizeof *cache);
        print_part(status, "target", target, sizeof target / sizeof *target);
    }
    json_decref(status);
    return code;
}
