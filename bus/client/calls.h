/* Calls of a client that wait for their answers. */
#ifndef BUS_CLIENT_CALLS_H
#define BUS_CLIENT_CALLS_H

#include "bus/client/client_state.h"

/* A reply, a request or an error has come; frames from `wire`. */
void calls_receive_rpc(struct bb_client *c, const struct wire *wire);
void calls_receive_vip(struct bb_client *c, const struct wire *wire, const char *subsystem);
void calls_refuse(struct bb_client *c, const struct wire *wire);

/* Asks the broker for the identities on the bus; `on_reply` gets a JSON array, or never anything when the
 * connection is not there. */
void calls_list(struct bb_client *c, uint32_t timeout_ms, bb_on_reply *on_reply, void *context);

/* Sends a publish (`json`: its envelope) whose acknowledgement is the answer. As bb_publish_told. */
BB_MUST_CHECK enum status calls_publish(struct bb_client *c, const char *speaker, const char *topic,
                                        const char *json, uint32_t timeout_ms, bb_on_reply *on_reply,
                                        void *context);

/* The broker has acknowledged such a publish; another message is none of ours. */
void calls_acknowledge(struct bb_client *c, const struct wire *wire);

/* Answers the calls whose deadline has passed with BB_TIMEOUT; the next deadline, INT64_MAX: never. */
void calls_expire(struct bb_client *c, int64_t now_ms);
int64_t calls_due(const struct bb_client *c);

/* Answers every call with `status`. */
void calls_fail_all(struct bb_client *c, enum status status);

#endif
