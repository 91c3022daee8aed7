#include "agents/cli/session.h"

#include "agents/cli/home.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SESSION_TIMEOUT_S 5.0
/* "Method not found". Source: JSON-RPC 2.0, section 5.1. */
#define RPC_NO_METHOD (-32601)
/* What the broker answers for a peer that is not there. */
#define RPC_UNAVAILABLE  (-32006)
#define RPC_UNAUTHORIZED (-32001)

static enum status connect_client(const struct call *call, struct session *s, struct bb_reason *reason)
{
    char identity[32];
    const char *as = call_value(call, "as");
    snprintf(identity, sizeof identity, "cli.%ld", (long)getpid());
    struct bb_client_options options = {.identity = as == NULL ? identity : as,
                                        .address = call_value(call, "address"),
                                        .home = s->home,
                                        .connect_ms = s->timeout_ms,
                                        .reason = reason};
    return bb_client_open(s->loop, &options, &s->client);
}

/* A home without its broker's address is one whose broker does not run: unreachable, rather than not found.
 */
static enum exit_code exit_of_open(const struct call *call, const struct session *s, enum status status)
{
    char path[600];
    snprintf(path, sizeof path, "%s/run/vip.address", s->home);
    bool down = status == BB_NOT_FOUND && call_value(call, "address") == NULL && access(path, F_OK) != 0;
    return down ? EXIT_UNREACHABLE : exit_of(status);
}

enum status session_try(const struct call *call, struct bb_reason *reason, struct session *out)
{
    struct session s = {0};
    double timeout_s;
    enum status status = call_number(call, "timeout", 0.001, 86400, SESSION_TIMEOUT_S, reason, &timeout_s);
    if (status == BB_OK)
        status = home_find(call_value(call, "home"), reason, s.home, sizeof s.home);
    if (status != BB_OK)
        return status;
    s.timeout_ms = (uint32_t)(timeout_s * 1000);
    *out = s;
    status = bb_loop_open(&s.loop);
    if (status != BB_OK)
        return call_reason(reason, BB_IO, "the event loop does not start: %s", bb_status_text(status));
    status = connect_client(call, &s, reason);
    if (status == BB_OK) {
        *out = s;
        return BB_OK;
    }
    bb_loop_close(s.loop);
    if (*reason->text == '\0')
        bb_reason_say(reason, "%s", bb_status_text(status));
    return status;
}

enum exit_code session_open(const struct call *call, struct session *out)
{
    struct session s = {0};
    struct bb_reason reason = {""};
    enum status status = session_try(call, &reason, &s);
    if (status != BB_OK)
        return call_fail(call, *s.home == '\0' ? exit_of(status) : exit_of_open(call, &s, status), "%s",
                         reason.text);
    *out = s;
    return EXIT_DONE;
}

void session_close(struct session *session)
{
    bb_client_close(session->client);
    bb_loop_close(session->loop);
}

enum exit_code session_fail(const struct call *call, const struct session *session, enum status status)
{
    const char *reason = bb_client_reason(session->client);
    return call_fail(call, exit_of(status), "%s", *reason == '\0' ? bb_status_text(status) : reason);
}

/* Tells the error object that a peer, or the broker in its place, answered with. */
static enum exit_code tell_remote(const struct call *call, const char *peer, const char *json,
                                  enum exit_code refused)
{
    json_t *error = json == NULL ? NULL : json_loads(json, JSON_DECODE_ANY, NULL);
    const char *message = json_string_value(json_object_get(error, "message"));
    json_int_t number = json_integer_value(json_object_get(error, "code"));
    const char *word = json_string_value(json_object_get(json_object_get(error, "data"), "status"));
    enum exit_code code = word != NULL && strcmp(word, "not-found") == 0 ? EXIT_MISSING : refused;
    if (word != NULL && strcmp(word, "denied") == 0)
        code = EXIT_DENIED;
    if (number == RPC_NO_METHOD)
        code = EXIT_MISSING;
    else if (number == RPC_UNAVAILABLE)
        code = EXIT_UNREACHABLE;
    else if (number == RPC_UNAUTHORIZED)
        code = EXIT_DENIED;
    call_fail(call, code, "%s: %s", peer, message == NULL ? "it answered with an error" : message);
    json_decref(error);
    return code;
}

enum exit_code session_call(const struct call *call, struct session *session, const char *peer,
                            const char *method, const json_t *params, enum exit_code refused,
                            json_t **result_out)
{
    char *text = params == NULL ? NULL : json_dumps(params, JSON_COMPACT | JSON_REAL_PRECISION(15));
    char *answer = NULL;
    enum status status = bb_call(session->client, peer, method, text, session->timeout_ms, &answer);
    free(text);
    enum exit_code code = exit_of(status);
    if (status == BB_REMOTE) {
        code = tell_remote(call, peer, answer, refused);
    } else if (status != BB_OK) {
        const char *reason = bb_client_reason(session->client);
        call_fail(call, code, "%s: %s", peer, *reason == '\0' ? bb_status_text(status) : reason);
    } else {
        json_t *result = json_loads(answer == NULL ? "null" : answer, JSON_DECODE_ANY, NULL);
        if (result == NULL)
            code = call_fail(call, EXIT_FAILED, "%s: its answer is not JSON", peer);
        else
            *result_out = result;
    }
    free(answer);
    return code;
}

enum exit_code session_peers(const struct call *call, struct session *session, json_t **out)
{
    char *text = NULL;
    enum status status = bb_peers(session->client, session->timeout_ms, &text);
    if (status != BB_OK)
        return call_fail(call, exit_of(status), "the list of peers: %s", bb_status_text(status));
    json_t *peers = json_loads(text, 0, NULL);
    free(text);
    if (!json_is_array(peers)) {
        json_decref(peers);
        return call_fail(call, EXIT_FAILED, "the broker's list of peers is not a JSON list");
    }
    *out = peers;
    return EXIT_DONE;
}
