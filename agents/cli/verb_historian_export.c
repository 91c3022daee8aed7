/* busbar historian export: all readings of many series, a stream. */
#include "agents/cli/csv.h"
#include "agents/cli/history.h"
#include "agents/cli/verbs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PROGRESS_MS 1000

struct export
{
    const struct call *call;
    FILE *to;
    bool jsonl, shows; /* shows: progress, on a terminal */
    const char *topic;
    uint64_t readings, series;
    int64_t shown_ms;
};

static void show(struct export *e, bool last)
{
    int64_t now = bb_loop_mono_ms();
    if (!last && now - e->shown_ms < PROGRESS_MS)
        return;
    e->shown_ms = now;
    if (e->shows)
        fprintf(stderr, "\rbusbar historian export: %" PRIu64 " readings of %" PRIu64 " series%s",
                e->readings, e->series, last ? "\n" : "");
    else if (last)
        fprintf(stderr, "busbar historian export: %" PRIu64 " readings of %" PRIu64 " series\n", e->readings,
                e->series);
}

static bool take_row(void *context, const char *time, const json_t *value)
{
    struct export *e = context;
    if (e->jsonl) {
        json_t *name = json_string(e->topic);
        fputs("{\"topic\":", e->to);
        json_dumpf(name, e->to, JSON_ENCODE_ANY);
        json_decref(name);
        fprintf(e->to, ",\"time\":\"%s\",\"value\":", time);
        history_value(e->to, value);
        fputs("}\n", e->to);
    } else {
        char *cell = history_cell(value);
        csv_record(e->to, (const char *[]){e->topic, time, cell}, 3);
        free(cell);
    }
    e->readings++;
    show(e, false);
    return ferror(e->to) == 0;
}

/* All readings of one series. */
static enum exit_code export_series(struct export *e, struct session *session, const json_t *span)
{
    json_t *params = json_deep_copy(span);
    bool known;
    json_object_set_new(params, "topic", json_string(e->topic));
    enum exit_code code = history_read(e->call, session, params, INT64_MAX, take_row, e, &known, NULL);
    json_decref(params);
    e->series += code == EXIT_DONE;
    return code;
}

/* All series of a page of names. */
static enum exit_code export_page(struct export *e, struct session *session, const json_t *names,
                                  const json_t *span)
{
    enum exit_code code = EXIT_DONE;
    for (size_t i = 0; i < json_array_size(names) && code == EXIT_DONE; i++) {
        e->topic = json_string_value(json_array_get(names, i));
        if (e->topic != NULL)
            code = export_series(e, session, span);
    }
    return code;
}

static enum exit_code export_all(struct export *e, struct session *session, const json_t *span)
{
    const char *prefix = e->call->arg_count == 0 ? "" : e->call->args[0];
    json_t *params = json_pack("{s:s,s:i}", "prefix", prefix, "max", 1000);
    enum exit_code code = params == NULL ? call_fail(e->call, EXIT_USAGE, "PREFIX: is no UTF-8") : EXIT_DONE;
    for (bool more = true; more && code == EXIT_DONE;) {
        json_t *names = NULL;
        code = history_call(e->call, session, "get_topic_list", params, &names);
        if (code == EXIT_DONE)
            code = export_page(e, session, names, span);
        more = json_array_size(names) == 1000;
        if (more)
            json_object_set(params, "after", json_array_get(names, 999));
        json_decref(names);
    }
    json_decref(params);
    return code;
}

/* start and end; NULL when an option is wrong, which has been told. */
static json_t *span_of(const struct call *call)
{
    static const char *const times[][2] = {{"from", "start"}, {"to", "end"}};
    struct bb_reason reason;
    json_t *span = json_object();
    for (int i = 0; i < 2; i++) {
        char text[HISTORY_TIME_MAX];
        const char *value = call_value(call, times[i][0]);
        if (value != NULL && !history_time(times[i][0], value, &reason, text)) {
            json_decref(span);
            call_fail(call, EXIT_USAGE, "%s", reason.text);
            return NULL;
        }
        if (value != NULL)
            json_object_set_new(span, times[i][1], json_string(text));
    }
    return span;
}

/* The file is made when there is something to ask, and is not left half written. */
static enum exit_code open_output(struct export *e, const char *path)
{
    if (path == NULL)
        return EXIT_DONE;
    e->to = fopen(path, "wx");
    if (e->to != NULL)
        return EXIT_DONE;
    return call_fail(e->call, EXIT_FAILED, "%s: %s", path,
                     errno == EEXIST ? "it is there already, and is not written over" : strerror(errno));
}

static enum exit_code close_output(struct export *e, const char *path, enum exit_code code)
{
    if (path == NULL)
        return code;
    if (fclose(e->to) != 0 && code == EXIT_DONE)
        code = call_fail(e->call, EXIT_FAILED, "%s: not everything is on the disk", path);
    if (code != EXIT_DONE)
        (void)unlink(path);
    return code;
}

static enum exit_code run(struct export *e, const json_t *span)
{
    struct session session;
    const char *path = call_value(e->call, "output");
    enum exit_code code = session_open(e->call, &session);
    if (code != EXIT_DONE)
        return code;
    code = open_output(e, path);
    if (code == EXIT_DONE) {
        if (!e->jsonl)
            csv_record(e->to, (const char *[]){"topic", "time", "value"}, 3);
        code = close_output(e, path, export_all(e, &session, span));
        show(e, true);
    }
    session_close(&session);
    return code;
}

enum exit_code verb_historian_export(const struct call *call)
{
    struct export e = {
        .call = call, .to = stdout, .jsonl = call_flag(call, "jsonl"), .shows = isatty(2) == 1};
    if (call_flag(call, "csv") + e.jsonl != 1)
        return call_fail(call, EXIT_USAGE, "one of --csv and --jsonl");
    json_t *span = span_of(call);
    if (span == NULL)
        return EXIT_USAGE;
    enum exit_code code = run(&e, span);
    json_decref(span);
    return code;
}
