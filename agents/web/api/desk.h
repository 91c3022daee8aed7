/* Questions of the API to the peers on the bus, asked without waiting. Questions that only read are shared:
 * the same question while one is under way, or answered less than DESK_FRESH_MS ago, is not asked again; so
 * many browsers cost the ledger no more than one. What has happened since (desk_stale) ends that. */
#ifndef AGENTS_WEB_API_DESK_H
#define AGENTS_WEB_API_DESK_H

#include <busbar/client.h>
#include <jansson.h>
#include <stdbool.h>

#define DESK_FRESH_MS   200
#define DESK_FLIGHT_MAX 64   /* questions under way */
#define DESK_WAIT_MAX   4096 /* who waits for them, all together */

struct desk;

struct desk_question {
    const char
        *peer; /* NULL: the broker itself: method "peers" (the identities), or a key that bb_query knows */
    const char *method;
    json_t *params; /* taken, always; NULL: none */
    uint32_t timeout_ms;
    bool acts; /* it changes something: never shared, and nothing answered before it is fresh after it */
};

/* BB_OK with the result; BB_REMOTE with the peer's error object, or NULL; otherwise NULL. Both borrowed and
 * shared: not to be changed. `reason`: a sentence, never NULL. */
struct desk_answer {
    enum status status;
    const json_t *json;
    const char *reason;
};

typedef void desk_done(void *context, const struct desk_answer *answer);

/* A desk that asks through this client. Aborts when memory is exhausted. */
struct desk *desk_open(struct bb_client *client);

/* To be called when the client has been closed. Accepts NULL. */
void desk_close(struct desk *desk);

/* Asks; `done` is called exactly once: in this call when it is known already or cannot be asked (BB_FULL,
 * BB_UNREACHABLE, BB_RANGE), otherwise later. */
void desk_ask(struct desk *desk, struct desk_question question, desk_done *done, void *context);

/* Something has happened at `peer` (NULL: at all of them): what was asked before is not given any more. */
void desk_stale(struct desk *desk, const char *peer);

/* Forgets what is not fresh any more. */
void desk_sweep(struct desk *desk);

#endif
