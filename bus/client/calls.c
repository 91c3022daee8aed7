/* Calls of the client's own: JSON-RPC, and the broker's peerlist and query. */
#include "bus/client/calls.h"
#include "bus/client/ask.h"
#include "bus/client/envelope.h"
#include "bus/client/serving.h"
#include "bus/client/turn.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The broker's JSON-RPC error on behalf of a peer that is not on the bus. */
#define CODE_ABSENT (-32006)

static struct call *new_call(struct bb_client *c, const char *peer, uint32_t timeout_ms)
{
    size_t i = 0;
    while (i < c->calls_used && c->calls[i].serial != 0)
        i++;
    if (i == CLIENT_CALLS_MAX)
        return NULL;
    if (i == c->calls_used)
        c->calls_used++;
    struct call *call = &c->calls[i];
    *call = (struct call){.serial = ++c->serial, .deadline_ms = bb_loop_mono_ms() + timeout_ms};
    snprintf(call->peer, sizeof call->peer, "%s", peer);
    return call;
}

/* Frees the place before it calls, since the handler may make the next call. */
static void finish(struct call *call, enum status status, const char *json)
{
    bb_on_reply *on_reply = call->on_reply;
    void *context = call->context;
    call->serial = 0;
    on_reply(context, status, json);
}

static struct call *find_call(struct bb_client *c, uint64_t serial, bool rpc)
{
    for (size_t i = 0; i < c->calls_used; i++)
        if (serial != 0 && c->calls[i].serial == serial && c->calls[i].rpc == rpc)
            return &c->calls[i];
    return NULL;
}

static uint64_t serial_of(const char *text, const char *start)
{
    char *end = NULL;
    size_t length = strlen(start);
    if (strncmp(text, start, length) != 0 || text[length] < '0' || text[length] > '9')
        return 0;
    uint64_t serial = strtoull(text + length, &end, 10);
    return *end == '\0' ? serial : 0;
}

static enum status start_call(struct bb_client *c, struct call *call, const char *speaker, const char *id,
                              const char *subsystem, const char *argument)
{
    enum status status = client_send_as(c, speaker, call->peer, id, subsystem, &argument, 1);
    if (status != BB_OK) {
        call->serial = 0;
        bb_reason_say(&c->reason, "the queue to the broker is full");
    }
    client_rearm(c);
    return status;
}

static enum status check_ready(struct bb_client *c)
{
    if (c->phase == CLIENT_READY)
        return BB_OK;
    bb_reason_say(&c->reason, "not connected to the broker at %s at present", c->address.endpoint);
    return BB_UNREACHABLE;
}

enum status bb_request(struct bb_client *c, const char *peer, const char *method, const char *params,
                       uint32_t timeout_ms, bb_on_reply *on_reply, void *context)
{
    return bb_request_as(c, "", peer, method, params, timeout_ms, on_reply, context);
}

enum status bb_request_as(struct bb_client *c, const char *speaker, const char *peer, const char *method,
                          const char *params, uint32_t timeout_ms, bb_on_reply *on_reply, void *context)
{
    if (strlen(peer) > BB_IDENTITY_MAX || peer[0] == '\0' ||
        (params != NULL &&
         (!envelope_valid(params, false) || strchr("[{", params[strspn(params, " \t\r\n")]) == NULL))) {
        bb_reason_say(&c->reason, "a call needs a peer's identity and, as params, a JSON array or object");
        return BB_RANGE;
    }
    enum status status = check_ready(c);
    struct call *call = status == BB_OK ? new_call(c, peer, timeout_ms) : NULL;
    if (call == NULL) {
        if (status == BB_OK)
            bb_reason_say(&c->reason, "%d calls wait for their answers already", CLIENT_CALLS_MAX);
        return status == BB_OK ? BB_FULL : status;
    }
    char id[32], message_id[32];
    snprintf(id, sizeof id, "bb-%" PRIu64, call->serial);
    snprintf(message_id, sizeof message_id, "r.%" PRIu64, call->serial);
    char *text = envelope_request(method, params, id);
    if (text == NULL) {
        call->serial = 0;
        bb_reason_say(&c->reason, "the method's name is not UTF-8");
        return BB_RANGE;
    }
    call->rpc = true;
    call->on_reply = on_reply;
    call->context = context;
    status = start_call(c, call, speaker, message_id, "RPC", text);
    free(text);
    return status;
}

enum status calls_publish(struct bb_client *c, const char *speaker, const char *topic, const char *json,
                          uint32_t timeout_ms, bb_on_reply *on_reply, void *context)
{
    char id[32];
    enum status status = check_ready(c);
    if (status != BB_OK)
        return status;
    struct call *call = new_call(c, "", timeout_ms);
    if (call == NULL) {
        bb_reason_say(&c->reason, "%d calls wait for their answers already", CLIENT_CALLS_MAX);
        return BB_FULL;
    }
    call->on_reply = on_reply;
    call->context = context;
    snprintf(id, sizeof id, "t.%" PRIu64, call->serial);
    status = client_send_as(c, speaker, "", id, "pubsub", (const char *const[]){"publish", topic, json}, 3);
    if (status != BB_OK) {
        call->serial = 0;
        bb_reason_say(&c->reason, "the queue to the broker is full");
    }
    client_rearm(c);
    return status;
}

static struct call *find_publish(struct bb_client *c, const struct wire *wire)
{
    char id[32];
    return wire_text(wire_frame(wire, 3), id, sizeof id) ? find_call(c, serial_of(id, "t."), false) : NULL;
}

void calls_acknowledge(struct bb_client *c, const struct wire *wire)
{
    struct call *call = find_publish(c, wire);
    if (call != NULL)
        finish(call, BB_OK, NULL);
}

/* Somebody who waits for one answer. */
struct waiter {
    bool done;
    enum status status;
    char *json;
};

static void on_waited(void *context, enum status status, const char *json)
{
    struct waiter *w = context;
    w->done = true;
    w->status = status;
    w->json = json != NULL ? strdup(json) : NULL;
}

static enum status wait_for(struct bb_client *c, struct waiter *w, char **out)
{
    while (!w->done)
        if (bb_loop_turn(c->loop, -1) != BB_OK) {
            for (size_t i = 0; i < c->calls_used; i++)
                if (c->calls[i].serial != 0 && c->calls[i].context == w)
                    c->calls[i].serial = 0;
            free(w->json);
            bb_reason_say(&c->reason, "stopped by a signal");
            return BB_INTERRUPTED;
        }
    if (w->json != NULL)
        *out = w->json;
    return w->status;
}

enum status bb_call(struct bb_client *c, const char *peer, const char *method, const char *params,
                    uint32_t timeout_ms, char **result_out)
{
    struct waiter w = {false, BB_OK, NULL};
    enum status status = bb_request(c, peer, method, params, timeout_ms, on_waited, &w);
    return status == BB_OK ? wait_for(c, &w, result_out) : status;
}

/* Asks the broker itself. */
static enum status ask_later(struct bb_client *c, const char *subsystem, const char *argument,
                             uint32_t timeout_ms, bb_on_reply *on_reply, void *context)
{
    char id[32];
    enum status status = check_ready(c);
    struct call *call = status == BB_OK ? new_call(c, "", timeout_ms) : NULL;
    if (call == NULL)
        return status == BB_OK ? BB_FULL : status;
    call->on_reply = on_reply;
    call->context = context;
    snprintf(id, sizeof id, "q.%" PRIu64, call->serial);
    return start_call(c, call, "", id, subsystem, argument);
}

static enum status ask(struct bb_client *c, const char *subsystem, const char *argument, uint32_t timeout_ms,
                       char **out)
{
    struct waiter w = {false, BB_OK, NULL};
    enum status status = ask_later(c, subsystem, argument, timeout_ms, on_waited, &w);
    return status == BB_OK ? wait_for(c, &w, out) : status;
}

void calls_list(struct bb_client *c, uint32_t timeout_ms, bb_on_reply *on_reply, void *context)
{
    (void)!ask_later(c, "peerlist", "list", timeout_ms, on_reply, context);
}

enum status bb_peers(struct bb_client *c, uint32_t timeout_ms, char **json_out)
{
    return ask(c, "peerlist", "list", timeout_ms, json_out);
}

enum status bb_query(struct bb_client *c, const char *key, uint32_t timeout_ms, char **value_out)
{
    return ask(c, "query", key, timeout_ms, value_out);
}

enum status bb_peers_later(struct bb_client *c, uint32_t timeout_ms, bb_on_reply *on_reply, void *context)
{
    return ask_later(c, "peerlist", "list", timeout_ms, on_reply, context);
}

enum status bb_query_later(struct bb_client *c, const char *key, uint32_t timeout_ms, bb_on_reply *on_reply,
                           void *context)
{
    return ask_later(c, "query", key, timeout_ms, on_reply, context);
}

static void refuse_call(struct bb_client *c, struct call *call, const struct envelope *envelope,
                        const char *error)
{
    json_t *parsed = envelope_value(envelope, "error");
    const char *text = json_string_value(json_object_get(parsed, "message"));
    bool absent = json_integer_value(json_object_get(parsed, "code")) == CODE_ABSENT;
    if (absent)
        bb_reason_say(&c->reason, "no peer with this name is on the bus");
    else
        bb_reason_say(&c->reason, "%s: %s", call->peer, text != NULL ? text : "answered with an error");
    json_decref(parsed);
    finish(call, absent ? BB_UNREACHABLE : BB_REMOTE, absent ? NULL : error);
}

/* An answer counts only from the peer that was asked, or from the broker on its behalf. */
static void take_reply(struct bb_client *c, const struct envelope *envelope, const char *from)
{
    json_t *id = envelope_value(envelope, "id");
    const char *id_text = json_string_value(id);
    struct call *call = id_text != NULL ? find_call(c, serial_of(id_text, "bb-"), true) : NULL;
    json_decref(id);
    if (call == NULL || (from[0] != '\0' && strcmp(from, call->peer) != 0))
        return;
    char *error = envelope_member(envelope, "error"), *result = envelope_member(envelope, "result");
    if (error != NULL && strcmp(error, "null") != 0)
        refuse_call(c, call, envelope, error);
    else
        finish(call, BB_OK, result != NULL ? result : "null");
    free(error);
    free(result);
}

void calls_receive_rpc(struct bb_client *c, const struct wire *wire)
{
    char from[BB_IDENTITY_MAX + 1];
    if (!wire_text(wire_frame(wire, 0), from, sizeof from))
        return;
    for (size_t i = 5; i < wire->count; i++) {
        struct envelope envelope;
        if (envelope_parse(wire_frame(wire, i), &envelope) != BB_OK)
            continue;
        json_t *method = envelope_value(&envelope, "method");
        if (json_is_string(method))
            serving_call(c, wire, &envelope, from, json_string_value(method));
        else
            take_reply(c, &envelope, from);
        json_decref(method);
        envelope_free(&envelope);
    }
}

static char *list_text(const struct wire *wire)
{
    json_t *list = json_array();
    for (size_t i = 6; i < wire->count; i++) {
        struct bytes peer = wire_frame(wire, i);
        json_array_append_new(list, json_stringn((const char *)peer.data, peer.size));
    }
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    return text;
}

void calls_receive_vip(struct bb_client *c, const struct wire *wire, const char *subsystem)
{
    char id[32];
    bool listing = strcmp(subsystem, "peerlist") == 0;
    struct call *call =
        wire_text(wire_frame(wire, 3), id, sizeof id) ? find_call(c, serial_of(id, "q."), false) : NULL;
    if (call == NULL || (listing && !wire_is(wire_frame(wire, 5), "listing")))
        return;
    struct bytes value = wire_frame(wire, 6);
    char *text =
        listing ? list_text(wire) : strndup(value.size > 0 ? (const char *)value.data : "", value.size);
    finish(call, BB_OK, text != NULL ? text : "");
    free(text);
}

/* An error frame of the broker for a call of ours: `errno, text, recipient, subsystem`. For a publish error
 * 11 says that one subscriber's queue is full, and comes beside the acknowledgement. */
void calls_refuse(struct bb_client *c, const struct wire *wire)
{
    static const struct {
        const char *number;
        enum status status;
    } known[] = {{"113", BB_UNREACHABLE}, {"11", BB_FULL}, {"93", BB_NOT_FOUND}, {"-32001", BB_DENIED}};
    char id[32], number[16], text[200];
    if (!wire_text(wire_frame(wire, 3), id, sizeof id))
        return;
    struct call *call = find_call(c, serial_of(id, "r."), true);
    if (call == NULL)
        call = find_call(c, serial_of(id, "q."), false);
    struct call *publish = call == NULL ? find_publish(c, wire) : NULL;
    if (publish != NULL)
        call = publish;
    struct bytes from = wire_frame(wire, 0);
    if (call == NULL || (from.size > 0 && !wire_is(from, call->peer)))
        return;
    (void)wire_text(wire_frame(wire, 5), number, sizeof number);
    if (publish != NULL && strcmp(number, "11") == 0)
        return;
    (void)wire_text(wire_frame(wire, 6), text, sizeof text);
    enum status status = BB_REMOTE;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(number, known[i].number) == 0)
            status = known[i].status;
    bb_reason_say(&c->reason, "%s: %s", call->peer[0] != '\0' ? call->peer : "the broker", text);
    finish(call, status, NULL);
}

void calls_expire(struct bb_client *c, int64_t now_ms)
{
    for (size_t i = 0; i < c->calls_used; i++)
        if (c->calls[i].serial != 0 && c->calls[i].deadline_ms <= now_ms) {
            bb_reason_say(&c->reason, "%s did not answer in time",
                          c->calls[i].peer[0] != '\0' ? c->calls[i].peer : "the broker");
            finish(&c->calls[i], BB_TIMEOUT, NULL);
        }
    while (c->calls_used > 0 && c->calls[c->calls_used - 1].serial == 0)
        c->calls_used--;
}

int64_t calls_due(const struct bb_client *c)
{
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < c->calls_used; i++)
        if (c->calls[i].serial != 0 && c->calls[i].deadline_ms < due)
            due = c->calls[i].deadline_ms;
    return due;
}

void calls_fail_all(struct bb_client *c, enum status status)
{
    uint64_t newest = c->serial;
    for (size_t i = 0; i < c->calls_used; i++)
        if (c->calls[i].serial != 0 && c->calls[i].serial <= newest) {
            bb_reason_say(&c->reason, "the connection to the broker broke");
            finish(&c->calls[i], status, NULL);
        }
}
