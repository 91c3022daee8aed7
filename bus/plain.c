/* The doors for plain PUB and SUB sockets. */
#include "bus/plain.h"
#include "bus/durable_service.h"
#include "bus/refusal.h"

#include <busbar/check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

/* Strict JSON is at most so many times longer than what it is made of: a byte becomes \u00XX. */
#define STRICT_GROWTH 6
/* Decimal digits of a sequence number. */
#define DIGITS_MAX 10

static uint64_t hash_of(const char *text)
{
    uint64_t hash = 0;
    for (; *text != '\0'; text++)
        hash = (hash ^ (uint8_t)*text) * 0x9e3779b97f4a7c15u;
    return hash >> 32;
}

/* The entry of the key a message came with; false: it has none (any more). */
static bool entry_of(struct broker *b, zmq_msg_t *frame, uint32_t *entry_out)
{
    *entry_out = ACCESS_OPEN;
    if (!b->secure)
        return true;
    const char *user = zmq_msg_gets(frame, "User-Id");
    if (user == NULL)
        return false;
    struct publisher *publisher = &b->publishers[hash_of(user) % PUBLISHERS];
    if (strcmp(publisher->user, user) != 0) {
        snprintf(publisher->user, sizeof publisher->user, "%s", user);
        publisher->known = access_find(b->access, bytes_of(user), &publisher->entry) == BB_OK;
    }
    *entry_out = publisher->entry;
    return publisher->known;
}

static struct bytes span_of(zmq_msg_t *frame)
{
    return (struct bytes){zmq_msg_data(frame), zmq_msg_size(frame)};
}

static void cut(zmq_msg_t *frame)
{
    const char *fd = zmq_msg_gets(frame, "__fd");
    if (fd != NULL)
        (void)shutdown((int)strtol(fd, NULL, 10), SHUT_RDWR);
}

static void refuse(struct broker *b, zmq_msg_t *frame, enum access_kind kind, struct bytes text)
{
    const char *user = b->secure ? zmq_msg_gets(frame, "User-Id") : NULL;
    const char *address = zmq_msg_gets(frame, "Peer-Address");
    const struct pending_asked asked = {.key = user == NULL ? "" : user,
                                        .kind = kind,
                                        .text = text,
                                        .address = address == NULL ? "" : address,
                                        .door = kind == ACCESS_PUBLISH ? DOOR_PUB : DOOR_SUB};
    refusal_note(b, &asked);
}

static void take(struct broker *b, zmq_msg_t *frames)
{
    zmq_msg_t *topic = &frames[0], *body = &frames[1];
    uint32_t entry;
    b->plain_in++;
    if (!entry_of(b, topic, &entry)) {
        /* Its key was taken away since it connected. */
        b->plain_refused++;
        cut(topic);
        return;
    }
    enum status status = router_publish(b->router, span_of(topic), span_of(body), entry, b->out);
    if (status != BB_OK) {
        b->plain_refused++;
        if (status == BB_DENIED)
            refuse(b, topic, ACCESS_PUBLISH, span_of(topic));
        return;
    }
    if (b->out->held) {
        durable_hold_plain(b->durable, span_of(topic), span_of(body));
        return;
    }
    (void)post_send(b->post, b->out, NULL);
    plain_published(b);
}

int plain_serve(struct broker *b)
{
    zmq_msg_t frames[2];
    int taken = 0;
    for (; taken < BURST; taken++) {
        int count = 0;
        bool more = true;
        while (more) {
            zmq_msg_t frame;
            zmq_msg_init(&frame);
            if (zmq_msg_recv(&frame, b->pub.socket, ZMQ_DONTWAIT) < 0)
                break;
            more = zmq_msg_more(&frame) != 0;
            if (count < 2)
                frames[count] = frame;
            else
                zmq_msg_close(&frame);
            count++;
        }
        if (count == 0)
            break;
        if (count == 2)
            take(b, frames);
        else
            b->plain_refused++;
        for (int i = 0; i < count && i < 2; i++)
            zmq_msg_close(&frames[i]);
    }
    return taken;
}

/* Replaces headers and message of the envelope by strict JSON in *buffer_out, malloc'd. */
static void make_strict(struct envelope *envelope, uint8_t **buffer_out)
{
    size_t room = STRICT_GROWTH * (envelope->headers.size + envelope->message.size);
    struct writer w = writer_at(malloc(room + 1), room);
    CHECK(w.data != NULL);
    *buffer_out = w.data;
    if (envelope->headers.size > 0)
        envelope_make_strict(envelope->headers, &w);
    size_t split = w.size;
    envelope_make_strict(envelope->message, &w);
    CHECK(w.ok);
    envelope->headers.size = split;
    envelope->headers.data = w.data;
    envelope->message = (struct bytes){w.data + split, w.size - split};
}

/* `value` in decimal digits at the end of `room`; snprintf would show in the time of a message. */
static struct bytes write_decimal(uint32_t value, uint8_t room[DIGITS_MAX])
{
    size_t at = DIGITS_MAX;
    do {
        room[--at] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    return (struct bytes){room + at, DIGITS_MAX - at};
}

/* Sends the publish in broker->out to the sub door. */
static void pass_on(struct broker *b)
{
    struct envelope_text text;
    struct envelope envelope = b->out->envelope;
    uint8_t digits[DIGITS_MAX];
    uint8_t *strict = NULL;
    zmq_msg_t body;
    if (b->conns->open[DOOR_SUB] == 0)
        return;
    if (!envelope_is_strict(&envelope))
        make_strict(&envelope, &strict);
    uint32_t sequence = streams_next(b->streams, b->out->sender, b->out->topic);
    envelope_for_sub(&envelope, b->out->sender, write_decimal(sequence, digits), &text);
    CHECK(zmq_msg_init_size(&body, text.size) == 0);
    uint8_t *to = zmq_msg_data(&body);
    for (size_t i = 0; i < text.count; i++) {
        memcpy(to, text.pieces[i].data, text.pieces[i].size);
        to += text.pieces[i].size;
    }
    free(strict);
    if (zmq_send(b->sub.socket, b->out->topic.data, b->out->topic.size, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
        zmq_msg_send(&body, b->sub.socket, ZMQ_DONTWAIT) >= 0)
        b->plain_out++;
    else
        zmq_msg_close(&body);
}

/* The connection that a subscription came on; NULL when it is gone. */
static struct conn *conn_of(struct broker *b, zmq_msg_t *frame)
{
    const char *text = zmq_msg_gets(frame, "__fd");
    long fd = text == NULL ? -1 : strtol(text, NULL, 10);
    bool open = fd >= 0 && fd < CONNS_MAX && b->conns->table[fd].door == DOOR_SUB;
    return open ? &b->conns->table[fd] : NULL;
}

/* True when the key of the connection may hear the prefix. Remembers whose connection it is. */
static bool admit_subscription(struct broker *b, zmq_msg_t *frame, struct bytes prefix)
{
    uint32_t entry;
    struct conn *conn = conn_of(b, frame);
    const char *user = b->secure ? zmq_msg_gets(frame, "User-Id") : NULL;
    if (!entry_of(b, frame, &entry)) {
        b->subscriptions_refused++;
        cut(frame);
        return false;
    }
    if (conn != NULL && user != NULL)
        snprintf(conn->user, sizeof conn->user, "%s", user);
    if (access_allows(b->access, entry, ACCESS_SUBSCRIBE, prefix))
        return true;
    if (conn != NULL)
        conn->refused = true;
    b->subscriptions_refused++;
    refuse(b, frame, ACCESS_SUBSCRIBE, prefix);
    return false;
}

void plain_published(struct broker *b)
{
    retain_publish(b->retain, b->out->topic, b->out->sender, &b->out->envelope, b->now_ms);
    pass_on(b);
}

/* One message of the XPUB socket: 1 (subscribe) or 0 (unsubscribe) and the prefix. */
static void take_subscription(struct broker *b, zmq_msg_t *frame)
{
    struct bytes span = span_of(frame);
    if (span.size == 0 || span.data[0] > 1 || span.size - 1 > BB_TOPIC_MAX)
        return;
    struct bytes prefix = {span.data + 1, span.size - 1};
    bool subscribe = span.data[0] == 1;
    if (subscribe && !admit_subscription(b, frame, prefix))
        return;
    int option = subscribe ? ZMQ_SUBSCRIBE : ZMQ_UNSUBSCRIBE;
    (void)zmq_setsockopt(b->sub.socket, option, prefix.data, prefix.size);
}

static void watch(struct broker *b, struct door *door)
{
    int fd;
    for (int event = door_event(door, &fd); event != 0; event = door_event(door, &fd)) {
        if (event > 0)
            conns_opened(b->conns, fd, door->kind);
        else
            conns_closed(b->conns, fd);
    }
}

void plain_watch(struct broker *b)
{
    watch(b, &b->sub);
    watch(b, &b->pub);
}

void plain_subscriptions(struct broker *b)
{
    zmq_msg_t frame;
    bool watched = false;
    for (;;) {
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, b->sub.socket, ZMQ_DONTWAIT) < 0)
            break;
        /* What the monitor knows about these connections comes first. */
        if (!watched)
            plain_watch(b);
        watched = true;
        take_subscription(b, &frame);
        zmq_msg_close(&frame);
    }
    zmq_msg_close(&frame);
}

/* True when what the connection holds is not what the rules in force give its key. */
static bool is_stale(const struct broker *b, const struct access *old, const struct conn *conn)
{
    uint32_t now, before;
    if (conn->door != DOOR_SUB || conn->user[0] == '\0')
        return false;
    if (access_find(b->access, bytes_of(conn->user), &now) != BB_OK ||
        access_find(old, bytes_of(conn->user), &before) != BB_OK)
        return true;
    return !access_covers(b->access, now, old, before, ACCESS_SUBSCRIBE) ||
           (conn->refused && !access_covers(old, before, b->access, now, ACCESS_SUBSCRIBE));
}

uint32_t plain_rebind(struct broker *b, const struct access *old)
{
    uint32_t shut = 0;
    memset(b->publishers, 0, sizeof b->publishers);
    for (int fd = 0; fd < CONNS_MAX; fd++) {
        if (!is_stale(b, old, &b->conns->table[fd]))
            continue;
        (void)shutdown(fd, SHUT_RDWR);
        shut++;
    }
    return shut;
}
