#include "agents/web/api/relay.h"

#include "agents/views/views.h"
#include "bus/client/ask.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

struct waiter {
    relay_done *done;
    void *context;
    struct waiter *next;
};

/* A question under way, or answered and fresh. */
struct entry {
    struct relay *relay;
    char *key;  /* peer, method and params; NULL: not to be shared (any more) */
    char *peer; /* NULL: the broker */
    bool flying, acts;
    bool giving; /* its answer is being given: it must not go meanwhile */
    int64_t answered_ms;
    json_t *answer;
    struct waiter *waiters, **last;
    struct entry *next;
};

struct relay {
    struct bb_client *client;
    struct entry *entries;
    size_t flying, waiting;
};

static char *copy(const char *text)
{
    char *out = text == NULL ? NULL : strdup(text);
    CHECK(out != NULL || text == NULL);
    return out;
}

struct relay *relay_open(struct bb_client *client)
{
    struct relay *relay = calloc(1, sizeof *relay);
    CHECK(relay != NULL);
    relay->client = client;
    return relay;
}

static void drop(struct relay *relay, struct entry *entry)
{
    struct entry **at = &relay->entries;
    while (*at != entry)
        at = &(*at)->next;
    *at = entry->next;
    free(entry->key);
    free(entry->peer);
    json_decref(entry->answer);
    free(entry);
}

void relay_close(struct relay *relay)
{
    if (relay == NULL)
        return;
    while (relay->entries != NULL)
        drop(relay, relay->entries);
    free(relay);
}

void relay_sweep(struct relay *relay)
{
    int64_t now = bb_loop_mono_ms();
    for (struct entry *e = relay->entries, *next; e != NULL; e = next) {
        next = e->next;
        if (!e->flying && !e->giving && (e->key == NULL || now - e->answered_ms >= RELAY_FRESH_MS))
            drop(relay, e);
    }
}

void relay_stale(struct relay *relay, const char *peer)
{
    for (struct entry *e = relay->entries; e != NULL; e = e->next)
        if (peer == NULL || (e->peer != NULL && strcmp(e->peer, peer) == 0)) {
            free(e->key);
            e->key = NULL;
        }
}

static void give(struct entry *entry, const struct relay_answer *answer)
{
    struct waiter *waiter = entry->waiters;
    entry->waiters = NULL;
    while (waiter != NULL) {
        struct waiter *next = waiter->next;
        entry->relay->waiting--;
        waiter->done(waiter->context, answer);
        free(waiter);
        waiter = next;
    }
}

/* The result of a call is JSON; what the broker knows under a key is a text. */
static json_t *parsed(const struct entry *entry, const char *text)
{
    if (text == NULL)
        return NULL;
    return entry->peer == NULL ? views_answer(text) : json_loads(text, JSON_DECODE_ANY, NULL);
}

static void on_reply(void *context, enum status status, const char *text)
{
    struct entry *entry = context;
    struct relay *relay = entry->relay;
    const char *why = bb_client_reason(relay->client);
    char *reason = copy(*why == '\0' ? bb_status_text(status) : why);
    json_t *json = parsed(entry, text);
    if (status == BB_OK && json == NULL)
        status = BB_MALFORMED;
    entry->flying = false;
    relay->flying--;
    entry->answered_ms = bb_loop_mono_ms();
    if (entry->acts)
        relay_stale(relay, NULL);
    if (status == BB_OK)
        entry->answer = json_incref(json);
    else {
        free(entry->key);
        entry->key = NULL;
    }
    entry->giving = true;
    give(entry,
         &(struct relay_answer){status, json, status == BB_MALFORMED ? "its answer is no JSON" : reason});
    entry->giving = false;
    json_decref(json);
    free(reason);
    relay_sweep(relay);
}

static char *key_of(const struct relay_question *q, const char *params)
{
    char *key = NULL;
    CHECK(asprintf(&key, "%s\n%s\n%s", q->peer == NULL ? "" : q->peer, q->method,
                   params == NULL ? "" : params) >= 0);
    return key;
}

static struct entry *find(struct relay *relay, const char *key)
{
    for (struct entry *e = relay->entries; e != NULL; e = e->next)
        if (e->key != NULL && strcmp(e->key, key) == 0)
            return e;
    return NULL;
}

static void add_waiter(struct relay *relay, struct entry *entry, relay_done *done, void *context)
{
    struct waiter *waiter = malloc(sizeof *waiter);
    CHECK(waiter != NULL);
    *waiter = (struct waiter){done, context, NULL};
    if (entry->waiters == NULL)
        entry->last = &entry->waiters;
    *entry->last = waiter;
    entry->last = &waiter->next;
    relay->waiting++;
}

static enum status send_it(struct relay *relay, const struct relay_question *q, const char *params,
                           struct entry *entry)
{
    if (q->peer != NULL)
        return bb_request(relay->client, q->peer, q->method, params, q->timeout_ms, on_reply, entry);
    if (strcmp(q->method, "peers") == 0)
        return bb_peers_later(relay->client, q->timeout_ms, on_reply, entry);
    return bb_query_later(relay->client, q->method, q->timeout_ms, on_reply, entry);
}

/* A question that nobody has asked. */
static enum status ask_anew(struct relay *relay, const struct relay_question *q, const char *params,
                            char *key, relay_done *done, void *context)
{
    struct entry *entry = calloc(1, sizeof *entry);
    CHECK(entry != NULL);
    *entry =
        (struct entry){.relay = relay, .key = key, .peer = copy(q->peer), .flying = true, .acts = q->acts};
    entry->next = relay->entries;
    relay->entries = entry;
    enum status status = relay->flying < RELAY_FLIGHT_MAX ? send_it(relay, q, params, entry) : BB_FULL;
    if (status != BB_OK) {
        drop(relay, entry);
        return status;
    }
    relay->flying++;
    add_waiter(relay, entry, done, context);
    return BB_OK;
}

void relay_ask(struct relay *relay, struct relay_question q, relay_done *done, void *context)
{
    char *params = q.params == NULL ? NULL : json_dumps(q.params, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(q.params);
    relay_sweep(relay);
    char *key = q.acts ? NULL : key_of(&q, params);
    struct entry *known = key == NULL ? NULL : find(relay, key);
    enum status status = relay->waiting < RELAY_WAIT_MAX ? BB_OK : BB_FULL;
    if (known != NULL && !known->flying) {
        json_t *answer = json_incref(known->answer);
        done(context, &(struct relay_answer){BB_OK, answer, ""});
        json_decref(answer);
    } else if (known != NULL && status == BB_OK) {
        add_waiter(relay, known, done, context);
    } else {
        if (status == BB_OK)
            status = ask_anew(relay, &q, params, key, done, context);
        else
            free(key);
        key = NULL;
    }
    free(key);
    free(params);
    if (status != BB_OK)
        done(context, &(struct relay_answer){status, NULL,
                                             status == BB_FULL ? "too many questions are under way; try again"
                                                               : bb_client_reason(relay->client)});
}
