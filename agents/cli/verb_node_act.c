/* busbar node enroll, configure, reset: a board's own file and its restarts. */
#include "agents/cli/agentd.h"
#include "agents/cli/input.h"
#include "agents/cli/json.h"
#include "agents/cli/nodes.h"
#include "agents/cli/verbs.h"
#include "agents/views/views.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* What a board's own file may have. */
#define SETTINGS_MAX 4096
/* A restart has 20 s at the agent; with another image 60 s. */
#define PATIENCE_MS 70000

static void print_done(const struct call *call, const json_t *result, const char *word)
{
    if (call_flag(call, "json"))
        json_print(stdout, views_of(result));
    else
        printf("%s: %s\n", nodes_text(result, "name"), word);
}

/* Calls the agent of a board and tells what was done; takes `params`. */
static enum exit_code act(const struct call *call, struct session *session, const char *agent,
                          const char *method, json_t *params, const char *word)
{
    json_t *result = NULL;
    if (params == NULL)
        return call_fail(call, EXIT_USAGE, "what is given is no UTF-8");
    enum exit_code code = session_call(call, session, agent, method, params, EXIT_REFUSED, &result);
    if (code == EXIT_DONE) {
        /* By the name that the caller knows: a board that forgot everything is called "new". */
        json_object_set(result, "name", json_object_get(params, "name"));
        print_done(call, result, word);
    }
    json_decref(params);
    json_decref(result);
    return code;
}

/* -- configure -- */

static enum exit_code read_file(const struct call *call, const char *path, char **text_out)
{
    struct bb_reason reason;
    struct input input;
    enum status status = input_read(path, SETTINGS_MAX, &reason, &input);
    if (status != BB_OK)
        return call_fail(call, status == BB_FULL ? EXIT_USAGE : exit_of(status), "%s", reason.text);
    *text_out = input.text;
    return EXIT_DONE;
}

/* "key=value" as the line "key value". */
static enum exit_code add_line(const struct call *call, const char *word, FILE *to)
{
    const char *equals = strchr(word, '=');
    bool good = equals != NULL && equals > word && equals[1] != '\0';
    for (const char *at = word; good && *at != '\0'; at++)
        good = !iscntrl((unsigned char)*at) && *at != '#' && (at > equals || !isspace((unsigned char)*at));
    if (!good)
        return call_fail(call, EXIT_USAGE,
                         "\"%s\": expected KEY=VALUE, as pmax_kw=90; busbar-board(5) has the keys", word);
    fprintf(to, "%.*s %s\n", (int)(equals - word), word, equals + 1);
    return EXIT_DONE;
}

static enum exit_code lines_of(const struct call *call, char **text_out)
{
    size_t size = 0;
    FILE *to = open_memstream(text_out, &size);
    enum exit_code code = to != NULL ? EXIT_DONE : call_fail(call, EXIT_FAILED, "no memory");
    if (code != EXIT_DONE)
        return code;
    fputs("+\n", to);
    for (size_t i = 1; i < call->arg_count && code == EXIT_DONE; i++)
        code = add_line(call, call->args[i], to);
    fclose(to);
    return code;
}

enum exit_code verb_node_configure(const struct call *call)
{
    struct session session;
    char *text = NULL;
    json_t *node = NULL;
    const char *file = call_value(call, "config");
    if ((file != NULL) == (call->arg_count > 1))
        return call_fail(call, EXIT_USAGE, "give either KEY=VALUE… or --config FILE");
    enum exit_code code = file != NULL ? read_file(call, file, &text) : lines_of(call, &text);
    if (code == EXIT_DONE)
        code = session_open(call, &session);
    if (code == EXIT_DONE) {
        nodes_be_patient(call, &session, PATIENCE_MS);
        code = nodes_named(call, &session, call->args[0], &node);
        if (code == EXIT_DONE)
            code = act(call, &session, nodes_text(node, "agent"), "node.configure",
                       json_pack("{s:s,s:s}", "name", call->args[0], "settings", text),
                       "configured, and restarted");
        json_decref(node);
        session_close(&session);
    }
    free(text);
    return code;
}

/* -- enroll -- */

/* The board that is not enrolled and answers on this port, with or without what stands before its path. */
static const json_t *stranger_on(const json_t *nodes, const char *port)
{
    const json_t *node;
    size_t i;
    json_array_foreach(nodes, i, node)
    {
        const char *is = nodes_text(node, "port");
        bool same = strcmp(is, port) == 0 || (strncmp(is, "pty:", 4) == 0 && strcmp(is + 4, port) == 0);
        if (same && json_is_false(json_object_get(node, "enrolled")))
            return node;
    }
    return NULL;
}

/* The board has its file; the agent that the site names for it may be another one, which takes its time. */
static enum exit_code wait_online(const struct call *call, struct session *session, const char *name)
{
    for (int64_t end = bb_loop_mono_ms() + session->timeout_ms; bb_loop_mono_ms() < end;) {
        json_t *nodes = NULL;
        enum exit_code code = nodes_fetch(call, session, &nodes);
        bool online = json_is_true(json_object_get(nodes_find(nodes, name), "online"));
        json_decref(nodes);
        if (code != EXIT_DONE || online)
            return code;
        if (!nodes_pause(session, 200))
            return EXIT_INTERRUPTED;
    }
    return call_fail(call, EXIT_TIMEOUT, "%s is enrolled; its agent has not seen it yet", name);
}

static enum exit_code enroll(const struct call *call, struct session *session, const char *text)
{
    const char *port = call->args[0], *name = call->args[1];
    json_t *nodes = NULL;
    enum exit_code code = nodes_fetch(call, session, &nodes);
    const json_t *node = stranger_on(nodes, port);
    if (code == EXIT_DONE && node == NULL)
        code = call_fail(call, EXIT_MISSING,
                         "on %s is no board that is not enrolled; busbar node list shows the ports of those",
                         port);
    if (code == EXIT_DONE)
        code =
            act(call, session, nodes_text(node, "agent"), "node.enroll",
                json_pack("{s:s,s:s,s:s}", "port", nodes_text(node, "port"), "name", name, "settings", text),
                "enrolled");
    json_decref(nodes);
    return code == EXIT_DONE ? wait_online(call, session, name) : code;
}

enum exit_code verb_node_enroll(const struct call *call)
{
    struct session session;
    char *text = NULL;
    const char *file = call_value(call, "config");
    if (file == NULL)
        return call_fail(call, EXIT_USAGE, "--config FILE is needed: the board's own file, busbar-board(5)");
    enum exit_code code = read_file(call, file, &text);
    if (code == EXIT_DONE)
        code = session_open(call, &session);
    if (code == EXIT_DONE) {
        nodes_be_patient(call, &session, PATIENCE_MS);
        code = enroll(call, &session, text);
        session_close(&session);
    }
    free(text);
    return code;
}

/* -- reset -- */

enum exit_code verb_node_reset(const struct call *call)
{
    struct session session;
    json_t *node = NULL;
    bool other = call_flag(call, "other-slot"), forget = call_flag(call, "forget");
    char question[128];
    if (other && forget)
        return call_fail(call, EXIT_USAGE, "give --other-slot or --forget");
    snprintf(question, sizeof question, "have %.32s forget its settings, until it is enrolled again?",
             call->args[0]);
    enum exit_code code = forget ? agentd_agree(call, question) : EXIT_DONE;
    if (code == EXIT_DONE)
        code = session_open(call, &session);
    if (code != EXIT_DONE)
        return code;
    nodes_be_patient(call, &session, PATIENCE_MS);
    code = nodes_named(call, &session, call->args[0], &node);
    if (code == EXIT_DONE)
        code = act(call, &session, nodes_text(node, "agent"), "node.reset",
                   json_pack("{s:s,s:s}", "name", call->args[0], "what",
                             other    ? "other-slot"
                             : forget ? "forget"
                                      : "restart"),
                   other    ? "restarted with the image of the other slot"
                   : forget ? "not enrolled any more"
                            : "restarted");
    json_decref(node);
    session_close(&session);
    return code;
}
