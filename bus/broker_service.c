#include "bus/broker_service.h"

#include "bus/durable_methods.h"
#include "bus/durable_service.h"
#include "bus/retain.h"
#include "bus/state.h"
#include "bus/texts.h"

#include <time.h>

#define ROWS_DEFAULT 256
/* A page of retained messages ends when it has grown beyond this. */
#define PAGE_BYTES (256 * 1024)

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The wall clock at a point of the broker's own clock. */
static json_t *moment(const struct broker *b, int64_t mono_ms)
{
    return json_integer(wall_ms() - (b->now_ms - mono_ms));
}

static void fail(struct hosted_call *call, const char *what)
{
    hosted_fail(call, JSONRPC_INVALID_PARAMS, "ValueError", "%s: %s", call->method->name, what);
}

/* The argument `max`: 1 … 256. */
static bool read_max(struct hosted_call *call, size_t index, uint32_t *max_out)
{
    json_int_t max =
        call->arguments[index] == NULL ? ROWS_DEFAULT : json_integer_value(call->arguments[index]);
    if (max < 1 || max > ROWS_DEFAULT) {
        fail(call, "\"max\" must be from 1 to 256");
        return false;
    }
    *max_out = (uint32_t)max;
    return true;
}

/* -- peers ---------------------------------------------------------------------------------------------- */

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *peer_row(const struct broker *b, uint32_t at)
{
    const struct peer *peer = peers_at(&b->router->peers, at);
    const struct receiver *receiver = &b->post->receivers[at];
    const struct {
        const char *key;
        json_t *value;
    } members[] = {{"identity", texts_of_latin1(peers_identity(&b->router->peers, at))},
                   {"user", texts_of_latin1(access_name(b->access, peer->entry))},
                   {"key", json_string(receiver->user)},
                   {"address", json_string(receiver->address)},
                   {"connected_ms", moment(b, peer->since_ms)},
                   {"heard_ms", moment(b, peer->heard_ms)},
                   {"received", number(peer->in)},
                   {"received_bytes", number(peer->in_bytes)},
                   {"delivered", number(peer->out)},
                   {"delivered_bytes", number(receiver->out_bytes)},
                   {"dropped", number(receiver->dropped)},
                   {"dropped_bytes", number(receiver->dropped_bytes)},
                   {"returned", number(receiver->returned)},
                   {"queued", number(receiver->ring.count)},
                   {"queued_bytes", number(receiver->ring.size)},
                   {"published", number(peer->published)},
                   {"refused", number(peer->refused)},
                   {"subscriptions", number(b->router->subs.count_of_peer[at])}};
    json_t *row = json_object();
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        json_object_set_new(row, members[i].key, members[i].value);
    return row;
}

static void run_peers(struct hosted_call *call)
{
    const struct broker *b = call->context;
    bool all = hosted_may(call, ACCESS_WATCH);
    json_int_t after = call->arguments[0] == NULL ? 0 : json_integer_value(call->arguments[0]);
    uint32_t max;
    if (!read_max(call, 1, &max))
        return;
    if (after < 0 || after > BB_PEERS_MAX) {
        fail(call, "\"after\" must be a page's \"next\"");
        return;
    }
    json_t *rows = json_array();
    uint32_t at = all ? peers_next(&b->router->peers, (uint32_t)after) : call->peer;
    uint32_t last = 0;
    for (uint32_t i = 0; i < max && at != 0; i++) {
        json_array_append_new(rows, peer_row(b, at));
        last = at;
        at = all ? peers_next(&b->router->peers, at) : 0;
    }
    hosted_result(call,
                  json_pack("{s:o,s:o,s:o,s:o}", "peers", rows, "next", at == 0 ? json_null() : number(last),
                            "dropped", number(b->post->dropped), "discarded", number(b->post->discarded)));
}

/* -- topics --------------------------------------------------------------------------------------------- */

/* Which topics a caller asked for and may see. */
struct asked {
    const struct broker *broker;
    uint32_t entry;
    bool kept; /* only those of which a message is kept */
    uint8_t prefix[BB_TOPIC_MAX], after[BB_TOPIC_MAX];
    size_t prefix_size, after_size;
    struct bytes after_text;
    uint32_t max;
    uint32_t slots[TOPICS_PAGE_MAX];
    uint32_t count;
};

static bool may_see(void *context, uint32_t slot)
{
    const struct asked *asked = context;
    struct retained kept;
    const struct retain *retain = asked->broker->retain;
    if (asked->kept && !retain_find(retain, slot, &kept))
        return false;
    return access_allows(asked->broker->access, asked->entry, ACCESS_SUBSCRIBE,
                         topics_text(retain_topics(retain), slot));
}

/* Reads (prefix, after, max) and finds the page; false: it was answered with what is wrong. */
static bool find_page(struct hosted_call *call, bool kept, struct asked *asked)
{
    asked->broker = call->context;
    asked->entry = call->entry;
    asked->kept = kept;
    asked->prefix_size = 0;
    if (!read_max(call, 2, &asked->max))
        return false;
    if (call->arguments[0] != NULL && texts_to_latin1(call->arguments[0], asked->prefix, sizeof asked->prefix,
                                                      &asked->prefix_size) != BB_OK) {
        fail(call, "\"prefix\" is no topic's beginning");
        return false;
    }
    if (call->arguments[1] != NULL &&
        texts_to_latin1(call->arguments[1], asked->after, sizeof asked->after, &asked->after_size) != BB_OK) {
        fail(call, "\"after\" is no topic");
        return false;
    }
    asked->after_text = (struct bytes){asked->after, asked->after_size};
    asked->count = topics_page(
        retain_topics(asked->broker->retain), (struct bytes){asked->prefix, asked->prefix_size},
        call->arguments[1] == NULL ? NULL : &asked->after_text, may_see, asked, asked->max, asked->slots);
    return true;
}

/* The last topic of a page of `count` rows, from which the next one goes on; null: there is none. */
static json_t *next_of(const struct asked *asked, uint32_t count)
{
    bool more = count < asked->count || asked->count == asked->max;
    return !more || count == 0
               ? json_null()
               : texts_of_latin1(topics_text(retain_topics(asked->broker->retain), asked->slots[count - 1]));
}

static void run_topics(struct hosted_call *call)
{
    struct asked asked;
    if (!find_page(call, false, &asked))
        return;
    const struct broker *b = asked.broker;
    const struct topics *topics = retain_topics(b->retain);
    json_t *rows = json_array();
    for (uint32_t i = 0; i < asked.count; i++) {
        uint32_t slot = asked.slots[i];
        const struct topic *topic = topics_at(topics, slot);
        struct retained kept;
        json_array_append_new(rows,
                              json_pack("{s:o,s:o,s:o,s:f,s:o,s:o,s:o,s:b}", "topic",
                                        texts_of_latin1(topics_text(topics, slot)), "messages",
                                        number(topic->messages), "bytes", number(topic->bytes), "rate",
                                        (double)topics_rate(topics, slot, b->now_ms) / 1000, "first_ms",
                                        moment(b, topic->first_ms), "last_ms", moment(b, topic->last_ms),
                                        "sender", texts_of_latin1(topics_sender(topics, slot)), "retained",
                                        retain_find(b->retain, slot, &kept)));
    }
    hosted_result(call, json_pack("{s:o,s:o,s:o,s:o}", "topics", rows, "next", next_of(&asked, asked.count),
                                  "known", number(topics->count), "evicted", number(topics->evicted)));
}

static void run_retained(struct hosted_call *call)
{
    struct asked asked;
    if (!find_page(call, true, &asked))
        return;
    const struct broker *b = asked.broker;
    const struct topics *topics = retain_topics(b->retain);
    json_t *rows = json_array();
    size_t size = 0;
    uint32_t i = 0;
    for (; i < asked.count && size < PAGE_BYTES; i++) {
        uint32_t slot = asked.slots[i];
        struct retained kept;
        if (!retain_find(b->retain, slot, &kept))
            continue;
        size += kept.headers.size + kept.message.size;
        json_array_append_new(rows, json_pack("{s:o,s:o,s:o,s:o,s:o}", "topic",
                                              texts_of_latin1(topics_text(topics, slot)), "sender",
                                              texts_of_latin1(topics_sender(topics, slot)), "time_ms",
                                              moment(b, topics_at(topics, slot)->last_ms), "headers",
                                              texts_of_json(kept.headers, "{}"), "message",
                                              texts_of_json(kept.message, "null")));
    }
    hosted_result(call, json_pack("{s:o,s:o}", "messages", rows, "next", next_of(&asked, i)));
}

/* -- the identity --------------------------------------------------------------------------------------- */

#define END                                                                                                  \
    {                                                                                                        \
        NULL, JSONRPC_ANY, false                                                                             \
    }
static const struct jsonrpc_parameter PEERS[] = {
    {"after", JSONRPC_INTEGER, true}, {"max", JSONRPC_INTEGER, true}, END};
static const struct jsonrpc_parameter PAGE[] = {
    {"prefix", JSONRPC_TEXT, true}, {"after", JSONRPC_TEXT, true}, {"max", JSONRPC_INTEGER, true}, END};

static const struct hosted_method METHODS[] = {
    {.name = "peers", .run = run_peers, .parameters = PEERS},
    {.name = "topics", .run = run_topics, .parameters = PAGE},
    {.name = "retained", .run = run_retained, .parameters = PAGE},
    {.name = "durable.open", .run = durable_methods_open, .parameters = DURABLE_OPEN_TAKES},
    {.name = "durable.read", .run = durable_methods_read, .parameters = DURABLE_READ_TAKES},
    {.name = "durable.ack", .run = durable_methods_ack, .parameters = DURABLE_ACK_TAKES},
    {.name = "durable.list", .run = durable_methods_list},
    {.name = "durable.drop", .run = durable_methods_drop, .parameters = DURABLE_DROP_TAKES}};

static void *open_service(struct broker *broker, struct hosted *hosted)
{
    (void)hosted;
    return broker;
}

static void close_service(void *context)
{
    (void)context;
}

static void tick_service(void *context)
{
    durable_tick(((struct broker *)context)->durable);
}

static json_t *status_of(void *context)
{
    const struct broker *b = context;
    bool failing = b->durable != NULL && durable_is_failing(b->durable);
    return json_pack(
        "{s:s,s:o,s:o,s:o,s:o,s:o}", "trouble", failing ? "the disk does not take durable messages" : "",
        "topics", number(retain_topics(b->retain)->count), "topics_evicted",
        number(retain_topics(b->retain)->evicted), "retained", number(retain_messages(b->retain)),
        "retained_bytes", number(retain_bytes(b->retain)), "durable", durable_status(b->durable));
}

const struct hosted_identity BUSBAR_BROKER = {.name = "busbar.broker",
                                              .methods = METHODS,
                                              .method_count = sizeof METHODS / sizeof *METHODS,
                                              .open = open_service,
                                              .close = close_service,
                                              .status = status_of,
                                              .tick = tick_service};
