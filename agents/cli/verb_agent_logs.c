/* busbar agent logs: what an agent has printed, and with --follow what it prints. */
#include "agents/cli/agentd.h"
#include "agents/cli/json.h"
#include "agents/cli/listing.h"
#include "agents/cli/verbs.h"
#include "agents/views/stamp.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 1000
/* As `after`: the last ones. */
#define LAST (-1)
/* An agent keeps two files of 1 MiB: more lines than these pages have cannot be. */
#define PAGES_MAX 4096

struct reading {
    const struct call *call;
    struct session session;
    enum format format;
    json_int_t last; /* the last line that was printed */
    json_t *held;    /* while older lines are asked for: those that come meanwhile */
};

/* A line with nothing in it that a terminal would act on. */
static void print_line(const struct reading *r, const json_t *line)
{
    char stamp[STAMP_TEXT_MAX];
    const char *text = json_string_value(json_object_get(line, "text")),
               *stream = json_string_value(json_object_get(line, "stream"));
    if (r->format == FORMAT_JSONL) {
        json_print_line(stdout, json_deep_copy(line));
        return;
    }
    stamp_format(json_integer_value(json_object_get(line, "time_ms")), stamp);
    printf("%s %s ", stamp, stream != NULL && strcmp(stream, "err") == 0 ? "err" : "out");
    for (const unsigned char *c = (const unsigned char *)(text != NULL ? text : ""); *c != '\0'; c++)
        putchar((*c < 0x20 && *c != '\t') || *c == 0x7f || (c[0] == 0xc2 && c[1] < 0xa0) ? '?' : *c);
    putchar('\n');
}

/* One page: lines behind `after`, or the last `most`; *next_out is where the next one goes on. To be
 * decref'd. */
static enum exit_code read_page(struct reading *r, json_int_t after, json_int_t most, json_int_t *next_out,
                                json_t **out)
{
    json_t *result = NULL;
    enum exit_code code = agentd_call(
        r->call, &r->session, "agent.logs",
        json_pack("{s:s,s:I,s:I}", "name", r->call->args[0], "after", after, "max", most), &result);
    if (code == EXIT_DONE) {
        *next_out = json_integer_value(json_object_get(result, "next"));
        *out = json_incref(json_object_get(result, "lines"));
        json_decref(result);
    }
    return code;
}

static void keep_last(json_t *lines, json_int_t wanted)
{
    json_int_t count = (json_int_t)json_array_size(lines);
    for (; count > wanted; count--)
        json_array_remove(lines, 0);
}

/* The last `wanted` lines that there are, in their order; to be decref'd. */
static enum exit_code read_pages(struct reading *r, json_int_t wanted, json_t **out)
{
    json_t *lines = json_array(), *got = NULL;
    bool one = wanted <= PAGE; /* a single page has them */
    json_int_t after = one ? LAST : 0, next = 0, most = one && wanted > 0 ? wanted : one ? 1 : PAGE;
    enum exit_code code = EXIT_DONE;
    for (int page = 0; page < PAGES_MAX; page++) {
        code = read_page(r, after, most, &next, &got);
        if (code != EXIT_DONE)
            break;
        bool more = !one && json_array_size(got) > 0 && next > after;
        json_array_extend(lines, got);
        json_decref(got);
        keep_last(lines, wanted);
        after = next;
        if (!more)
            break;
    }
    r->last = next;
    if (code == EXIT_DONE)
        *out = lines;
    else
        json_decref(lines);
    return code;
}

static void take_line(struct reading *r, const json_t *line)
{
    json_int_t n = json_integer_value(json_object_get(line, "n"));
    if (!json_is_object(line) || n <= r->last)
        return;
    if (r->last > 0 && n > r->last + 1)
        fprintf(stderr,
                "lines %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT
                " were not heard: busbar agent logs %s\n",
                r->last + 1, n - 1, r->call->args[0]);
    r->last = n;
    print_line(r, line);
    fflush(stdout);
}

static void on_line(void *context, const char *topic, const char *sender, const char *headers,
                    const char *message)
{
    struct reading *r = context;
    (void)headers;
    if (strcmp(sender, AGENTD) != 0 || strcmp(topic + strlen("agents/log/"), r->call->args[0]) != 0)
        return; /* another agent's whose name begins so, or somebody else's words */
    json_t *line = json_loads(message, 0, NULL);
    if (r->held != NULL)
        json_array_append(r->held, line);
    else
        take_line(r, line);
    json_decref(line);
}

/* Hears what comes from now on. */
static enum exit_code subscribe(struct reading *r)
{
    char topic[128];
    snprintf(topic, sizeof topic, "agents/log/%.100s", r->call->args[0]);
    r->held = json_array();
    enum status status = bb_subscribe(r->session.client, topic, on_line, r);
    if (status == BB_OK)
        status = bb_flush(r->session.client, r->session.timeout_ms);
    return status == BB_OK ? EXIT_DONE : session_fail(r->call, &r->session, status);
}

/* What was heard while the older lines were asked for, then what comes, until a signal. */
static enum exit_code follow(struct reading *r)
{
    size_t i;
    json_t *line, *held = r->held;
    r->held = NULL;
    json_array_foreach(held, i, line) take_line(r, line);
    json_decref(held);
    fflush(stdout);
    enum status status = bb_loop_run(r->session.loop);
    if (status == BB_INTERRUPTED)
        return EXIT_INTERRUPTED;
    return status == BB_OK ? EXIT_DONE : session_fail(r->call, &r->session, status);
}

static enum exit_code run(struct reading *r, json_int_t wanted)
{
    json_t *lines = NULL, *line;
    size_t i;
    bool following = call_flag(r->call, "follow");
    enum exit_code code = following ? subscribe(r) : EXIT_DONE;
    if (code == EXIT_DONE)
        code = read_pages(r, wanted, &lines);
    if (code != EXIT_DONE)
        return code;
    if (r->format == FORMAT_JSON) {
        agentd_print_json(json_pack("{s:o}", "lines", lines));
        return EXIT_DONE;
    }
    json_array_foreach(lines, i, line) print_line(r, line);
    json_decref(lines);
    return following ? follow(r) : EXIT_DONE;
}

enum exit_code verb_agent_logs(const struct call *call)
{
    struct reading r = {.call = call};
    struct bb_reason reason = {""};
    int64_t wanted;
    if (call_integer(call, "count", 0, 1000000, 50, &reason, &wanted) != BB_OK ||
        format_of(call, &reason, &r.format) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    if (call_flag(call, "follow") && r.format == FORMAT_JSON)
        return call_fail(call, EXIT_USAGE, "--follow goes with --jsonl, not with --json");
    enum exit_code code = session_open(call, &r.session);
    if (code != EXIT_DONE)
        return code;
    code = run(&r, wanted);
    session_close(&r.session);
    json_decref(r.held);
    return code;
}
