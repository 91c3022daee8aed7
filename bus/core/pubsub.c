#include "bus/core/pubsub.h"

#include "bus/core/held.h"
#include "bus/core/parcel.h"
#include "bus/core/remote.h"

/* Arguments of a pubsub message. */
enum { AT_OPERATION = AT_ARGS, AT_TOPIC, AT_ENVELOPE };

/* One pubsub message on its way through its handler. */
struct request {
    struct router *router;
    const struct router_in *in;
    uint32_t peer;
    struct router_out *out;
};

static struct bytes argument(const struct request *r, size_t index)
{
    return index < r->in->count ? r->in->frames[index] : (struct bytes){NULL, 0};
}

/* Answers `request_response` with raw bytes. */
static void respond(const struct request *r, const void *value, size_t size)
{
    parcel_reply(r->out, r->peer, true, "pubsub");
    parcel_text(r->out, bytes_of("request_response"));
    parcel_text(r->out, parcel_keep(r->out, (struct bytes){value, size}));
}

static enum router_verdict respond_bool(const struct request *r, bool done)
{
    uint8_t byte = done;
    respond(r, &byte, 1);
    if (!done)
        peers_at(&r->router->peers, r->peer)->refused++;
    return ROUTER_DONE;
}

static enum router_verdict respond_count(const struct request *r, uint32_t count)
{
    uint8_t bytes[4] = {(uint8_t)(count < ROUTER_COUNT_MAX ? count : ROUTER_COUNT_MAX), 0, 0, 0};
    respond(r, bytes, sizeof bytes);
    return ROUTER_DONE;
}

/* What is done with one prefix of a list. */
typedef enum status on_prefix(const struct request *r, struct bytes prefix, enum subs_scope scope);

/* Calls `each` for a JSON string or every string of a JSON array; the first failure, after all were tried. */
static enum status each_prefix(const struct request *r, struct bytes value, enum subs_scope scope,
                               on_prefix *each)
{
    uint8_t buffer[BB_TOPIC_MAX];
    size_t size;
    enum status failed = BB_OK;
    struct scan scan = scan_at(value);
    bool list = value.size > 0 && value.data[0] == '[';
    enum status status = list ? scan_array(&scan) : BB_OK;
    for (bool first = true; status == BB_OK; first = false) {
        struct bytes text = value;
        if (list)
            status = scan_next_element(&scan, first, &text);
        if (status != BB_OK)
            break;
        enum status one = scan_latin1(text, buffer, sizeof buffer, &size);
        if (one == BB_OK)
            one = each(r, (struct bytes){buffer, size}, scope);
        failed = failed == BB_OK ? one : failed;
        if (!list)
            return failed;
    }
    return status == BB_NOT_FOUND ? failed : BB_MALFORMED;
}

static bool is_granted(const struct request *r, struct bytes prefix)
{
    uint32_t entry = peers_at(&r->router->peers, r->peer)->entry;
    return access_allows(r->router->access, entry, ACCESS_SUBSCRIBE, prefix);
}

static enum status check_granted(const struct request *r, struct bytes prefix, enum subs_scope scope)
{
    (void)scope;
    if (is_granted(r, prefix))
        return BB_OK;
    parcel_refuse(r->out, ACCESS_SUBSCRIBE, parcel_keep(r->out, prefix));
    return BB_DENIED;
}

static enum status add_prefix(const struct request *r, struct bytes prefix, enum subs_scope scope)
{
    return subs_add(&r->router->subs, r->peer, prefix, scope);
}

static enum status add_granted(const struct request *r, struct bytes prefix, enum subs_scope scope)
{
    enum status status = check_granted(r, prefix, scope);
    return status == BB_OK ? add_prefix(r, prefix, scope) : status;
}

static enum status remove_prefix(const struct request *r, struct bytes prefix, enum subs_scope scope)
{
    subs_remove(&r->router->subs, r->peer, prefix, scope);
    return BB_OK;
}

/* True when the member `bus` of a request is absent, null or "": the only bus there is. */
static bool on_this_bus(struct bytes json)
{
    struct bytes bus;
    return scan_find(json, "bus", &bus) != BB_OK || bytes_equal(bus, bytes_of("\"\"")) ||
           bytes_equal(bus, bytes_of("null"));
}

static bool member_is_true(struct bytes json, const char *name)
{
    struct bytes value;
    return scan_find(json, name, &value) == BB_OK && bytes_equal(value, bytes_of("true"));
}

/* Says in an error frame what was refused and to whom. */
static enum router_verdict refuse(const struct request *r, const char *what)
{
    const struct bytes text[] = {bytes_of(what), bytes_of(" is not granted to "),
                                 peers_identity(&r->router->peers, r->peer)};
    parcel_reply(r->out, r->peer, false, "error");
    parcel_text(r->out, bytes_of("-32001"));
    parcel_joined(r->out, text, sizeof text / sizeof *text);
    parcel_text(r->out, (struct bytes){NULL, 0});
    parcel_text(r->out, bytes_of("pubsub"));
    peers_at(&r->router->peers, r->peer)->refused++;
    r->router->counts.refused++;
    return ROUTER_DONE;
}

static enum router_verdict subscribe(const struct request *r)
{
    struct bytes json = argument(r, AT_TOPIC);
    struct bytes prefix;
    if (scan_find(json, "prefix", &prefix) != BB_OK || !on_this_bus(json))
        return respond_bool(r, false);
    enum subs_scope scope = member_is_true(json, "all_platforms") ? SUBS_ALL : SUBS_INTERNAL;
    enum status status = each_prefix(r, prefix, scope, check_granted);
    if (status == BB_OK)
        status = each_prefix(r, prefix, scope, add_prefix);
    if (status == BB_DENIED)
        return refuse(r, "subscribing to this prefix");
    return respond_bool(r, status == BB_OK);
}

/* Takes `{"prefix":[…] or null,"bus":""}` from one scope. */
static bool unsubscribe_scope(const struct request *r, struct bytes json, enum subs_scope scope)
{
    struct bytes prefix;
    if (!on_this_bus(json))
        return false;
    enum status status = scan_find(json, "prefix", &prefix);
    if (status == BB_MALFORMED)
        return false;
    if (status == BB_OK && !bytes_equal(prefix, bytes_of("null")))
        return each_prefix(r, prefix, scope, remove_prefix) == BB_OK;
    subs_remove_all(&r->router->subs, r->peer, scope);
    return true;
}

static enum router_verdict unsubscribe(const struct request *r)
{
    struct bytes json = argument(r, AT_TOPIC);
    struct bytes part;
    bool nested = false;
    bool done = true;
    if (scan_find(json, "internal", &part) == BB_OK) {
        nested = true;
        done = unsubscribe_scope(r, part, SUBS_INTERNAL);
    }
    if (scan_find(json, "all", &part) == BB_OK) {
        nested = true;
        done = unsubscribe_scope(r, part, SUBS_ALL) && done;
    }
    return respond_bool(
        r, nested ? done : scan_find(json, "prefix", &part) == BB_OK && unsubscribe_scope(r, json, SUBS_ANY));
}

/* Adds the prefixes of bus "" in `{"":[…],…}`; others are not ours. */
static bool synchronize_scope(const struct request *r, struct bytes buses, enum subs_scope scope)
{
    struct bytes prefixes;
    enum status status = scan_find(buses, "", &prefixes);
    if (status == BB_NOT_FOUND)
        return true;
    return status == BB_OK && each_prefix(r, prefixes, scope, add_granted) == BB_OK;
}

static enum router_verdict synchronize(const struct request *r)
{
    struct bytes json = argument(r, AT_ENVELOPE);
    struct bytes scopes, part;
    bool all = true;
    if (scan_find(json, "subscriptions", &scopes) != BB_OK)
        scopes = json;
    if (scopes.size == 0 || scopes.data[0] != '{')
        return ROUTER_MALFORMED;
    subs_remove_all(&r->router->subs, r->peer, SUBS_ANY);
    if (scan_find(scopes, "internal", &part) == BB_OK)
        all = synchronize_scope(r, part, SUBS_INTERNAL);
    if (scan_find(scopes, "all", &part) == BB_OK)
        all = synchronize_scope(r, part, SUBS_ALL) && all;
    if (r->out->refusal_count > 0)
        return refuse(r, "subscribing to some of these prefixes");
    if (!all)
        peers_at(&r->router->peers, r->peer)->refused++;
    return ROUTER_DONE;
}

static enum router_verdict publish(const struct request *r)
{
    struct router *router = r->router;
    struct router_out *out = r->out;
    struct peer *peer = peers_at(&router->peers, r->peer);
    struct bytes topic = argument(r, AT_TOPIC);
    struct envelope_text text;
    if (r->in->count <= AT_ENVELOPE || topic.size > BB_TOPIC_MAX)
        return respond_count(r, 0);
    if (!r->in->resumed && !access_allows(router->access, peer->entry, ACCESS_PUBLISH, topic)) {
        parcel_refuse(out, ACCESS_PUBLISH, topic);
        return refuse(r, "publishing to this topic");
    }
    struct envelope *envelope = &out->envelope;
    if (envelope_parse(r->in->frames[AT_ENVELOPE], envelope) != BB_OK || envelope->bus.size == 0 ||
        envelope->headers.size == 0 || envelope->message.size == 0 ||
        !bytes_equal(envelope->bus, bytes_of("\"\"")))
        return respond_count(r, 0);
    out->topic = topic;
    out->sender = remote_speaker(r->in);
    if (!r->in->resumed && held_topic(router, topic))
        return ROUTER_HOLD;
    struct router_parcel *delivery = parcel_open(out, ROUTER_TELEMETRY);
    delivery->to_count = subs_match(&router->subs, topic, out->to + out->to_count);
    out->to_count += delivery->to_count;
    envelope_for_vip(envelope, out->sender, &text);
    parcel_text(out, (struct bytes){NULL, 0});
    parcel_in(out, AT_SIGNATURE);
    parcel_text(out, out->sender);
    for (size_t i = AT_ID; i <= AT_TOPIC; i++)
        parcel_in(out, i);
    parcel_joined(out, text.pieces, text.count);
    out->published = true;
    peer->published++;
    router->counts.published++;
    router->counts.delivered += delivery->to_count;
    return respond_count(r, delivery->to_count);
}

void pubsub_deliver(struct router *router, struct router_out *out)
{
    struct envelope_text text;
    out->published = true;
    router->counts.published++;
    uint32_t receivers = subs_match(&router->subs, out->topic, out->to);
    if (receivers == 0)
        return;
    struct router_parcel *delivery = parcel_open(out, ROUTER_TELEMETRY);
    delivery->to_count = out->to_count = receivers;
    envelope_for_vip(&out->envelope, out->sender, &text);
    const struct bytes head[] = {{NULL, 0},          bytes_of("VIP1"),    out->sender, {NULL, 0},
                                 bytes_of("pubsub"), bytes_of("publish"), out->topic};
    for (size_t i = 0; i < sizeof head / sizeof *head; i++)
        parcel_text(out, head[i]);
    parcel_joined(out, text.pieces, text.count);
    router->counts.delivered += receivers;
}

/* Which prefixes `pubsub list` shows. */
struct listing {
    uint8_t prefix[BB_TOPIC_MAX];
    size_t size;
    bool subscribed, reverse;
};

static bool starts_with(struct bytes text, struct bytes start)
{
    return text.size >= start.size && (start.size == 0 || memcmp(text.data, start.data, start.size) == 0);
}

static void write_json_string(struct writer *w, struct bytes latin1)
{
    static const char HEX[] = "0123456789abcdef";
    write_u8(w, '"');
    for (size_t i = 0; i < latin1.size; i++) {
        uint8_t c = latin1.data[i];
        const uint8_t escape[] = {'\\', 'u', '0', '0', (uint8_t)HEX[c >> 4], (uint8_t)HEX[c & 15]};
        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
            write_u8(w, c);
        else
            write_bytes(w, (struct bytes){escape, sizeof escape});
    }
    write_u8(w, '"');
}

/* Appends `["","<prefix>",<member>]`; false when it does not fit. */
static bool list_prefix(const struct request *r, struct bytes prefix, bool first)
{
    struct writer *w = &r->out->text;
    struct writer before = *w;
    bool member = subs_holds(&r->router->subs, r->peer, prefix) != 0;
    write_bytes(w, bytes_of(first ? "[\"\"," : ",[\"\","));
    write_json_string(w, prefix);
    write_bytes(w, bytes_of(member ? ",true]" : ",false]"));
    /* Room for the bracket that closes the list. */
    if (w->ok && w->capacity > w->size)
        return true;
    *w = before;
    return false;
}

static bool is_listed(const struct request *r, const struct listing *want, struct bytes prefix)
{
    struct bytes asked = {want->prefix, want->size};
    if (!(want->reverse ? starts_with(asked, prefix) : starts_with(prefix, asked)))
        return false;
    if (subs_holds(&r->router->subs, r->peer, prefix) != 0)
        return true;
    /* What others listen to is shown only where this peer could listen itself. */
    return !want->subscribed && is_granted(r, prefix);
}

static enum router_verdict list(const struct request *r)
{
    struct bytes json = argument(r, AT_TOPIC);
    struct bytes prefix;
    struct listing want = {.subscribed = member_is_true(json, "subscribed"),
                           .reverse = member_is_true(json, "reverse")};
    struct writer *w = &r->out->text;
    bool first = true;
    bool ours = on_this_bus(json);
    if (scan_find(json, "prefix", &prefix) == BB_OK)
        ours = scan_latin1(prefix, want.prefix, sizeof want.prefix, &want.size) == BB_OK && ours;
    size_t start = w->size;
    write_u8(w, '[');
    for (uint32_t at = subs_next(&r->router->subs, 0); ours && at != 0;
         at = subs_next(&r->router->subs, at)) {
        struct bytes text = subs_text(&r->router->subs, at);
        if (!is_listed(r, &want, text))
            continue;
        if (!list_prefix(r, text, first))
            break;
        first = false;
    }
    write_u8(w, ']');
    struct bytes result = {w->data + start, w->size - start};
    parcel_reply(r->out, r->peer, true, "pubsub");
    parcel_text(r->out, bytes_of("list_response"));
    parcel_text(r->out, result);
    return ROUTER_DONE;
}

static const struct {
    const char *name;
    enum router_verdict (*handle)(const struct request *r);
} OPERATIONS[] = {{"publish", publish},
                  {"subscribe", subscribe},
                  {"unsubscribe", unsubscribe},
                  {"synchronize", synchronize},
                  {"list", list}};

enum router_verdict pubsub_receive(struct router *router, const struct router_in *in, uint32_t peer,
                                   struct router_out *out)
{
    const struct request r = {router, in, peer, out};
    struct bytes operation = argument(&r, AT_OPERATION);
    for (size_t i = 0; i < sizeof OPERATIONS / sizeof *OPERATIONS; i++)
        if (bytes_equal(operation, bytes_of(OPERATIONS[i].name)))
            return OPERATIONS[i].handle(&r);
    return ROUTER_MALFORMED;
}
