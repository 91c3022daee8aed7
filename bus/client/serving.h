/* The calls that a client serves: methods, calls that wait for their answers, answers that wait for the
 * broker.
 */
#ifndef BUS_CLIENT_SERVING_H
#define BUS_CLIENT_SERVING_H

#include "bus/client/client_state.h"
#include "bus/client/envelope.h"

/* A request has come from `caller`. */
void serving_call(struct bb_client *c, const struct wire *wire, const struct envelope *envelope,
                  const char *caller, const char *method);

/* Sends what waits for the broker, as far as it takes it: after each welcome, and while the queue is full. */
void serving_send(struct bb_client *c);

/* Answers all calls that still wait with BB_CLOSED. */
void serving_close(struct bb_client *c);

/* Forgets everything. */
void serving_free(struct bb_client *c);

#endif
