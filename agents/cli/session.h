/* The command line as a peer on the bus: a loop and a client for the time of one verb. */
#ifndef AGENTS_CLI_SESSION_H
#define AGENTS_CLI_SESSION_H

#include "agents/cli/call.h"

#include <busbar/client.h>
#include <jansson.h>

struct session {
    struct bb_loop *loop;
    struct bb_client *client;
    char home[512];
    uint32_t timeout_ms; /* of --timeout, 5 000 without it */
};

/* Connects with the options --home, --address, --as and --timeout of the call. Everything but EXIT_DONE has
 * been told on standard error, and nothing is to be closed then. */
enum exit_code session_open(const struct call *call, struct session *out);

/* The same, telling nothing but *reason: for who goes on without the bus. out->home is known also without it,
 * unless the call itself is wrong (then it is untouched). */
BB_MUST_CHECK enum status session_try(const struct call *call, struct bb_reason *reason, struct session *out);

/* Closes both. */
void session_close(struct session *session);

/* Tells why the client's last call failed with `status`; the exit code that stands for it. */
enum exit_code session_fail(const struct call *call, const struct session *session, enum status status);

/* Calls `method` of `peer` with params (borrowed; NULL: none) and waits. *result_out is the parsed result, to
 * be decref'd. Otherwise the reason has been told on standard error: EXIT_UNREACHABLE, EXIT_TIMEOUT, …, and
 * `refused` when the peer answered with an error of its own (EXIT_MISSING when it has no such method). */
enum exit_code session_call(const struct call *call, struct session *session, const char *peer,
                            const char *method, const json_t *params, enum exit_code refused,
                            json_t **result_out);

/* The identities on the bus, a JSON array of texts, to be decref'd; failures are told. */
enum exit_code session_peers(const struct call *call, struct session *session, json_t **out);

#endif
