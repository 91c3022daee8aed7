/* The identities that busbard hosts itself. Peers call them like any agent, by JSON-RPC over VIP; nobody else
 * can have their names. One row of IDENTITIES in hosted.c adds an identity, one row of its table a method.
 *
 * The work here: what comes is bounded and parsed, the caller is checked against the row's capability, the
 * arguments are bound to their names and types, errors are answered as JSON-RPC wants it. A method runs in
 * the broker's loop: it must be quick. It answers at once, or takes a ticket and answers later, for example
 * when a peer that it asked itself has replied. */
#ifndef BUS_HOSTED_H
#define BUS_HOSTED_H

#include "bus/core/router.h"
#include "bus/jsonrpc.h"
#include "bus/post.h"

/* The largest message to a hosted identity that is read; larger ones are refused. */
#define HOSTED_MESSAGE_MAX (4 * 1024 * 1024)
/* Requests in one message, and in one JSON-RPC batch. */
#define HOSTED_BATCH_MAX 64
/* Answers that are owed, and answers that are awaited, at one time. */
#define HOSTED_TICKETS_MAX 1024
#define HOSTED_ASKED_MAX   1024

struct broker;
struct hosted;
struct hosted_method;

/* A call on its way through its method. All is borrowed until the method returns. */
struct hosted_call {
    struct hosted *hosted;
    void *context; /* of the identity */
    const struct access *access;
    const char *self;   /* the identity that was called */
    const char *caller; /* the peer's identity, which its key was found to allow; also VIP's user */
    uint32_t peer, entry;
    const struct hosted_method *method;
    json_t *arguments[JSONRPC_PARAMETERS_MAX]; /* by place in the method's table; NULL: not given */
    uint32_t identity;
    json_t *id; /* NULL: a notification */
    struct bytes message_id;
    bool answered;
};

struct hosted_method {
    const char *name;
    void (*run)(struct hosted_call *call);
    const struct jsonrpc_parameter *parameters; /* NULL: none */
    /* Who may call: everybody (both NULL), or a caller with one of the capabilities. `own`: the parameter
     * that makes the call anybody's own business when it is the caller's identity; NULL: none. */
    const char *capability, *other_capability;
    const char *own;
    bool writes; /* to the disk, at once: calls wait for their share of the broker's time */
};

struct hosted_identity {
    const char *name;
    const struct hosted_method *methods;
    size_t method_count;
    /* What its methods get as context; a failure is the identity's own to report in its answers. */
    void *(*open)(struct broker *broker, struct hosted *hosted);
    void (*close)(void *context);
    /* For `busbar status`, new; "trouble" in it says what is wrong, "" if nothing is. */
    json_t *(*status)(void *context);
    void (*tick)(void *context); /* about once a second; may be NULL */
};

/* Answers a call: with a result (taken over, NULL for null), or with an error. `type` is what VOLTTRON's
 * agents see as the exception's type ("KeyError"). */
void hosted_result(struct hosted_call *call, json_t *result);
void hosted_fail(struct hosted_call *call, int code, const char *type, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Takes a ticket for an answer that follows later. BB_FULL. */
BB_MUST_CHECK enum status hosted_defer(struct hosted_call *call, uint64_t *ticket_out);

/* Answers a deferred call; a ticket whose caller has left is forgotten. */
void hosted_finish(struct hosted *hosted, uint64_t ticket, json_t *result);

/* True when the caller's key has `capability` and the arguments of the call meet its restrictions. */
bool hosted_may(const struct hosted_call *call, const char *capability);

/* The reply to a question: BB_OK and the result, BB_REMOTE and the error object, BB_TIMEOUT or BB_CLOSED (the
 * peer left, or the broker ends) and NULL. */
typedef void hosted_on_reply(void *context, enum status status, json_t *answer);

/* Calls `method` of a peer in the name of `identity`; `params` is taken over. After BB_OK `on_reply` (may be
 * NULL: a notification) is called exactly once. BB_NOT_FOUND: no such peer.
 * BB_FULL. */
BB_MUST_CHECK enum status hosted_ask(struct hosted *hosted, const char *identity, const char *peer,
                                     const char *method, json_t *params, uint32_t timeout_ms,
                                     hosted_on_reply *on_reply, void *context);

/* -- for the broker ------------------------------------------------------------------------------------- */

/* Opens all identities and reserves their names. Never fails. */
struct hosted *hosted_open(struct broker *broker, struct router *router, struct post *post);

/* Accepts NULL. */
void hosted_close(struct hosted *hosted);

/* Handles a message to hosted identity `identity`. */
void hosted_receive(struct hosted *hosted, uint32_t identity, const struct router_in *in);

/* A peer was forgotten: nothing more is owed to it, or expected of it. */
void hosted_left(struct hosted *hosted, uint32_t peer);

/* Each turn of the loop: does a call that waited for its share of the time, and once a second what is due by
 * then. True while calls wait. */
bool hosted_tick(struct hosted *hosted, int64_t now_ms);

/* The identities and how they are, new. */
json_t *hosted_status(const struct hosted *hosted);

#endif
