/* busbar pub: one message onto the bus. */
#include "agents/cli/json.h"
#include "agents/cli/session.h"
#include "agents/cli/verbs.h"

#include <stdlib.h>
#include <string.h>

/* The message as compact JSON, malloc'd: the second argument, "-" for standard input. */
static enum exit_code take_message(const struct call *call, char **out)
{
    json_error_t error;
    const char *given = call->args[1];
    json_t *message = strcmp(given, "-") == 0 ? json_loadf(stdin, JSON_DECODE_ANY, &error)
                                              : json_loads(given, JSON_DECODE_ANY, &error);
    if (message == NULL)
        return call_fail(call, EXIT_USAGE, "the message is not JSON (a text needs quotes: '\"hello\"'): %s",
                         error.text);
    *out = json_dumps(message, JSON_COMPACT | JSON_ENCODE_ANY);
    json_decref(message);
    return *out == NULL ? call_fail(call, EXIT_FAILED, "no memory") : EXIT_DONE;
}

static enum exit_code publish(const struct call *call, const char *message)
{
    struct session session;
    enum exit_code code = session_open(call, &session);
    if (code != EXIT_DONE)
        return code;
    enum status status = bb_publish(session.client, call->args[0], call_value(call, "headers"), message);
    if (status == BB_OK)
        status = bb_flush(session.client, session.timeout_ms);
    if (status != BB_OK)
        code = session_fail(call, &session, status);
    session_close(&session);
    return code;
}

enum exit_code verb_pub(const struct call *call)
{
    char *message = NULL;
    enum exit_code code = take_message(call, &message);
    if (code == EXIT_DONE)
        code = publish(call, message);
    free(message);
    return code;
}
