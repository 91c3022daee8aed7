/* busbar rpc: one call to a peer, its result on standard output. */
#include "agents/cli/json.h"
#include "agents/cli/session.h"
#include "agents/cli/verbs.h"

#include <string.h>

/* The params of the call: the third argument, "-" for standard input. NULL in *out: none. */
static enum exit_code take_params(const struct call *call, json_t **out)
{
    *out = NULL;
    if (call->arg_count < 3)
        return EXIT_DONE;
    json_error_t error;
    json_t *params =
        strcmp(call->args[2], "-") == 0 ? json_loadf(stdin, 0, &error) : json_loads(call->args[2], 0, &error);
    if (params == NULL)
        return call_fail(call, EXIT_USAGE, "PARAMS: expected a JSON list or object: column %d: %s",
                         error.column, error.text);
    *out = params;
    return EXIT_DONE;
}

static void print_result(const struct call *call, json_t *result)
{
    if (call_flag(call, "json")) {
        json_t *document = json_document();
        json_object_set_new(document, "result", result);
        json_print(stdout, document);
        return;
    }
    json_dumpf(result, stdout, JSON_ENCODE_ANY | JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    putchar('\n');
    json_decref(result);
}

enum exit_code verb_rpc(const struct call *call)
{
    struct session session;
    json_t *params, *result;
    enum exit_code code = take_params(call, &params);
    if (code == EXIT_DONE)
        code = session_open(call, &session);
    if (code != EXIT_DONE) {
        json_decref(params);
        return code;
    }
    code = session_call(call, &session, call->args[0], call->args[1], params, EXIT_FAILED, &result);
    if (code == EXIT_DONE)
        print_result(call, result);
    json_decref(params);
    session_close(&session);
    return code;
}
