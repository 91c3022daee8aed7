#include "agents/cli/agentd.h"

#include "agents/cli/json.h"
#include "agents/cli/listing.h"
#include "agents/views/views.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 120000

enum exit_code agentd_call(const struct call *call, struct session *session, const char *method,
                           json_t *params, json_t **result_out)
{
    enum exit_code code = session_call(call, session, AGENTD, method, params, EXIT_REFUSED, result_out);
    json_decref(params);
    if (code == EXIT_UNREACHABLE)
        fputs("busbar-agentd, which hosts agents, does not run on this bus: busbar-agentd(8)\n", stderr);
    return code;
}

void agentd_be_patient(const struct call *call, struct session *session)
{
    if (call_value(call, "timeout") == NULL)
        session->timeout_ms = PATIENCE_MS;
}

static enum exit_code ask(const struct call *call, bool patient, const char *method, json_t *params,
                          json_t **result_out)
{
    struct session session;
    enum exit_code code = session_open(call, &session);
    if (code != EXIT_DONE) {
        json_decref(params);
        return code;
    }
    if (patient)
        agentd_be_patient(call, &session);
    code = agentd_call(call, &session, method, params, result_out);
    session_close(&session);
    return code;
}

enum exit_code agentd_ask(const struct call *call, const char *method, json_t *params, json_t **result_out)
{
    return ask(call, false, method, params, result_out);
}

enum exit_code agentd_act(const struct call *call, const char *method, json_t *params, json_t **result_out)
{
    return ask(call, true, method, params, result_out);
}

void agentd_print_json(json_t *result)
{
    json_print(stdout, views_of(result));
    json_decref(result);
}

char *agentd_text(const json_t *object, const char *member, char *text)
{
    return listing_text(object, member, LISTING_TEXT, FORMAT_PEOPLE, text);
}

void agentd_print(const struct call *call, json_t *result)
{
    const json_t *agent = json_object_get(result, "agent");
    char text[LISTING_TEXT_MAX];
    if (call_flag(call, "json")) {
        agentd_print_json(result);
        return;
    }
    printf("%s ", agentd_text(agent, "name", text));
    printf("%s: ", agentd_text(agent, "release", text));
    printf("%s", agentd_text(agent, "state", text));
    json_int_t pid = json_integer_value(json_object_get(agent, "pid"));
    if (pid > 0)
        printf(", pid %" JSON_INTEGER_FORMAT, pid);
    if (json_is_true(json_object_get(agent, "enabled")))
        fputs(", enabled", stdout);
    if (*agentd_text(agent, "trouble", text) != '\0')
        printf("; %s", text);
    putchar('\n');
    json_decref(result);
}

void agentd_print_list(enum format format, const json_t *agents)
{
    static const struct listing_column columns[] = {{"agent", "agent", "name", LISTING_TEXT},
                                                    {"release", "release", "release", LISTING_TEXT},
                                                    {"identity", "identity", "identity", LISTING_TEXT},
                                                    {"state", "state", "state", LISTING_TEXT},
                                                    {"enabled", "enabled", "enabled", LISTING_YES},
                                                    {"priority", "priority", "priority", LISTING_COUNT},
                                                    {"pid", "pid", "pid", LISTING_COUNT},
                                                    {"since", "since", "since_ms", LISTING_TIME_MS},
                                                    {"restarts", "restarts", "restarts", LISTING_COUNT},
                                                    {"last exit", "last_exit", "last_exit", LISTING_TEXT},
                                                    {"trouble", "trouble", "trouble", LISTING_TEXT}};
    listing_print(format, columns, sizeof columns / sizeof *columns, agents);
}

enum exit_code agentd_agree(const struct call *call, const char *question)
{
    char line[64] = "";
    if (call_flag(call, "yes"))
        return EXIT_DONE;
    if (!isatty(STDIN_FILENO))
        return call_fail(call, EXIT_USAGE, "there is no terminal to ask on: --yes agrees");
    fprintf(stderr, "%s [y/N] ", question);
    if (fgets(line, sizeof line, stdin) != NULL && (line[0] == 'y' || line[0] == 'Y'))
        return EXIT_DONE;
    return call_fail(call, EXIT_REFUSED, "nothing was done");
}
