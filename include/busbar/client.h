/* A peer on the bus in a few calls: publish, subscribe, call, serve. Speaks VIP1 to busbard
 * (docs/architecture.md); reconnects by itself and then subscribes and announces again. Messages, headers,
 * params and results are JSON texts.
 *
 * An address is `tcp://host:port` or `ipc://path`, optionally followed by
 * ?serverkey=…&publickey=…&secretkey=… (base64url, hex or Z85); without keys in it, they are looked up under
 * `home` (keys/<identity>.json and keys/busbard.pub), and without an address, `home`/run/vip.address is read.
 * Source: VOLTTRON VIP1. */
#ifndef BUSBAR_CLIENT_H
#define BUSBAR_CLIENT_H

#include <busbar/loop.h>
#include <busbar/reason.h>
#include <busbar/status.h>
#include <stddef.h>
#include <stdint.h>

struct bb_client;

struct bb_client_options {
    const char *identity;     /* [A-Za-z0-9_.-]+, at most 255 bytes; required */
    const char *address;      /* NULL: $BUSBAR_VIP, else <home>/run/vip.address */
    const char *home;         /* NULL: $BUSBAR_HOME, else ~/.local/share/busbar */
    uint32_t connect_ms;      /* how long bb_client_open waits for the welcome; 0 means 10 000 */
    int later;                /* bb_client_open waits for nothing: the client connects by itself, later */
    uint32_t heartbeat_ms;    /* pause between heartbeat/<identity> publishes; 0: none */
    struct bb_reason *reason; /* NULL, or receives the sentence when bb_client_open fails */
};

/* A published message. All texts are borrowed for the call. */
typedef void bb_on_message(void *context, const char *topic, const char *sender, const char *headers,
                           const char *message);

/* The answer of a call: BB_OK and its result, or BB_REMOTE and the error object, or BB_UNREACHABLE,
 * BB_TIMEOUT, BB_CLOSED (the connection broke), BB_FULL, BB_DENIED and NULL. */
typedef void bb_on_reply(void *context, enum status status, const char *json);

/* A call that came in: answer with *result_out (malloc'd JSON, freed by the client; NULL means null) and
 * BB_OK; any other status becomes a JSON-RPC error whose message is *result_out (malloc'd text) or the
 * status's text. */
typedef enum status bb_on_call(void *context, const char *caller, const char *params, char **result_out);

/* Connects and waits for the welcome, at most connect_ms. BB_RANGE (identity, address), BB_NOT_FOUND (no
 * address or key file), BB_DENIED (the broker refused the key), BB_UNREACHABLE, BB_INTERRUPTED. */
BB_MUST_CHECK enum status bb_client_open(struct bb_loop *loop, const struct bb_client_options *options,
                                         struct bb_client **out);

/* Says agentstop and closes. Accepts NULL. */
void bb_client_close(struct bb_client *client);

/* Publishes `message` (JSON; headers may be NULL; Date and TimeStamp are added). Queued while reconnecting,
 * oldest dropped beyond 1000 and counted. BB_RANGE: not JSON, topic empty or too long. BB_DENIED, once for
 * each refusal: the broker refused an earlier publish (bb_client_reason says which); this one is sent all the
 * same. */
BB_MUST_CHECK enum status bb_publish(struct bb_client *client, const char *topic, const char *headers,
                                     const char *message);

/* Calls `on_message` for every topic that starts with `prefix`; several subscriptions may match one message
 * and each is called. BB_FULL, BB_RANGE. */
BB_MUST_CHECK enum status bb_subscribe(struct bb_client *client, const char *prefix,
                                       bb_on_message *on_message, void *context);
BB_MUST_CHECK enum status bb_unsubscribe(struct bb_client *client, const char *prefix);

/* Waits until the broker has acknowledged every publish, subscribe and unsubscribe so far. BB_TIMEOUT,
 * BB_DENIED (it refused one of them; bb_client_reason says which), BB_INTERRUPTED. */
BB_MUST_CHECK enum status bb_flush(struct bb_client *client, uint32_t timeout_ms);

/* Sends a JSON-RPC call (params: a JSON array or object, NULL for none) and returns at once; after BB_OK
 * `on_reply` is called exactly once, later. BB_RANGE, BB_FULL; BB_UNREACHABLE while reconnecting. */
BB_MUST_CHECK enum status bb_request(struct bb_client *client, const char *peer, const char *method,
                                     const char *params, uint32_t timeout_ms, bb_on_reply *on_reply,
                                     void *context);

/* The same, waiting: runs the loop until the answer is there. *result_out is malloc'd JSON, with BB_REMOTE
 * the error object. */
BB_MUST_CHECK enum status bb_call(struct bb_client *client, const char *peer, const char *method,
                                  const char *params, uint32_t timeout_ms, char **result_out);

/* Serves `method` to all peers. BB_EXISTS, BB_FULL. */
BB_MUST_CHECK enum status bb_serve(struct bb_client *client, const char *method, bb_on_call *on_call,
                                   void *context);

/* The identities on the bus, as a malloc'd JSON array. BB_TIMEOUT, BB_UNREACHABLE. */
BB_MUST_CHECK enum status bb_peers(struct bb_client *client, uint32_t timeout_ms, char **json_out);

/* A value that the router knows (VIP query: serverkey, instance-name, platform-version, …) as malloc'd text,
 * "" if unknown. */
BB_MUST_CHECK enum status bb_query(struct bb_client *client, const char *key, uint32_t timeout_ms,
                                   char **value_out);

/* Why the last failed call failed, in one sentence that says what to do. Valid until the next call; "" if
 * nothing failed. */
const char *bb_client_reason(const struct bb_client *client);

#endif
