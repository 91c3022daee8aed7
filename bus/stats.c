/* Answers to VIP queries. */
#include "bus/stats.h"
#include "bus/refusal.h"
#include "bus/settings.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

static char *copy(const char *text)
{
    return strdup(text);
}

/* The bound endpoint with the public key, as agents take it. */
static char *address(const struct broker *b)
{
    char *text = NULL;
    if (asprintf(&text, "%s%s%s", b->lines->listeners[0].endpoint, b->secure ? "?serverkey=" : "",
                 b->public_key) < 0)
        return NULL;
    return text;
}

static char *addresses(const struct broker *b)
{
    json_t *list = json_array();
    for (size_t i = 0; i < b->settings->vip.count; i++) {
        const char *endpoint = b->settings->vip.items[i];
        if (strncmp(endpoint, "tcp://", 6) == 0)
            json_array_append_new(list, json_string(b->lines->listeners[i].endpoint));
    }
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    return text;
}

static char *server_key(const struct broker *b)
{
    return copy(b->public_key);
}

static char *instance_name(const struct broker *b)
{
    return copy(b->settings->instance_name);
}

static char *platform_version(const struct broker *b)
{
    (void)b;
    return copy(BUSBAR_VERSION);
}

static char *message_bus(const struct broker *b)
{
    (void)b;
    return copy("zmq");
}

static int64_t resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*s %ld", &pages) != 1)
        pages = 0;
    fclose(file);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static json_t *peer_stats(const struct broker *b)
{
    json_t *list = json_array();
    const struct router *router = b->router;
    for (uint32_t at = peers_next(&router->peers, 0); at != 0; at = peers_next(&router->peers, at)) {
        const struct peer *peer = peers_at(&router->peers, at);
        const struct receiver *receiver = &b->post->receivers[at];
        struct bytes identity = peers_identity(&router->peers, at);
        json_array_append_new(
            list,
            json_pack("{s:s%,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s}", "identity", (const char *)identity.data,
                      identity.size, "in", (json_int_t)peer->in, "out", (json_int_t)peer->out, "dropped",
                      (json_int_t)receiver->dropped, "queued", (json_int_t)receiver->ring.count, "published",
                      (json_int_t)peer->published, "refused", (json_int_t)peer->refused, "subscriptions",
                      (json_int_t)router->subs.count_of_peer[at], "unheard_ms",
                      (json_int_t)(b->now_ms - peer->heard_ms), "key", receiver->user));
    }
    return list;
}

/* Which rules are in force. */
static json_t *access_stats(const struct broker *b)
{
    char digest[24];
    snprintf(digest, sizeof digest, "%016" PRIx64, b->reload.digest);
    return json_pack("{s:i, s:s, s:I, s:b, s:i}", "entries", (int)b->access->entry_count, "digest", digest,
                     "generation", (json_int_t)b->reload.generation, "held", b->reload.error[0] != '\0',
                     "pending", (int)b->pending.count);
}

/* Topics are Latin-1 on the wire. */
static json_t *json_of_latin1(const uint8_t *text, size_t size)
{
    char utf8[2 * PENDING_TEXT_MAX];
    size_t out = 0;
    for (size_t i = 0; i < size && i < PENDING_TEXT_MAX; i++) {
        if (text[i] >= 0x80)
            utf8[out++] = (char)(0xc0 | text[i] >> 6);
        utf8[out++] = (char)(text[i] < 0x80 ? text[i] : 0x80 | (text[i] & 0x3f));
    }
    return json_stringn(utf8, out);
}

static json_t *pending_json(const struct pending_item *item)
{
    static const char *const DOORS[DOOR_COUNT] = {"", "vip", "sub", "pub"};
    char z85[KEY_Z85_SIZE], fingerprint[KEY_FINGERPRINT_SIZE] = "";
    if (keys_from_text(item->key, z85) == BB_OK)
        (void)!keys_fingerprint(z85, fingerprint);
    return json_pack("{s:s, s:s, s:s, s:o, s:b, s:s, s:s, s:I, s:I, s:I}", "what", pending_word(item), "key",
                     item->key, "fingerprint", fingerprint, "text", json_of_latin1(item->text, item->size),
                     "cut", item->cut, "address", item->address, "door", DOORS[item->door], "times",
                     (json_int_t)item->times, "first_ms", (json_int_t)item->first_ms, "last_ms",
                     (json_int_t)item->last_ms);
}

static char *pending_answer(const struct broker *b)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < b->pending.count; i++)
        json_array_append_new(list, pending_json(&b->pending.items[i]));
    json_t *all = json_pack("{s:o, s:I}", "items", list, "forgotten", (json_int_t)b->pending.forgotten);
    char *text = all == NULL ? NULL : json_dumps(all, JSON_COMPACT);
    json_decref(all);
    return text;
}

/* The rules in force, and why a newer file is not. */
static char *access_answer(const struct broker *b)
{
    json_t *all = access_stats(b);
    json_object_set_new(all, "error", json_string(b->reload.error));
    char *text = json_dumps(all, JSON_COMPACT);
    json_decref(all);
    return text;
}

static char *broker_stats(const struct broker *b)
{
    const struct router_counts *counts = &b->router->counts;
    json_t *all = json_pack(
        "{s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:{s:I,s:I,s:I,s:I,s:I}"
        "}",
        "version", BUSBAR_VERSION, "security", b->secure ? "curve" : "none", "uptime_s",
        (json_int_t)((b->now_ms - b->started_ms) / 1000), "resident_bytes", (json_int_t)resident_bytes(),
        "subscriptions", (json_int_t)b->router->subs.count, "received", (json_int_t)counts->received,
        "published", (json_int_t)counts->published, "delivered", (json_int_t)counts->delivered, "forwarded",
        (json_int_t)counts->forwarded, "malformed", (json_int_t)counts->malformed, "refused",
        (json_int_t)counts->refused, "unreachable", (json_int_t)counts->unreachable, "dropped",
        (json_int_t)b->post->dropped, "keys_accepted", (json_int_t)(b->keys_accepted + b->zap.accepted),
        "keys_refused", (json_int_t)(b->keys_refused + b->zap.refused), "connections",
        (json_int_t)b->lines->count, "peers", peer_stats(b), "access", access_stats(b), "hosted",
        hosted_status(b->hosted), "plain", "in", (json_int_t)b->plain_in, "out", (json_int_t)b->plain_out,
        "refused", (json_int_t)b->plain_refused, "subscribers", (json_int_t)b->conns->open[DOOR_SUB],
        "subscriptions_refused", (json_int_t)b->subscriptions_refused);
    char *text = all == NULL ? NULL : json_dumps(all, JSON_COMPACT);
    json_decref(all);
    return text;
}

static const struct {
    const char *key;
    char *(*answer)(const struct broker *broker);
    bool admin; /* only for those who look after the bus */
} QUERIES[] = {{"addresses", addresses, false},
               {"local_address", address, false},
               {"serverkey", server_key, false},
               {"instance-name", instance_name, false},
               {"platform-version", platform_version, false},
               {"message-bus", message_bus, false},
               {"busbar.stats", broker_stats, false},
               {"busbar.access", access_answer, true},
               {"busbar.pending", pending_answer, true}};

/* For who looks after the bus only. */
static struct bytes refuse(struct broker *b, uint32_t entry)
{
    const struct pending_asked asked = {.key = b->access->entries[entry].key,
                                        .kind = ACCESS_CAPABILITY,
                                        .text = bytes_of(ACCESS_ADMIN),
                                        .address = "",
                                        .door = DOOR_VIP};
    b->router->counts.refused++;
    refusal_note(b, &asked);
    return bytes_of("{\"refused\":\"this takes the capability " ACCESS_ADMIN "\"}");
}

struct bytes stats_answer(struct broker *b, uint32_t entry, struct bytes key)
{
    free(b->answer);
    b->answer = NULL;
    for (size_t i = 0; i < sizeof QUERIES / sizeof *QUERIES && b->answer == NULL; i++) {
        if (!bytes_equal(key, bytes_of(QUERIES[i].key)))
            continue;
        if (QUERIES[i].admin && !access_allows(b->access, entry, ACCESS_CAPABILITY, bytes_of(ACCESS_ADMIN)))
            return refuse(b, entry);
        b->answer = QUERIES[i].answer(b);
    }
    return b->answer == NULL ? (struct bytes){NULL, 0} : bytes_of(b->answer);
}
