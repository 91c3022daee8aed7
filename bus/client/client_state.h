/* The private members of a client, shared by client.c (the connection), pubsub.c and calls.c. */
#ifndef BUS_CLIENT_CLIENT_STATE_H
#define BUS_CLIENT_CLIENT_STATE_H

#include "bus/client/vip_address.h"
#include "bus/client/wire.h"

#include <busbar/directory.h>
#include <busbar/gateway.h>
#include <busbar/limits.h>

#define CLIENT_QUEUE_MAX   1000
#define CLIENT_CALLS_MAX   1024
#define CLIENT_METHODS_MAX 256
/* Calls that came in and are not answered yet, and the bytes of answers that wait for the broker. */
#define CLIENT_PENDING_MAX 65536
#define CLIENT_OUTBOX_MAX  (64 * 1024 * 1024)
/* Messages read in one turn, so that a flood never starves timers and other descriptors. */
#define CLIENT_READ_MAX 64

enum client_phase {
    CLIENT_CONNECTING, /* no connection, or its handshake is not done */
    CLIENT_GREETING,   /* hello is sent or due, the welcome has not come */
    CLIENT_READY
};

struct queued {
    char *speaker; /* NULL: the client itself */
    char *topic;
    char *json;
};

struct subscription {
    uint64_t serial;
    char *prefix;
    bb_on_message *on_message;
    void *context;
};

struct served {
    char *method;
    bb_on_call *on_call; /* or, when NULL: */
    bb_on_call_later *on_call_later;
    void *context;
    const char *const *names; /* of the parameters; NULL: they are passed on as they come */
};

/* A call that came in: waits for its answer, then, answered, for the way to the broker. */
struct bb_pending {
    struct bb_client *client;
    char *recipient;                    /* the remote peer that was called; NULL: the client itself */
    struct bb_pending *previous, *next; /* in `pending` or in `outbox` */
    char *peer;
    uint8_t *message_id; /* opaque, goes back as it came */
    size_t message_id_size;
    char *id;   /* the call's JSON id; NULL: it wants no answer */
    char *text; /* the answer, once it is there */
};

/* Waits for its answer: an RPC by its JSON id, another subsystem's by the message id. */
struct call {
    uint64_t serial; /* 0: free */
    bool rpc;
    char peer[BB_IDENTITY_MAX + 1];
    int64_t deadline_ms;
    bb_on_reply *on_reply;
    void *context;
};

struct bb_client {
    struct bb_loop *loop;
    char identity[BB_IDENTITY_MAX + 1];
    struct vip_address address;
    void *zmq, *socket, *monitor;
    enum client_phase phase;
    unsigned hello;          /* N of connect.hello.N, counts hellos */
    int64_t hello_again_ms;  /* when the hello is repeated if no welcome has come; 0: not due */
    int64_t connect_anew_ms; /* while connecting: when the socket is told again */
    unsigned broken_handshakes, broken_greetings; /* in a row */
    bool denied;                                  /* the broker has refused the key or the identity */
    uint32_t heartbeat_ms;
    int64_t heartbeat_at_ms;
    int timer;
    uint64_t serial; /* of messages, calls and subscriptions */
    struct bb_reason reason;
    struct bb_reason refusal; /* of the last refused publish or subscription */
    bool refused;             /* and whether bb_publish or bb_flush has told it yet */

    struct queued queue[CLIENT_QUEUE_MAX];
    size_t queue_head, queued;
    uint64_t dropped;
    uint64_t unacknowledged;
    uint64_t welcomes, refusals; /* so far */
    struct subscription *subscriptions;
    size_t subscription_count;
    struct served methods[CLIENT_METHODS_MAX];
    size_t method_count;
    bb_on_foreign_call *on_foreign_call; /* NULL: such calls are refused */
    void *foreign_context;
    struct bb_pending *pending;               /* calls that wait for bb_answer */
    struct bb_pending *outbox, **outbox_last; /* answers that the broker could not take yet, oldest first */
    size_t pending_count;                     /* of both lists */
    size_t outbox_bytes;
    struct call calls[CLIENT_CALLS_MAX];
    size_t calls_used;
    char *offer; /* params of the registration with the directory; NULL: nothing is offered */
    int offer_timer;
    unsigned offer_tries;  /* in a row that came too early */
    bb_on_peers *on_peers; /* NULL: nobody wants to know who is there */
    void *peers_context;
};

/* Sends [recipient, VIP1, speaker, id, subsystem, args…]; at most 4 args; the speaker is "" for the client
 * itself. BB_FULL. */
BB_MUST_CHECK enum status client_send_as(struct bb_client *c, const char *speaker, const char *recipient,
                                         const char *id, const char *subsystem, const char *const *args,
                                         size_t count);

/* The same for the client itself. BB_FULL. */
BB_MUST_CHECK enum status client_send(struct bb_client *c, const char *recipient, const char *id,
                                      const char *subsystem, const char *const *args, size_t count);

/* Sets the loop's timer to the next deadline of hello, heartbeat and calls. */
void client_rearm(struct bb_client *c);

#endif
