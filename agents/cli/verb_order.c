/* busbar dispatch hold, override, release, stop, parameter: orders to boards, through the agent that serves
 * them. They win over the algorithm and are visible on the bus. */
#include "agents/cli/boards.h"
#include "agents/cli/decimal.h"
#include "agents/cli/json.h"
#include "agents/cli/verbs.h"
#include "agents/views/views.h"

#include <string.h>

/* The value of a decimal option as JSON in *out; NULL when it was not given. */
static enum exit_code take_decimal(const struct call *call, const char *option, json_t **out)
{
    const char *text = call_value(call, option);
    int64_t millionths;
    *out = NULL;
    if (text == NULL)
        return EXIT_DONE;
    enum status status = decimal_parse(text, &millionths);
    if (status == BB_MALFORMED)
        return call_fail(call, EXIT_USAGE, "--%s: \"%s\" is no decimal number", option, text);
    if (status != BB_OK || millionths < 0 || millionths > UINT32_MAX)
        return call_fail(call, EXIT_USAGE,
                         "--%s: %s: expected 0 to 4294.967295 with at most six decimals (a board counts "
                         "millionths; nothing is rounded)",
                         option, text);
    *out = json_millionths(millionths);
    return EXIT_DONE;
}

/* Sends the order to each agent; the first refusal ends it. */
static enum exit_code send_order(const struct call *call, struct session *session, const json_t *boards,
                                 const char *method, json_t *params)
{
    const char *name = json_string_value(json_object_get(params, "name"));
    json_t *agents = boards_serving(boards, name), *value;
    enum exit_code code = EXIT_DONE;
    if (json_object_size(agents) == 0)
        code =
            call_fail(call, EXIT_MISSING, "no board is named \"%s\"; busbar dispatch show lists them", name);
    const char *agent;
    json_object_foreach(agents, agent, value)
    {
        json_t *result = NULL;
        if (code == EXIT_DONE)
            code = session_call(call, session, agent, method, params, EXIT_REFUSED, &result);
        json_decref(result);
    }
    json_decref(agents);
    return code;
}

static void print_done(const struct call *call, const char *method, const json_t *params)
{
    const char *name = json_string_value(json_object_get(params, "name"));
    if (call_flag(call, "json")) {
        json_print(stdout, views_order(method, params));
    } else {
        printf("%s: %s\n", name, method + strlen("board."));
    }
}

/* Gives the order; takes `params`. */
static enum exit_code order(const struct call *call, const char *method, json_t *params)
{
    struct session session;
    json_t *peers = NULL, *boards = NULL;
    enum exit_code code = session_open(call, &session);
    if (code == EXIT_DONE) {
        code = session_peers(call, &session, &peers);
        if (code == EXIT_DONE)
            code = boards_fetch(call, &session, peers, &boards);
        if (code == EXIT_DONE)
            code = send_order(call, &session, boards, method, params);
        session_close(&session);
    }
    if (code == EXIT_DONE)
        print_done(call, method, params);
    json_decref(boards);
    json_decref(peers);
    json_decref(params);
    return code;
}

static json_t *named(const struct call *call)
{
    return json_pack("{s:s}", "name", call->args[0]);
}

enum exit_code verb_dispatch_hold(const struct call *call)
{
    return order(call, "board.hold", named(call));
}

enum exit_code verb_dispatch_release(const struct call *call)
{
    return order(call, "board.release", named(call));
}

enum exit_code verb_dispatch_stop(const struct call *call)
{
    return order(call, "board.stop", named(call));
}

enum exit_code verb_dispatch_override(const struct call *call)
{
    json_t *kw;
    if (strcmp(call->args[0], "all") == 0)
        return call_fail(call, EXIT_USAGE,
                         "one power for all boards is no order; name a board, or: busbar dispatch stop all");
    enum exit_code code = take_decimal(call, "kw", &kw);
    if (code != EXIT_DONE)
        return code;
    if (kw == NULL)
        return call_fail(call, EXIT_USAGE, "how much? give --kw X");
    json_t *params = named(call);
    json_object_set_new(params, "kw", kw);
    return order(call, "board.override", params);
}

enum exit_code verb_dispatch_parameter(const struct call *call)
{
    static const char *const options[][2] = {
        {"omega", "omega"}, {"sigma", "sigma"}, {"beta", "beta"}, {"alpha", "alpha"}, {"pmax-kw", "pmax_kw"}};
    json_t *params = named(call);
    enum exit_code code = EXIT_DONE;
    for (size_t i = 0; i < sizeof options / sizeof *options && code == EXIT_DONE; i++) {
        json_t *value;
        code = take_decimal(call, options[i][0], &value);
        if (code == EXIT_DONE && value != NULL)
            json_object_set_new(params, options[i][1], value);
    }
    if (code == EXIT_DONE && json_object_size(params) == 1)
        code = call_fail(call, EXIT_USAGE,
                         "nothing to change: give --omega, --sigma, --beta, --alpha or --pmax-kw");
    if (code == EXIT_DONE)
        return order(call, "board.parameter", params);
    json_decref(params);
    return code;
}
