#include "bus/core/router.h"

#include "bus/core/held.h"
#include "bus/core/parcel.h"
#include "bus/core/pubsub.h"
#include "bus/core/remote.h"

#include <busbar/check.h>

/* Frames of the shortest message that is not a router probe. */
#define FRAMES_MIN 6
/* errno values of Linux, as they stand in VIP's error frames. */
#define NUMBER_AGAIN       11
#define NUMBER_UNREACHABLE 113
/* JSON-RPC's code for an agent that is not there, as VOLTTRON numbers it. */
#define RPC_UNAVAILABLE "-32006"

static size_t rounded(size_t size)
{
    return (size + 15) & ~(size_t)15;
}

static size_t table_size(void)
{
    return rounded((BB_PEERS_MAX + 1) * sizeof(struct peer));
}

size_t router_memory(uint32_t subscriptions)
{
    return table_size() + subs_memory(BB_PEERS_MAX + 1, subscriptions);
}

void router_init(struct router *router, uint32_t subscriptions, void *memory, uint64_t seed, const char *name,
                 const struct access *access)
{
    uint8_t *at = memory;
    memset(&router->counts, 0, sizeof router->counts);
    peers_init(&router->peers, memory, BB_PEERS_MAX, seed);
    subs_init(&router->subs, BB_PEERS_MAX + 1, subscriptions, at + table_size(), seed);
    size_t size = strnlen(name, sizeof router->name - 1);
    memcpy(router->name, name, size);
    router->name[size] = '\0';
    router->access = access;
    router->hosted_count = router->held_count = 0;
}

uint32_t router_host(struct router *router, const char *identity)
{
    CHECK(router->hosted_count < ROUTER_HOSTED_MAX && access_is_identity(bytes_of(identity)));
    router->hosted[router->hosted_count] = bytes_of(identity);
    return router->hosted_count++;
}

/* The place of a hosted identity; hosted_count: it is none. */
static uint32_t find_hosted(const struct router *router, struct bytes identity)
{
    uint32_t at = 0;
    while (at < router->hosted_count && !bytes_equal(router->hosted[at], identity))
        at++;
    return at;
}

static bool is_hosted(const struct router *router, struct bytes identity)
{
    return find_hosted(router, identity) < router->hosted_count;
}

/* Tells every peer but `peer` that it came (`add`) or went (`drop`). */
static void announce(struct router *router, uint32_t peer, const char *what, struct router_out *out)
{
    parcel_open(out, ROUTER_REPLY);
    for (uint32_t at = peers_next(&router->peers, 0); at != 0; at = peers_next(&router->peers, at))
        if (at != peer)
            parcel_to(out, at);
    parcel_text(out, (struct bytes){NULL, 0});
    parcel_text(out, bytes_of("VIP1"));
    parcel_text(out, (struct bytes){NULL, 0});
    parcel_text(out, (struct bytes){NULL, 0});
    parcel_text(out, bytes_of("peerlist"));
    parcel_text(out, bytes_of(what));
    parcel_text(out, parcel_keep(out, peers_identity(&router->peers, peer)));
}

static void forget(struct router *router, uint32_t peer, struct router_out *out)
{
    announce(router, peer, "drop", out);
    subs_remove_all(&router->subs, peer, SUBS_ANY);
    peers_remove(&router->peers, peer);
    out->dropped = peer;
}

void router_drop(struct router *router, uint32_t peer, struct router_out *out)
{
    parcel_reset(out);
    forget(router, peer, out);
}

/* The peer that sent `in`, joined if it is new; 0 when it may not have its identity or there is no room. */
static uint32_t join(struct router *router, const struct router_in *in, struct router_out *out)
{
    struct bytes identity = in->frames[AT_SENDER];
    uint32_t peer = peers_find(&router->peers, identity);
    if (peer != 0 && peers_at(&router->peers, peer)->entry == in->entry)
        return peer;
    if (!access_is_identity(identity) || is_hosted(router, identity) ||
        !access_allows(router->access, in->entry, ACCESS_IDENTITY, identity))
        return 0;
    if (peer == 0) {
        if (peers_add(&router->peers, identity, &peer) != BB_OK)
            return 0;
        announce(router, peer, "add", out);
    }
    peers_at(&router->peers, peer)->entry = in->entry;
    return peer;
}

static void handle_hello(struct router *router, const struct router_in *in, uint32_t peer,
                         struct router_out *out)
{
    (void)in;
    parcel_reply(out, peer, true, "hello");
    parcel_text(out, bytes_of("welcome"));
    parcel_text(out, bytes_of("1.0"));
    parcel_text(out, bytes_of(router->name));
    parcel_in(out, AT_SENDER);
}

static void handle_ping(struct router *router, const struct router_in *in, uint32_t peer,
                        struct router_out *out)
{
    (void)router;
    /* The answer to a ping of our own. */
    if (in->count > AT_ARGS && bytes_equal(in->frames[AT_ARGS], bytes_of("pong")))
        return;
    parcel_reply(out, peer, true, "ping");
    parcel_text(out, bytes_of("pong"));
    for (size_t i = AT_ARGS + 1; i < in->count; i++)
        parcel_in(out, i);
}

static void handle_peerlist(struct router *router, const struct router_in *in, uint32_t peer,
                            struct router_out *out)
{
    parcel_reply(out, peer, false, "peerlist");
    if (in->count <= AT_ARGS || !bytes_equal(in->frames[AT_ARGS], bytes_of("list"))) {
        parcel_text(out, bytes_of("error"));
        parcel_text(out, bytes_of(in->count <= AT_ARGS ? "missing operation" : "unknown operation"));
        return;
    }
    parcel_text(out, bytes_of("listing"));
    for (uint32_t at = peers_next(&router->peers, 0); at != 0; at = peers_next(&router->peers, at))
        parcel_text(out, peers_identity(&router->peers, at));
    for (uint32_t i = 0; i < router->hosted_count; i++)
        parcel_text(out, router->hosted[i]);
}

/* A peer takes leave; only for itself. */
static void handle_agentstop(struct router *router, const struct router_in *in, uint32_t peer,
                             struct router_out *out)
{
    if (in->count > AT_ARGS && bytes_equal(in->frames[AT_ARGS], in->frames[AT_SENDER])) {
        forget(router, peer, out);
        return;
    }
    parcel_reply(out, peer, false, "error");
    parcel_text(out, bytes_of("-32001"));
    parcel_text(out, bytes_of("an agent can stop itself only"));
    parcel_in(out, AT_RECIPIENT);
    parcel_in(out, AT_SUBSYSTEM);
    peers_at(&router->peers, peer)->refused++;
    router->counts.refused++;
}

static void handle_error(struct router *router, const struct router_in *in, uint32_t peer,
                         struct router_out *out)
{
    (void)router, (void)in, (void)peer, (void)out;
}

static const struct {
    const char *name;
    void (*handle)(struct router *router, const struct router_in *in, uint32_t peer, struct router_out *out);
} SUBSYSTEMS[] = {{"hello", handle_hello},
                  {"ping", handle_ping},
                  {"peerlist", handle_peerlist},
                  {"agentstop", handle_agentstop},
                  {"error", handle_error}};

/* Answers with an error frame: number, text, the recipient and the subsystem of the message. */
static void reply_error(uint32_t peer, const char *number, const char *text, struct router_out *out)
{
    parcel_reply(out, peer, false, "error");
    parcel_text(out, bytes_of(number));
    parcel_text(out, bytes_of(text));
    parcel_in(out, AT_RECIPIENT);
    parcel_in(out, AT_SUBSYSTEM);
}

static enum router_verdict receive_own(struct router *router, const struct router_in *in, uint32_t peer,
                                       struct router_out *out)
{
    struct bytes subsystem = in->frames[AT_SUBSYSTEM];
    if (bytes_equal(subsystem, bytes_of("pubsub")))
        return pubsub_receive(router, in, peer, out);
    if (bytes_equal(subsystem, bytes_of("query"))) {
        out->query = in->count > AT_ARGS ? in->frames[AT_ARGS] : (struct bytes){NULL, 0};
        return ROUTER_QUERY;
    }
    for (size_t i = 0; i < sizeof SUBSYSTEMS / sizeof *SUBSYSTEMS; i++) {
        if (bytes_equal(subsystem, bytes_of(SUBSYSTEMS[i].name))) {
            SUBSYSTEMS[i].handle(router, in, peer, out);
            return ROUTER_DONE;
        }
    }
    reply_error(peer, "93", "Protocol not supported", out);
    return ROUTER_DONE;
}

/* Answers each JSON-RPC request of the message under its own id; false if there was none. */
static bool reply_rpc(const struct router_in *in, uint32_t peer, struct router_out *out)
{
    struct bytes id, method;
    bool opened = false;
    for (size_t i = AT_ARGS; i < in->count; i++) {
        if (scan_find(in->frames[i], "method", &method) != BB_OK ||
            scan_find(in->frames[i], "id", &id) != BB_OK)
            continue;
        if (!opened) {
            parcel_open(out, ROUTER_REPLY);
            parcel_to(out, peer);
            /* On behalf of the absent peer: callers pair answers by peer and id. */
            parcel_in(out, AT_RECIPIENT);
            parcel_in(out, AT_SIGNATURE);
            parcel_text(out, (struct bytes){NULL, 0});
            parcel_in(out, AT_ID);
            parcel_in(out, AT_SUBSYSTEM);
            opened = true;
        }
        const struct bytes pieces[] = {bytes_of("{\"jsonrpc\":\"2.0\",\"id\":"), id,
                                       bytes_of(",\"error\":{\"code\":" RPC_UNAVAILABLE
                                                ",\"message\":\"no such peer on the bus\",\"data\":null}}")};
        parcel_joined(out, pieces, sizeof pieces / sizeof *pieces);
    }
    return opened;
}

static void undelivered(struct router *router, const struct router_in *in, uint32_t peer, int number,
                        struct router_out *out)
{
    router->counts.unreachable++;
    /* An error about an error would go back and forth; and nobody needs to be told that he is not there. */
    if (bytes_equal(in->frames[AT_SUBSYSTEM], bytes_of("error")) ||
        bytes_equal(in->frames[AT_SENDER], in->frames[AT_RECIPIENT]))
        return;
    if (number == NUMBER_AGAIN)
        reply_error(peer, "11", "Resource temporarily unavailable", out);
    else if (!bytes_equal(in->frames[AT_SUBSYSTEM], bytes_of("RPC")) || !reply_rpc(in, peer, out))
        reply_error(peer, "113", "No route to host", out);
}

void router_undelivered(struct router *router, const struct router_in *in, int number, struct router_out *out)
{
    parcel_reset(out);
    uint32_t peer = peers_find(&router->peers, in->frames[AT_SENDER]);
    if (peer != 0)
        undelivered(router, in, peer, number, out);
}

static enum router_verdict forward(struct router *router, const struct router_in *in, uint32_t peer,
                                   struct router_out *out)
{
    bool away = remote_is_call(in);
    uint32_t to = peers_find(&router->peers, away ? bytes_of(REMOTE_GATE) : in->frames[AT_RECIPIENT]);
    if (remote_is_trespass(in)) {
        reply_error(peer, "-32001", "a guest of this platform can address its federation agent only", out);
        peers_at(&router->peers, peer)->refused++;
        router->counts.refused++;
        return ROUTER_DONE;
    }
    if (to == 0) {
        out->local = find_hosted(router, in->frames[AT_RECIPIENT]);
        if (out->local < router->hosted_count)
            return ROUTER_LOCAL;
        undelivered(router, in, peer, NUMBER_UNREACHABLE, out);
        return ROUTER_DONE;
    }
    parcel_open(out, ROUTER_FORWARD);
    parcel_to(out, to);
    parcel_text(out, remote_speaker(in));
    parcel_in(out, AT_SIGNATURE);
    parcel_text(out, away ? in->frames[AT_RECIPIENT] : remote_speaker(in));
    for (size_t i = AT_ID; i < in->count; i++)
        parcel_in(out, i);
    router->counts.forwarded++;
    return ROUTER_DONE;
}

static bool is_probe(const struct router_in *in)
{
    return in->count == 2 && in->frames[1].size == 0;
}

enum router_verdict router_receive(struct router *router, const struct router_in *in, struct router_out *out)
{
    CHECK(in->count > 0 && in->count <= BB_FRAMES_MAX);
    parcel_reset(out);
    router->counts.received++;
    bool valid = in->count >= FRAMES_MIN && bytes_equal(in->frames[AT_SIGNATURE], bytes_of("VIP1"));
    if (!valid && !is_probe(in)) {
        router->counts.malformed++;
        return ROUTER_MALFORMED;
    }
    uint32_t peer = join(router, in, out);
    if (peer == 0) {
        router->counts.refused++;
        parcel_refuse(out, ACCESS_IDENTITY, in->frames[AT_SENDER]);
        return ROUTER_NOT_GRANTED;
    }
    struct peer *sender = peers_at(&router->peers, peer);
    sender->heard_ms = in->now_ms;
    if (sender->in++ == 0)
        sender->since_ms = in->now_ms;
    for (size_t i = 1; i < in->count; i++)
        sender->in_bytes += in->frames[i].size;
    if (!valid)
        return ROUTER_DONE;
    if (in->frames[AT_RECIPIENT].size > 0)
        return forward(router, in, peer, out);
    enum router_verdict verdict = receive_own(router, in, peer, out);
    router->counts.malformed += verdict == ROUTER_MALFORMED;
    return verdict;
}

void router_answer(struct router *router, const struct router_in *in, struct bytes value,
                   struct router_out *out)
{
    uint32_t peer = peers_find(&router->peers, in->frames[AT_SENDER]);
    if (peer == 0)
        return;
    parcel_reply(out, peer, false, "query");
    parcel_text(out, (struct bytes){NULL, 0});
    parcel_text(out, value);
}

enum status router_publish(struct router *router, struct bytes topic, struct bytes json, uint32_t entry,
                           struct router_out *out)
{
    parcel_reset(out);
    if (topic.size > BB_TOPIC_MAX)
        return BB_RANGE;
    if (!access_allows(router->access, entry, ACCESS_PUBLISH, topic) ||
        is_hosted(router, access_name(router->access, entry))) {
        parcel_refuse(out, ACCESS_PUBLISH, topic);
        router->counts.refused++;
        return BB_DENIED;
    }
    if (envelope_parse(json, &out->envelope) != BB_OK || out->envelope.message.size == 0) {
        router->counts.malformed++;
        return BB_MALFORMED;
    }
    out->topic = topic;
    out->sender = access_name(router->access, entry);
    out->held = held_topic(router, topic);
    if (!out->held)
        pubsub_deliver(router, out);
    return BB_OK;
}

void router_say(struct router *router, uint32_t hosted, uint32_t peer, struct bytes id, const char *subsystem,
                const struct bytes *arguments, size_t count, struct router_out *out)
{
    CHECK(hosted < router->hosted_count && count <= ROUTER_SAY_MAX);
    parcel_reset(out);
    parcel_open(out, ROUTER_REPLY);
    parcel_to(out, peer);
    parcel_text(out, router->hosted[hosted]);
    parcel_text(out, bytes_of("VIP1"));
    parcel_text(out, router->hosted[hosted]);
    parcel_text(out, id);
    parcel_text(out, bytes_of(subsystem));
    for (size_t i = 0; i < count; i++)
        parcel_text(out, arguments[i]);
}

void router_ping(struct router *router, uint32_t peer, struct router_out *out)
{
    static const char *const FRAMES[] = {"", "VIP1", "", "", "ping", "ping"};
    (void)router;
    parcel_reset(out);
    parcel_open(out, ROUTER_REPLY);
    parcel_to(out, peer);
    for (size_t i = 0; i < sizeof FRAMES / sizeof *FRAMES; i++)
        parcel_text(out, bytes_of(FRAMES[i]));
}

void router_use_access(struct router *router, const struct access *access)
{
    router->access = access;
}

bool router_rebind(struct router *router, uint32_t peer, uint32_t entry)
{
    if (!access_allows(router->access, entry, ACCESS_IDENTITY, peers_identity(&router->peers, peer)))
        return false;
    peers_at(&router->peers, peer)->entry = entry;
    /* Narrowed rules end what was subscribed under the wider ones; the walk is one ahead of what is removed.
     */
    uint32_t member = 0;
    struct bytes prefix;
    bool more = subs_next_of_peer(&router->subs, peer, &member, &prefix);
    while (more) {
        struct bytes present = prefix;
        more = subs_next_of_peer(&router->subs, peer, &member, &prefix);
        if (!access_allows(router->access, entry, ACCESS_SUBSCRIBE, present))
            subs_remove(&router->subs, peer, present, SUBS_ANY);
    }
    return true;
}
