/* The connection: hello and welcome, reconnection, heartbeat, and what comes in. */
#include "bus/client/calls.h"
#include "bus/client/client_state.h"
#include "bus/client/offering.h"
#include "bus/client/pubsub.h"
#include "bus/client/serving.h"
#include "bus/client/turn.h"

#include <busbar/check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONNECT_MS     10000
#define HELLO_AGAIN_MS 2000
/* The broker's error for an identity that another connection has. */
#define IN_USE "98"
/* A full queue to the broker: when waiting answers are tried again. */
#define OUTBOX_AGAIN_MS 20
/* libzmq gives up on an address after a protocol error; a connection that has not come back by then is made
 * anew. */
#define CONNECT_ANEW_MS 10000
/* A handshake that breaks so often in a row is no accident. */
#define BROKEN_HANDSHAKES_MAX 5

static const char vip[] = "VIP1";

enum status client_send_as(struct bb_client *c, const char *speaker, const char *recipient, const char *id,
                           const char *subsystem, const char *const *args, size_t count)
{
    struct bytes frames[9] = {bytes_of(recipient), bytes_of(vip), bytes_of(speaker), bytes_of(id),
                              bytes_of(subsystem)};
    CHECK(count <= 4);
    for (size_t i = 0; i < count; i++)
        frames[5 + i] = bytes_of(args[i]);
    return wire_send(c->socket, frames, 5 + count);
}

enum status client_send(struct bb_client *c, const char *recipient, const char *id, const char *subsystem,
                        const char *const *args, size_t count)
{
    return client_send_as(c, "", recipient, id, subsystem, args, count);
}

int bb_client_is_up(const struct bb_client *c)
{
    return c->phase == CLIENT_READY;
}

size_t bb_client_backlog(const struct bb_client *c)
{
    return c->queued + c->unacknowledged;
}

static void say_hello(struct bb_client *c)
{
    char id[32];
    c->hello_again_ms = bb_loop_mono_ms() + HELLO_AGAIN_MS;
    snprintf(id, sizeof id, "connect.hello.%u", c->hello);
    if (client_send(c, "", id, "hello", (const char *const[]){"hello"}, 1) == BB_OK)
        c->hello++;
    else
        c->hello_again_ms = bb_loop_mono_ms() + 50;
    client_rearm(c);
}

static void beat(struct bb_client *c)
{
    char topic[BB_IDENTITY_MAX + 16];
    snprintf(topic, sizeof topic, "heartbeat/%s", c->identity);
    c->heartbeat_at_ms = bb_loop_mono_ms() + c->heartbeat_ms;
    bool told = c->refused; /* whoever publishes is told of refusals, not the heartbeat */
    c->refused = false;
    (void)!bb_publish(c, topic, NULL, "\"GOOD\"");
    c->refused = told;
}

static void connect_anew(struct bb_client *c)
{
    (void)zmq_disconnect(c->socket, c->address.endpoint);
    (void)zmq_connect(c->socket, c->address.endpoint);
    c->connect_anew_ms = bb_loop_mono_ms() + CONNECT_ANEW_MS;
}

static void on_timer(void *context)
{
    struct bb_client *c = context;
    int64_t now = bb_loop_mono_ms();
    c->timer = 0;
    calls_expire(c, now);
    serving_send(c);
    if (c->phase == CLIENT_GREETING && c->hello_again_ms <= now)
        say_hello(c);
    if (c->phase == CLIENT_CONNECTING && c->connect_anew_ms <= now)
        connect_anew(c);
    if (c->phase == CLIENT_READY && c->heartbeat_ms > 0 && c->heartbeat_at_ms <= now)
        beat(c);
    client_rearm(c);
}

void client_rearm(struct bb_client *c)
{
    int64_t now = bb_loop_mono_ms(), due = calls_due(c);
    if (c->phase == CLIENT_GREETING && c->hello_again_ms < due)
        due = c->hello_again_ms;
    if (c->phase == CLIENT_CONNECTING && c->connect_anew_ms < due)
        due = c->connect_anew_ms;
    if (c->phase == CLIENT_READY && c->heartbeat_ms > 0 && c->heartbeat_at_ms < due)
        due = c->heartbeat_at_ms;
    if (c->phase == CLIENT_READY && c->outbox != NULL && now + OUTBOX_AGAIN_MS < due)
        due = now + OUTBOX_AGAIN_MS;
    bb_loop_cancel(c->loop, c->timer);
    c->timer = 0;
    if (due == INT64_MAX)
        return;
    uint32_t wait = due <= now ? 0 : due - now > INT32_MAX ? INT32_MAX : (uint32_t)(due - now);
    CHECK(bb_loop_after(c->loop, wait, on_timer, c, &c->timer) == BB_OK);
}

static void on_welcome(struct bb_client *c)
{
    if (c->phase != CLIENT_GREETING)
        return;
    c->phase = CLIENT_READY;
    c->welcomes++;
    c->denied = false;
    c->broken_handshakes = c->broken_greetings = 0;
    pubsub_welcome(c);
    serving_send(c);
    offering_welcome(c);
    if (c->heartbeat_ms > 0)
        beat(c);
    client_rearm(c);
}

/* `errno, text, recipient, subsystem` from the broker, for whichever of our messages the id names. */
static void on_error(struct bb_client *c, const struct wire *wire)
{
    struct bytes id = wire_frame(wire, 3);
    char text[200];
    if (id.size == 0)
        return;
    if (id.data[0] == 'p' || id.data[0] == 's') {
        pubsub_refuse(c, wire);
    } else if (id.data[0] == 'c' && c->phase == CLIENT_GREETING) {
        (void)wire_text(wire_frame(wire, 6), text, sizeof text);
        const char *hint = wire_is(wire_frame(wire, 5), IN_USE)
                               ? "end the other process, or give this one another --identity"
                               : "whoever runs the broker can grant it: see busbar access pending";
        bb_reason_say(&c->reason, "the broker refused the identity %.64s: %s (%s)", c->identity, text, hint);
        c->denied = true;
    } else {
        calls_refuse(c, wire);
    }
}

/* Another peer asks whether we are there. */
static void answer_ping(struct bb_client *c, const struct wire *wire)
{
    struct bytes frames[BB_FRAMES_MAX];
    for (size_t i = 0; i < wire->count; i++)
        frames[i] = wire_frame(wire, i);
    frames[2] = (struct bytes){NULL, 0};
    frames[5] = bytes_of("pong");
    (void)!wire_send(c->socket, frames, wire->count);
}

static void refuse_subsystem(struct bb_client *c, const struct wire *wire)
{
    struct bytes sender = wire_frame(wire, 0);
    struct bytes frames[] = {sender,
                             bytes_of(vip),
                             {NULL, 0},
                             wire_frame(wire, 3),
                             bytes_of("error"),
                             bytes_of("93"),
                             bytes_of("Protocol not supported"),
                             {NULL, 0},
                             wire_frame(wire, 4)};
    if (sender.size > 0)
        (void)!wire_send(c->socket, frames, sizeof frames / sizeof *frames);
}

static void take_message(struct bb_client *c, const struct wire *wire)
{
    char subsystem[32];
    bool from_router = wire_frame(wire, 0).size == 0;
    if (wire->count < 5 || !wire_is(wire_frame(wire, 1), vip) ||
        !wire_text(wire_frame(wire, 4), subsystem, sizeof subsystem))
        return;
    if (strcmp(subsystem, "RPC") == 0)
        calls_receive_rpc(c, wire);
    else if (strcmp(subsystem, "ping") == 0 && wire_is(wire_frame(wire, 5), "ping"))
        answer_ping(c, wire);
    else if (!from_router && strcmp(subsystem, "error") != 0)
        refuse_subsystem(c, wire);
    else if (!from_router)
        calls_refuse(c, wire);
    else if (strcmp(subsystem, "pubsub") == 0)
        pubsub_receive(c, wire);
    else if (strcmp(subsystem, "hello") == 0 && wire_is(wire_frame(wire, 5), "welcome"))
        on_welcome(c);
    else if (strcmp(subsystem, "error") == 0)
        on_error(c, wire);
    else if (strcmp(subsystem, "peerlist") == 0 && !wire_is(wire_frame(wire, 5), "listing"))
        offering_peer(c, wire);
    else if (strcmp(subsystem, "peerlist") == 0 || strcmp(subsystem, "query") == 0)
        calls_receive_vip(c, wire, subsystem);
}

static void on_socket(void *context)
{
    struct bb_client *c = context;
    for (int i = 0; i < CLIENT_READ_MAX; i++) {
        struct wire wire;
        enum status status = wire_receive(c->socket, &wire);
        if (status == BB_OK) {
            take_message(c, &wire);
            wire_free(&wire);
        } else if (status != BB_FULL) {
            break;
        }
    }
}

/* The handshake was good, and then the broker hung up on the hello, again and again. */
static void on_greeting_refused(struct bb_client *c)
{
    c->denied = true;
    bb_reason_say(&c->reason,
                  "the broker at %.200s hangs up when this process calls itself %.64s: its key may not take "
                  "that identity; "
                  "add it to the key's entry in access.json",
                  c->address.endpoint, c->identity);
}

static void on_disconnect(struct bb_client *c)
{
    bool was_up = c->phase != CLIENT_CONNECTING;
    if (c->phase == CLIENT_GREETING && ++c->broken_greetings >= BROKEN_HANDSHAKES_MAX)
        on_greeting_refused(c);
    c->phase = CLIENT_CONNECTING;
    c->connect_anew_ms = bb_loop_mono_ms() + CONNECT_ANEW_MS;
    c->unacknowledged = 0;
    if (was_up)
        calls_fail_all(c, BB_CLOSED);
    client_rearm(c);
}

static void on_handshake_refused(struct bb_client *c)
{
    char key[KEY_BASE64_SIZE] = "none";
    (void)!keys_to_base64(c->address.own.public_key, key);
    c->denied = true;
    bb_reason_say(
        &c->reason,
        "the broker at %.200s does not know the key of %.64s: admit it with busbar access approve %s "
        "--identity %.64s, or use a key that has an entry in access.json",
        c->address.endpoint, c->identity, key, c->identity);
}

static void on_handshake_broken(struct bb_client *c, bool mismatch)
{
    if (c->phase != CLIENT_CONNECTING || (++c->broken_handshakes < BROKEN_HANDSHAKES_MAX && !mismatch))
        return;
    c->denied = true;
    bb_reason_say(&c->reason, "the broker at %.200s breaks off the handshake: %s, or it is no busbard",
                  c->address.endpoint,
                  c->address.plain
                      ? "it wants encryption and the address has no serverkey"
                      : "its public key is not the serverkey of the address (see keys/busbard.pub)");
}

static void take_event(struct bb_client *c, uint16_t event)
{
    switch (event) {
    case ZMQ_EVENT_HANDSHAKE_SUCCEEDED:
        c->broken_handshakes = 0;
        c->phase = CLIENT_GREETING;
        say_hello(c);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH:
        on_handshake_refused(c);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
        on_handshake_broken(c, true);
        break;
    case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL:
        on_handshake_broken(c, false);
        break;
    case ZMQ_EVENT_DISCONNECTED:
        on_disconnect(c);
        break;
    default: /* libzmq's events are its own and grow */
        break;
    }
}

static void on_monitor(void *context)
{
    struct bb_client *c = context;
    struct wire wire;
    while (c->monitor != NULL && wire_receive(c->monitor, &wire) == BB_OK) {
        struct bytes head = wire_frame(&wire, 0);
        uint16_t event = 0;
        if (head.size >= sizeof event) {
            memcpy(&event, head.data, sizeof event);
            take_event(c, event);
        }
        wire_free(&wire);
    }
}

static bool set_int(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

/* VOLTTRON's options, and probes of the kernel's so that a broker that is gone without a word is noticed in
 * 15 s. Not ZMTP heartbeats: with them libzmq 4.3.4 can abort either side when the other goes while its own
 * queue is full. */
static bool configure(struct bb_client *c)
{
    static const struct {
        int option, value;
    } options[] = {{ZMQ_IMMEDIATE, 1},           {ZMQ_SNDHWM, 6000},           {ZMQ_RCVHWM, 6000},
                   {ZMQ_LINGER, 1000},           {ZMQ_TCP_KEEPALIVE, 1},       {ZMQ_TCP_KEEPALIVE_IDLE, 5},
                   {ZMQ_TCP_KEEPALIVE_INTVL, 5}, {ZMQ_TCP_KEEPALIVE_CNT, 2},   {ZMQ_TCP_MAXRT, 15000},
                   {ZMQ_RECONNECT_IVL, 50},      {ZMQ_RECONNECT_IVL_MAX, 2000}};
    int64_t largest = BB_FRAME_MAX;
    bool good = zmq_setsockopt(c->socket, ZMQ_ROUTING_ID, c->identity, strlen(c->identity)) == 0 &&
                zmq_setsockopt(c->socket, ZMQ_MAXMSGSIZE, &largest, sizeof largest) == 0;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        good = good && set_int(c->socket, options[i].option, options[i].value);
    if (!c->address.plain)
        good = good &&
               zmq_setsockopt(c->socket, ZMQ_CURVE_SERVERKEY, c->address.server_key, KEY_Z85_SIZE) == 0 &&
               zmq_setsockopt(c->socket, ZMQ_CURVE_PUBLICKEY, c->address.own.public_key, KEY_Z85_SIZE) == 0 &&
               zmq_setsockopt(c->socket, ZMQ_CURVE_SECRETKEY, c->address.own.secret_key, KEY_Z85_SIZE) == 0;
    return good;
}

static enum status connect_sockets(struct bb_client *c)
{
    char monitor[64];
    snprintf(monitor, sizeof monitor, "inproc://monitor-%p", (void *)c);
    c->zmq = zmq_ctx_new();
    c->socket = c->zmq != NULL ? zmq_socket(c->zmq, ZMQ_DEALER) : NULL;
    c->monitor = c->zmq != NULL ? zmq_socket(c->zmq, ZMQ_PAIR) : NULL;
    if (c->socket == NULL || c->monitor == NULL || !configure(c) ||
        zmq_socket_monitor(c->socket, monitor, ZMQ_EVENT_ALL) != 0 || zmq_connect(c->monitor, monitor) != 0) {
        bb_reason_say(&c->reason, "ZeroMQ: %s", zmq_strerror(zmq_errno()));
        return BB_IO;
    }
    if (zmq_connect(c->socket, c->address.endpoint) != 0) {
        bb_reason_say(&c->reason, "%.200s: %s", c->address.endpoint, zmq_strerror(zmq_errno()));
        return BB_RANGE;
    }
    explicit_bzero(c->address.own.secret_key, KEY_Z85_SIZE);
    c->connect_anew_ms = bb_loop_mono_ms() + CONNECT_ANEW_MS;
    enum status status = bb_loop_watch_socket(c->loop, c->monitor, on_monitor, c);
    return status == BB_OK ? bb_loop_watch_socket(c->loop, c->socket, on_socket, c) : status;
}

static enum status wait_for_welcome(struct bb_client *c, uint32_t connect_ms)
{
    int64_t deadline = bb_loop_mono_ms() + (connect_ms > 0 ? connect_ms : CONNECT_MS);
    while (c->phase != CLIENT_READY) {
        int64_t left = deadline - bb_loop_mono_ms();
        if (c->denied)
            return BB_DENIED;
        if (left <= 0) {
            if (c->phase == CLIENT_GREETING)
                bb_reason_say(&c->reason,
                              "the broker at %.200s does not welcome %.64s: another process may hold this "
                              "identity, or the key may not take it (see access.json)",
                              c->address.endpoint, c->identity);
            else
                bb_reason_say(&c->reason, "no broker answers at %.200s: start busbard, or check the address",
                              c->address.endpoint);
            return BB_UNREACHABLE;
        }
        if (bb_loop_turn(c->loop, left) != BB_OK)
            return BB_INTERRUPTED;
    }
    return BB_OK;
}

static enum status open_client(struct bb_client *c, const struct bb_client_options *o)
{
    if (o->identity == NULL || !vip_address_identity_valid(o->identity)) {
        bb_reason_say(&c->reason, "an identity is letters, digits, _ . - (at most %d) and no number",
                      BB_IDENTITY_MAX);
        return BB_RANGE;
    }
    snprintf(c->identity, sizeof c->identity, "%s", o->identity);
    enum status status = vip_address_find(o->address, o->home, o->identity, &c->address, &c->reason);
    if (status == BB_OK)
        status = connect_sockets(c);
    if (status == BB_OK && !o->later)
        status = wait_for_welcome(c, o->connect_ms);
    return status;
}

enum status bb_client_open(struct bb_loop *loop, const struct bb_client_options *options,
                           struct bb_client **out)
{
    struct bb_client *c = calloc(1, sizeof *c);
    CHECK(c != NULL);
    c->loop = loop;
    c->outbox_last = &c->outbox;
    c->heartbeat_ms = options->heartbeat_ms;
    enum status status = open_client(c, options);
    if (status == BB_OK) {
        c->reason.text[0] = '\0';
        *out = c;
        return BB_OK;
    }
    if (options->reason != NULL)
        *options->reason = c->reason;
    bb_client_close(c);
    return status;
}

void bb_client_close(struct bb_client *c)
{
    if (c == NULL)
        return;
    if (c->phase == CLIENT_READY)
        serving_close(c);
    if (c->phase == CLIENT_READY)
        (void)!client_send(c, "", "stop", "agentstop", (const char *const[]){c->identity}, 1);
    bb_loop_cancel(c->loop, c->timer);
    bb_loop_unwatch_socket(c->loop, c->socket);
    bb_loop_unwatch_socket(c->loop, c->monitor);
    c->phase = CLIENT_CONNECTING;
    calls_fail_all(c, BB_CLOSED);
    bb_loop_cancel(c->loop, c->timer);
    if (c->socket != NULL)
        zmq_socket_monitor(c->socket, NULL, 0);
    if (c->monitor != NULL)
        zmq_close(c->monitor);
    if (c->socket != NULL)
        zmq_close(c->socket);
    if (c->zmq != NULL)
        zmq_ctx_term(c->zmq);
    pubsub_free(c);
    serving_free(c);
    offering_free(c);
    vip_address_wipe(&c->address);
    free(c);
}

const char *bb_client_reason(const struct bb_client *client)
{
    return client->reason.text;
}
