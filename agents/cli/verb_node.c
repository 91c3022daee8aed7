/* busbar node list, show, log: what is known of the boards as machines. */
#include "agents/cli/json.h"
#include "agents/cli/listing.h"
#include "agents/cli/nodes.h"
#include "agents/cli/verbs.h"
#include "agents/views/views.h"

#include <string.h>

/* A board's ring has no more. */
#define LOG_LINES 64

static enum exit_code wanted_format(const struct call *call, enum format *out)
{
    struct bb_reason reason;
    return format_of(call, &reason, out) == BB_OK ? EXIT_DONE
                                                  : call_fail(call, EXIT_USAGE, "%s", reason.text);
}

enum exit_code verb_node_list(const struct call *call)
{
    struct session session;
    enum format format;
    json_t *nodes = NULL;
    enum exit_code code = wanted_format(call, &format);
    if (code == EXIT_DONE)
        code = session_open(call, &session);
    if (code != EXIT_DONE)
        return code;
    code = nodes_fetch(call, &session, &nodes);
    session_close(&session);
    if (code == EXIT_DONE && format == FORMAT_JSON) {
        json_t *document = views_document();
        json_object_set(document, "nodes", nodes);
        json_print(stdout, document);
    } else if (code == EXIT_DONE) {
        nodes_print(format, nodes);
    }
    json_decref(nodes);
    return code;
}

enum exit_code verb_node_show(const struct call *call)
{
    struct session session;
    json_t *node = NULL;
    enum exit_code code = session_open(call, &session);
    if (code != EXIT_DONE)
        return code;
    code = nodes_named(call, &session, call->args[0], &node);
    session_close(&session);
    if (code == EXIT_DONE && call_flag(call, "json"))
        json_print(stdout, views_of(node));
    else if (code == EXIT_DONE)
        nodes_print_one(node);
    json_decref(node);
    return code;
}

/* -- log -- */

static void print_line(const json_t *object, const char *member)
{
    char text[LISTING_TEXT_MAX];
    puts(listing_text(object, member, LISTING_TEXT, FORMAT_PEOPLE, text));
}

static void on_line(void *context, const char *topic, const char *sender, const char *headers,
                    const char *message)
{
    (void)context, (void)topic, (void)sender, (void)headers;
    json_t *line = json_loads(message, 0, NULL);
    print_line(line, "text");
    fflush(stdout);
    json_decref(line);
}

static void print_lines(const struct call *call, json_t *result)
{
    const json_t *line;
    size_t i;
    if (call_flag(call, "json")) {
        json_print(stdout, views_of(result));
        return;
    }
    json_array_foreach(json_object_get(result, "lines"), i, line)
    {
        json_t *object = json_pack("{s:O}", "text", line);
        print_line(object, "text");
        json_decref(object);
    }
    fflush(stdout);
}

static enum exit_code follow(const struct call *call, struct session *session)
{
    (void)call;
    while (nodes_pause(session, 1000))
        continue;
    return EXIT_INTERRUPTED;
}

static enum exit_code read_log(const struct call *call, struct session *session, int64_t lines)
{
    json_t *node = NULL, *result = NULL;
    char topic[128];
    enum exit_code code = nodes_named(call, session, call->args[0], &node);
    if (code != EXIT_DONE)
        return code;
    snprintf(topic, sizeof topic, "boards/%.64s/log", call->args[0]);
    /* Before the lines that are there, so that none is missed between them and what comes. */
    if (call_flag(call, "follow") && bb_subscribe(session->client, topic, on_line, NULL) != BB_OK)
        code = session_fail(call, session, BB_FULL);
    json_t *params = json_pack("{s:s,s:I}", "name", call->args[0], "lines", (json_int_t)lines);
    if (code == EXIT_DONE)
        code =
            session_call(call, session, nodes_text(node, "agent"), "node.log", params, EXIT_REFUSED, &result);
    if (code == EXIT_DONE)
        print_lines(call, result);
    if (code == EXIT_DONE && call_flag(call, "follow"))
        code = follow(call, session);
    json_decref(params);
    json_decref(result);
    json_decref(node);
    return code;
}

enum exit_code verb_node_log(const struct call *call)
{
    struct session session;
    struct bb_reason reason;
    int64_t lines;
    if (call_integer(call, "count", 1, LOG_LINES, LOG_LINES, &reason, &lines) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    if (call_flag(call, "follow") && call_flag(call, "json"))
        return call_fail(call, EXIT_USAGE, "--follow prints lines; it has no end that a document could have");
    enum exit_code code = session_open(call, &session);
    if (code != EXIT_DONE)
        return code;
    nodes_be_patient(call, &session, 10000);
    code = read_log(call, &session, lines);
    session_close(&session);
    return code;
}
