/* For the one agent that speaks for peers of other platforms, `peer@platform` (identity `federation`): the
 * broker hands it the calls to such names, and lets it publish, call and answer in such names. For any other
 * identity the broker ignores the name. The plain ways are client.h and serve.h. */
#ifndef BUSBAR_GATEWAY_H
#define BUSBAR_GATEWAY_H

#include <busbar/serve.h>

/* A call of `caller` to `recipient`, a peer of another platform. Texts are borrowed for the call; `params` is
 * NULL when there are none. Answer with bb_answer or bb_answer_error. */
typedef void bb_on_foreign_call(void *context, struct bb_pending *pending, const char *recipient,
                                const char *caller, const char *method, const char *params);

/* Takes every call to another platform's peers. */
void bb_serve_foreign(struct bb_client *client, bb_on_foreign_call *on_call, void *context);

/* Answers a waiting call with an error object (JSON, borrowed) as it stands. */
void bb_answer_error(struct bb_pending *pending, const char *error);

/* As bb_publish, in the name of `speaker`; headers are sent as they stand (an object; not NULL). */
BB_MUST_CHECK enum status bb_publish_as(struct bb_client *client, const char *speaker, const char *topic,
                                        const char *headers, const char *message);

/* The same, and tells what became of it: after BB_OK `on_reply` is called exactly once, later, with BB_OK
 * when the broker has taken the message (where its topic is durable: when it is on the disk), BB_DENIED or
 * BB_REMOTE when it was refused (bb_client_reason says why), BB_TIMEOUT, or BB_CLOSED. Nothing waits for a
 * connection: BB_UNREACHABLE. BB_FULL, BB_RANGE. */
BB_MUST_CHECK enum status bb_publish_told(struct bb_client *client, const char *speaker, const char *topic,
                                          const char *headers, const char *message, uint32_t timeout_ms,
                                          bb_on_reply *on_reply, void *context);

/* As bb_request, in the name of `speaker`. */
BB_MUST_CHECK enum status bb_request_as(struct bb_client *client, const char *speaker, const char *peer,
                                        const char *method, const char *params, uint32_t timeout_ms,
                                        bb_on_reply *on_reply, void *context);

/* True while the broker has welcomed this client and the connection stands. */
int bb_client_is_up(const struct bb_client *client);

/* Publishes and subscriptions that are not acknowledged yet. */
size_t bb_client_backlog(const struct bb_client *client);

#endif
