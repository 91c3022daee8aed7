/* The VIP1 router as a function: one message in, the messages that follow from it out. Nothing is sent here:
 * an outgoing frame is either a frame of the incoming message, which the process can hand on without copying,
 * or a few pieces of text to be joined.
 *
 * Peers join with their first message. A key's entry says which identities it may take: a message from any
 * other is refused and says so, and the process shuts the connection. A few identities belong to the process
 * itself: nobody can take them, and what is addressed to them is handed to the process.
 * Source: VIP1; docs/architecture.md. */
#ifndef BUS_CORE_ROUTER_H
#define BUS_CORE_ROUTER_H

#include "bus/core/access.h"
#include "bus/core/envelope.h"
#include "bus/core/peers.h"
#include "bus/core/subs.h"

/* Room for texts that answers need, above all `pubsub list`, which ends when it is full. */
#define ROUTER_SCRATCH   (256 * 1024)
#define ROUTER_FRAMES    (BB_PEERS_MAX + 2 * BB_FRAMES_MAX)
#define ROUTER_PARCELS   8
#define ROUTER_NAME_SIZE 64
/* Refusals that one message tells apart. */
#define ROUTER_REFUSALS 8
/* Identities that the process hosts itself. */
#define ROUTER_HOSTED_MAX 8
/* Prefixes of topics whose messages are held. */
#define ROUTER_HELD_MAX 32
/* Frames after the subsystem in a message of router_say. */
#define ROUTER_SAY_MAX 8
/* The acknowledged count of a publish is capped: VOLTTRON's agents cannot decode larger bytes. */
#define ROUTER_COUNT_MAX 127

/* What the process does when a receiver's queue is full. */
enum router_policy {
    ROUTER_TELEMETRY, /* keep it in the peer's ring; when that is full, the oldest goes and is counted */
    ROUTER_REPLY,     /* the router's own answers: the same */
    ROUTER_FORWARD    /* peer to peer: tell the sender with router_undelivered */
};

enum router_verdict {
    ROUTER_DONE,
    ROUTER_QUERY,     /* the process answers `out->query` with router_answer */
    ROUTER_LOCAL,     /* addressed to the hosted identity `out->local`; the process answers with router_say */
    ROUTER_HOLD,      /* an accepted publish that the process must first make durable: held.h */
    ROUTER_MALFORMED, /* dropped and counted */
    ROUTER_NOT_GRANTED /* the connection may not have this identity: shut it */
};

/* A message as it came off the socket: sender's routing id, recipient, "VIP1", user, id, subsystem,
 * arguments. */
struct router_in {
    const struct bytes *frames;
    size_t count;
    uint32_t entry; /* of the connection's key, or ACCESS_OPEN */
    int64_t now_ms;
    bool resumed; /* a publish that was held: held.h */
};

/* One frame: incoming frame `in`, or, when that is negative, `count` pieces from `first`. */
struct router_frame {
    int32_t in;
    uint32_t first, count;
};

/* One message to `to_count` peers. frames[] leaves the receiver's routing id out. */
struct router_parcel {
    enum router_policy policy;
    uint32_t to_first, to_count;
    uint32_t frame_first, frame_count;
};

/* Something that was not granted to the sender. */
struct router_refusal {
    enum access_kind kind;
    struct bytes text;
};

struct router_out {
    struct router_parcel parcels[ROUTER_PARCELS];
    struct router_frame frames[ROUTER_FRAMES];
    struct bytes pieces[ROUTER_FRAMES + 64];
    uint32_t to[BB_PEERS_MAX + BB_PEERS_MAX + 8];
    uint32_t parcel_count, frame_count, piece_count, to_count;
    struct writer text;
    uint8_t scratch[ROUTER_SCRATCH];
    struct bytes query; /* ROUTER_QUERY: the key asked for */
    uint32_t local;     /* ROUTER_LOCAL: the hosted identity */
    /* A publish that was accepted, for the other doors: */
    bool published;
    bool held; /* by router_publish: accepted, and first to be made durable */
    struct bytes topic, sender;
    struct envelope envelope;
    struct router_refusal refusals[ROUTER_REFUSALS]; /* the first ones */
    uint32_t refusal_count;
    uint32_t dropped; /* a peer that took leave; 0: none */
};

struct router_counts {
    uint64_t received, published, delivered, forwarded, malformed, refused, unreachable;
};

struct router {
    struct peers peers;
    struct subs subs;
    const struct access *access;
    char name[ROUTER_NAME_SIZE];
    struct bytes hosted[ROUTER_HOSTED_MAX];
    uint32_t hosted_count;
    struct bytes held[ROUTER_HELD_MAX];
    uint32_t held_count;
    struct router_counts counts;
};

/* Bytes of memory of a router for BB_PEERS_MAX peers and `subscriptions` in all. */
size_t router_memory(uint32_t subscriptions);

/* A router called `name` over router_memory() zeroed bytes aligned to 16, borrowed like `access`. */
void router_init(struct router *router, uint32_t subscriptions, void *memory, uint64_t seed, const char *name,
                 const struct access *access);

/* From now on `identity` (static) is the process's own: nobody joins under it, and it is in the peer list.
 * Its place, from 0 on; at most ROUTER_HOSTED_MAX. Before any peer joins. */
uint32_t router_host(struct router *router, const char *identity);

/* A message of hosted identity `hosted` to `peer`: `id` and the `count` ≤ ROUTER_SAY_MAX arguments are
 * borrowed with *out. */
void router_say(struct router *router, uint32_t hosted, uint32_t peer, struct bytes id, const char *subsystem,
                const struct bytes *arguments, size_t count, struct router_out *out);

/* Takes one message; what follows is in *out, which borrows the message. */
enum router_verdict router_receive(struct router *router, const struct router_in *in, struct router_out *out);

/* Answers the query that `in` was; adds to what router_receive left in *out. `value` is borrowed with it. */
void router_answer(struct router *router, const struct router_in *in, struct bytes value,
                   struct router_out *out);

/* Says to the sender of `in` that its message did not arrive: `number` 113 (no such peer) or 11 (its queue is
 * full). An RPC request to an absent peer is answered with a JSON-RPC error under its own id, which agents
 * understand. */
void router_undelivered(struct router *router, const struct router_in *in, int number,
                        struct router_out *out);

/* A publish through the `pub` door. BB_MALFORMED: not an envelope. BB_DENIED: `entry` may not publish the
 * topic. BB_RANGE: the topic is too long. out->held: it is held. */
BB_MUST_CHECK enum status router_publish(struct router *router, struct bytes topic, struct bytes json,
                                         uint32_t entry, struct router_out *out);

/* Forgets a peer and tells all others. */
void router_drop(struct router *router, uint32_t peer, struct router_out *out);

/* A ping of the router's own to `peer`: sending it shows whether the peer can be reached. */
void router_ping(struct router *router, uint32_t peer, struct router_out *out);

/* Changes the rules (borrowed). Each peer's entry is looked up again by the caller: see router_rebind. */
void router_use_access(struct router *router, const struct access *access);

/* The entry of a peer under the present rules; false when its identity is not granted any more: drop it. */
BB_MUST_CHECK bool router_rebind(struct router *router, uint32_t peer, uint32_t entry);

#endif
