/* Publishing and subscribing. */
#include "bus/client/pubsub.h"
#include "bus/client/calls.h"
#include "bus/client/envelope.h"
#include "bus/client/turn.h"

#include <busbar/check.h>
#include <busbar/traffic.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void next_id(struct bb_client *c, char kind, char *out, size_t size)
{
    snprintf(out, size, "%c.%" PRIu64, kind, ++c->serial);
}

static bool send_publish(struct bb_client *c, const struct queued *message)
{
    char id[32];
    next_id(c, 'p', id, sizeof id);
    if (client_send_as(c, message->speaker != NULL ? message->speaker : "", "", id, "pubsub",
                       (const char *const[]){"publish", message->topic, message->json}, 3) != BB_OK)
        return false;
    c->unacknowledged++;
    return true;
}

static void drop_oldest(struct bb_client *c)
{
    struct queued *oldest = &c->queue[c->queue_head];
    free(oldest->speaker);
    free(oldest->topic);
    free(oldest->json);
    *oldest = (struct queued){NULL, NULL, NULL};
    c->queue_head = (c->queue_head + 1) % CLIENT_QUEUE_MAX;
    c->queued--;
}

static void enqueue(struct bb_client *c, const struct queued *message)
{
    if (c->queued == CLIENT_QUEUE_MAX) {
        drop_oldest(c);
        c->dropped++;
    }
    struct queued copy = *message;
    copy.speaker = message->speaker != NULL ? strdup(message->speaker) : NULL;
    copy.topic = strdup(message->topic);
    CHECK(copy.topic != NULL && (copy.speaker != NULL || message->speaker == NULL));
    c->queue[(c->queue_head + c->queued++) % CLIENT_QUEUE_MAX] = copy;
}

static void send_queue(struct bb_client *c)
{
    while (c->queued > 0 && send_publish(c, &c->queue[c->queue_head]))
        drop_oldest(c);
}

/* Sends or queues a message; its json (malloc'd, NULL: was refused) is taken over. */
static enum status publish(struct bb_client *c, const struct queued *message)
{
    if (message->json == NULL) {
        bb_reason_say(&c->reason, "the message for %.100s is not JSON, or its headers are no JSON object",
                      message->topic);
        return BB_RANGE;
    }
    if (c->phase == CLIENT_READY)
        send_queue(c);
    if (c->phase != CLIENT_READY || c->queued > 0 || !send_publish(c, message))
        enqueue(c, message);
    else
        free(message->json);
    if (!c->refused)
        return BB_OK;
    c->refused = false;
    c->reason = c->refusal;
    return BB_DENIED;
}

static bool is_topic(struct bb_client *c, const char *topic)
{
    size_t length = strlen(topic);
    if (length > 0 && length <= BB_TOPIC_MAX)
        return true;
    bb_reason_say(&c->reason, "a topic has 1 to %d bytes; this one has %zu", BB_TOPIC_MAX, length);
    return false;
}

enum status bb_publish(struct bb_client *c, const char *topic, const char *headers, const char *message)
{
    char name[BB_TOPIC_MAX + 1];
    if (!is_topic(c, topic))
        return BB_RANGE;
    snprintf(name, sizeof name, "%s", topic);
    char *json =
        envelope_valid(message, false) ? envelope_publish(headers, message, bb_loop_wall_ms()) : NULL;
    return publish(c, &(const struct queued){NULL, name, json});
}

enum status bb_publish_as(struct bb_client *c, const char *speaker, const char *topic, const char *headers,
                          const char *message)
{
    char name[BB_TOPIC_MAX + 1], who[BB_IDENTITY_MAX + 1], *json = NULL;
    if (!is_topic(c, topic))
        return BB_RANGE;
    snprintf(name, sizeof name, "%s", topic);
    snprintf(who, sizeof who, "%s", speaker);
    if (envelope_valid(message, false) && envelope_valid(headers, true))
        json = envelope_plain(headers, message);
    return publish(c, &(const struct queued){who, name, json});
}

enum status bb_publish_told(struct bb_client *c, const char *speaker, const char *topic, const char *headers,
                            const char *message, uint32_t timeout_ms, bb_on_reply *on_reply, void *context)
{
    if (!is_topic(c, topic))
        return BB_RANGE;
    char *json = envelope_valid(message, false) && envelope_valid(headers, true)
                     ? envelope_plain(headers, message)
                     : NULL;
    if (json == NULL) {
        bb_reason_say(&c->reason, "the message for %.100s is not JSON, or its headers are no JSON object",
                      topic);
        return BB_RANGE;
    }
    enum status status = calls_publish(c, speaker, topic, json, timeout_ms, on_reply, context);
    free(json);
    return status;
}

/* ["a","b"] of all prefixes, each once. */
static json_t *prefix_list(const struct bb_client *c)
{
    json_t *seen = json_object(), *list = json_array();
    for (size_t i = 0; i < c->subscription_count; i++) {
        const char *prefix = c->subscriptions[i].prefix;
        if (json_object_get(seen, prefix) == NULL) {
            json_object_set_new(seen, prefix, json_true());
            json_array_append_new(list, json_string(prefix));
        }
    }
    json_decref(seen);
    return list;
}

void pubsub_welcome(struct bb_client *c)
{
    json_t *root =
        json_pack("{s:{s:{s:o},s:{s:[]}}}", "subscriptions", "internal", "", prefix_list(c), "all", "");
    char *text = json_dumps(root, JSON_COMPACT), id[32];
    CHECK(text != NULL);
    c->unacknowledged = 0;
    for (int i = 0; i < 2; i++) {
        next_id(c, 'y', id, sizeof id);
        (void)!client_send(c, "", id, "pubsub", (const char *const[]){"synchronize", "connected", text}, 3);
    }
    free(text);
    json_decref(root);
    send_queue(c);
}

static bool has_prefix(const struct bb_client *c, const char *prefix)
{
    for (size_t i = 0; i < c->subscription_count; i++)
        if (strcmp(c->subscriptions[i].prefix, prefix) == 0)
            return true;
    return false;
}

/* Tells the broker; while there is no connection the next synchronize carries it. */
static void announce(struct bb_client *c, const char *operation, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT), id[32];
    CHECK(text != NULL);
    next_id(c, 's', id, sizeof id);
    if (c->phase == CLIENT_READY &&
        client_send(c, "", id, "pubsub", (const char *const[]){operation, text}, 2) == BB_OK)
        c->unacknowledged++;
    free(text);
    json_decref(body);
}

enum status bb_subscribe(struct bb_client *c, const char *prefix, bb_on_message *on_message, void *context)
{
    json_t *name = json_string(prefix); /* NULL unless UTF-8 */
    if (strlen(prefix) > BB_TOPIC_MAX || name == NULL) {
        json_decref(name);
        bb_reason_say(&c->reason, "a prefix is UTF-8 and has at most %d bytes", BB_TOPIC_MAX);
        return BB_RANGE;
    }
    if (c->subscription_count == BB_PREFIXES_PER_PEER_MAX) {
        json_decref(name);
        bb_reason_say(&c->reason, "a peer has at most %d subscriptions", BB_PREFIXES_PER_PEER_MAX);
        return BB_FULL;
    }
    bool known = has_prefix(c, prefix);
    struct subscription *wider = realloc(c->subscriptions, (c->subscription_count + 1) * sizeof *wider);
    char *copy = strdup(prefix);
    CHECK(wider != NULL && copy != NULL);
    c->subscriptions = wider;
    wider[c->subscription_count++] = (struct subscription){++c->serial, copy, on_message, context};
    if (!known)
        announce(c, "subscribe", json_pack("{s:O,s:s,s:b}", "prefix", name, "bus", "", "all_platforms", 0));
    json_decref(name);
    return BB_OK;
}

enum status bb_unsubscribe(struct bb_client *c, const char *prefix)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->subscription_count; i++) {
        if (strcmp(c->subscriptions[i].prefix, prefix) == 0)
            free(c->subscriptions[i].prefix);
        else
            c->subscriptions[kept++] = c->subscriptions[i];
    }
    if (kept == c->subscription_count) {
        bb_reason_say(&c->reason, "there is no subscription to \"%.100s\"", prefix);
        return BB_NOT_FOUND;
    }
    c->subscription_count = kept;
    announce(c, "unsubscribe", json_pack("{s:{s:[s],s:s}}", "internal", "prefix", prefix, "bus", ""));
    return BB_OK;
}

enum status bb_flush(struct bb_client *c, uint32_t timeout_ms)
{
    int64_t deadline = bb_loop_mono_ms() + timeout_ms;
    while (c->queued > 0 || c->unacknowledged > 0) {
        int64_t left = deadline - bb_loop_mono_ms();
        if (left <= 0) {
            bb_reason_say(&c->reason, "the broker has not acknowledged everything in %u ms", timeout_ms);
            return BB_TIMEOUT;
        }
        if (bb_loop_turn(c->loop, left) != BB_OK)
            return BB_INTERRUPTED;
        if (c->phase == CLIENT_READY)
            send_queue(c);
    }
    if (!c->refused)
        return BB_OK;
    c->refused = false;
    c->reason = c->refusal;
    return BB_DENIED;
}

static struct subscription *find_serial(struct bb_client *c, uint64_t serial)
{
    for (size_t i = 0; i < c->subscription_count; i++)
        if (c->subscriptions[i].serial == serial)
            return &c->subscriptions[i];
    return NULL;
}

/* Calls every subscription that matches. Handlers may subscribe and unsubscribe: the list is copied, and each
 * is looked up again before its call. */
static void deliver(struct bb_client *c, const char *topic, const char *sender, const char *headers,
                    const char *message)
{
    size_t matches = 0;
    uint64_t *serials = malloc((c->subscription_count + 1) * sizeof *serials);
    CHECK(serials != NULL);
    for (size_t i = 0; i < c->subscription_count; i++)
        if (strncmp(topic, c->subscriptions[i].prefix, strlen(c->subscriptions[i].prefix)) == 0)
            serials[matches++] = c->subscriptions[i].serial;
    for (size_t i = 0; i < matches; i++) {
        struct subscription *s = find_serial(c, serials[i]);
        if (s != NULL)
            s->on_message(s->context, topic, sender, headers, message);
    }
    free(serials);
}

static void receive_publish(struct bb_client *c, const struct wire *wire)
{
    char topic[BB_TOPIC_MAX + 1];
    struct envelope envelope;
    if (!wire_text(wire_frame(wire, 6), topic, sizeof topic) ||
        envelope_parse(wire_frame(wire, 7), &envelope) != BB_OK)
        return;
    json_t *sender_value = envelope_value(&envelope, "sender");
    const char *sender = json_string_value(sender_value);
    char *headers = envelope_member(&envelope, "headers"), *message = envelope_member(&envelope, "message");
    deliver(c, topic, sender != NULL ? sender : "", headers != NULL ? headers : "{}",
            message != NULL ? message : "null");
    free(headers);
    free(message);
    json_decref(sender_value);
    envelope_free(&envelope);
}

void pubsub_receive(struct bb_client *c, const struct wire *wire)
{
    struct bytes operation = wire_frame(wire, 5), id = wire_frame(wire, 3);
    if (wire_is(operation, "publish"))
        receive_publish(c, wire);
    else if (wire_is(operation, "request_response") && id.size > 1 &&
             (id.data[0] == 'p' || id.data[0] == 's') && c->unacknowledged > 0)
        c->unacknowledged--;
    else if (wire_is(operation, "request_response"))
        calls_acknowledge(c, wire);
}

/* The number of what access.json does not grant. */
#define NOT_GRANTED "-32001"

/* An error frame for one of our publishes (p.N) or subscriptions (s.N). Error 11 says that one subscriber's
 * queue is full and comes beside the acknowledgement; anything else comes instead of it. */
void pubsub_refuse(struct bb_client *c, const struct wire *wire)
{
    char text[200], number[16];
    (void)wire_text(wire_frame(wire, 5), number, sizeof number);
    (void)wire_text(wire_frame(wire, 6), text, sizeof text);
    if (strcmp(number, "11") == 0)
        return;
    if (c->unacknowledged > 0)
        c->unacknowledged--;
    bb_reason_say(&c->refusal, "the broker refused a %s: %s%s",
                  wire_frame(wire, 3).data[0] == 'p' ? "publish" : "subscription", text,
                  strcmp(number, NOT_GRANTED) == 0 ? " (see access.json, or ask whoever runs the broker)"
                                                   : "");
    c->refused = true;
    c->refusals++;
}

void bb_traffic(const struct bb_client *c, struct bb_traffic *out)
{
    *out = (struct bb_traffic){.connected = c->phase == CLIENT_READY,
                               .connections = c->welcomes,
                               .queued = c->queued,
                               .unacknowledged = c->unacknowledged,
                               .dropped = c->dropped,
                               .refused = c->refusals};
}

void pubsub_free(struct bb_client *c)
{
    while (c->queued > 0)
        drop_oldest(c);
    for (size_t i = 0; i < c->subscription_count; i++)
        free(c->subscriptions[i].prefix);
    free(c->subscriptions);
    c->subscriptions = NULL;
    c->subscription_count = 0;
}
