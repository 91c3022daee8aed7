/* Questions of the API to the peers on the bus, asked without waiting. Questions that only read are shared:
 * the same question while one is under way, or answered less than RELAY_FRESH_MS ago, is not asked again; so
 * many browsers cost the ledger no more than one. What has happened since (relay_stale) ends that. */
#ifndef AGENTS_WEB_API_RELAY_H
#define AGENTS_WEB_API_RELAY_H

#include <busbar/client.h>
#include <jansson.h>
#include <stdbool.h>

#define RELAY_FRESH_MS   200
#define RELAY_FLIGHT_MAX 64   /* questions under way */
#define RELAY_WAIT_MAX   4096 /* who waits for them, all together */

struct relay;

struct relay_question {
    /* NULL: the broker itself: method "peers" (the identities), or a key that bb_query knows. */
    const char *peer;
    const char *method;
    json_t *params; /* taken, always; NULL: none */
    uint32_t timeout_ms;
    bool acts; /* it changes something: never shared, and nothing answered before it is fresh after it */
};

/* BB_OK with the result; BB_REMOTE with the peer's error object, or NULL; otherwise NULL. Both borrowed and
 * shared: not to be changed. `reason`: a sentence, never NULL. */
struct relay_answer {
    enum status status;
    const json_t *json;
    const char *reason;
};

typedef void relay_done(void *context, const struct relay_answer *answer);

/* A relay that asks through this client. Aborts when memory is exhausted. */
struct relay *relay_open(struct bb_client *client);

/* To be called when the client has been closed. Accepts NULL. */
void relay_close(struct relay *relay);

/* Asks; `done` is called exactly once: in this call when it is known already or cannot be asked (BB_FULL,
 * BB_UNREACHABLE, BB_RANGE), otherwise later. */
void relay_ask(struct relay *relay, struct relay_question question, relay_done *done, void *context);

/* Something has happened at `peer` (NULL: at all of them): what was asked before is not given any more. */
void relay_stale(struct relay *relay, const char *peer);

/* Forgets what is not fresh any more. */
void relay_sweep(struct relay *relay);

#endif
