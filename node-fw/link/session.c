#include "node-fw/link/session.h"

#include <string.h>

#define RTO_FIRST_MS 250
#define RTO_LEAST_MS 60
#define RTO_MOST_MS  1000

void link_init(struct link *l, const struct link_settings *settings, struct mono now)
{
    *l = (struct link){.settings = *settings,
                       .now = now,
                       .hello_due = now,
                       .heard = now,
                       .said = now,
                       .rto_ms = RTO_FIRST_MS};
}

/* -- out -- */

/* Makes room by dropping old datagrams. */
static bool make_room(struct link *l, size_t size)
{
    while (!outbox_room(&l->outbox, size)) {
        if (!outbox_drop(&l->outbox))
            return false;
        l->counters.dropped_out++;
    }
    return true;
}

/* Types of which only the newest is worth sending. DISPATCH is none: an exchange may be several of them. */
static bool newest_only(uint8_t type)
{
    return type == LINK_HELLO || type == LINK_STATUS || type == LINK_MEASURED || type == LINK_TIME ||
           type == LINK_ACK;
}

/* Packs and queues one frame; what it acknowledges need not be said again. False when there is no room. */
static bool queue_frame(struct link *l, struct frame frame)
{
    bool reliable = frame.flags & FRAME_RELIABLE;
    uint8_t bytes[BB_LINK_FRAME_MAX];
    frame.version = l->settings.me.major & 3;
    if (l->settings.host)
        frame.flags |= FRAME_FROM_HOST;
    if (l->state == LINK_UP && frame.type != LINK_HELLO) {
        frame.flags |= FRAME_ACKS;
        frame.ack = l->rx_next;
    }
    struct bytes packed = {bytes, frame_pack(&frame, bytes)};
    bool replaced = newest_only(frame.type) && outbox_replace(&l->outbox, frame.type, packed);
    if (!replaced) {
        if (!make_room(l, packed.size))
            return false;
        outbox_put(&l->outbox, frame.type, reliable, frame.seq, packed);
    }
    if (frame.flags & FRAME_ACKS)
        l->ack_owed = false;
    l->said = l->now;
    return true;
}

/* Says who we are. In an answer, seq and ack carry 16 bits of the other side's session, so that it can tell
 * an answer to it from one to its predecessor. */
static void queue_hello(struct link *l, bool answer)
{
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    struct link_message message = {.type = LINK_HELLO, .hello = l->settings.me};
    struct writer w = writer_at(payload, sizeof payload);
    if (link_encode(&message, &w) != BB_OK)
        return;
    struct frame frame = {.type = LINK_HELLO, .source = l->settings.me.board, .payload = written(&w)};
    if (answer) {
        frame.flags = FRAME_ACKS;
        frame.seq = (uint8_t)l->peer_session;
        frame.ack = (uint8_t)(l->peer_session >> 8);
    }
    (void)queue_frame(l, frame); /* repeated until answered */
}

/* Says why a message was not taken: "<what> <why>". */
static void queue_refuse(struct link *l, uint8_t code, const char *what, const char *why)
{
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    struct link_message message = {.type = LINK_REFUSE, .refuse.code = code};
    char *text = message.refuse.text;
    size_t room = sizeof message.refuse.text;
    link_set_text(text, room, what);
    link_set_text(text + strlen(text), room - strlen(text), " ");
    link_set_text(text + strlen(text), room - strlen(text), why);
    struct writer w = writer_at(payload, sizeof payload);
    if (link_encode(&message, &w) == BB_OK)
        (void)queue_frame(
            l, (struct frame){.type = LINK_REFUSE, .source = l->settings.me.board, .payload = written(&w)});
}

static struct link_slot *slot_of(struct link *l, uint8_t seq)
{
    return &l->window[seq % BB_LINK_WINDOW];
}

static bool queue_slot(struct link *l, uint8_t seq)
{
    const struct link_slot *slot = slot_of(l, seq);
    return queue_frame(l, (struct frame){.type = slot->type,
                                         .flags = FRAME_RELIABLE,
                                         .source = slot->source,
                                         .seq = seq,
                                         .payload = {slot->payload, slot->size}});
}

static enum status send_reliable(struct link *l, const struct link_message *message, struct bytes payload)
{
    if (l->state != LINK_UP)
        return BB_CLOSED;
    if (l->tx_count == BB_LINK_WINDOW)
        return BB_FULL;
    uint8_t seq = (uint8_t)(l->tx_first + l->tx_count);
    struct link_slot *slot = slot_of(l, seq);
    slot->type = (uint8_t)message->type;
    slot->size = (uint8_t)payload.size;
    slot->repeated = false;
    slot->source = message->source;
    slot->sent = l->now;
    if (payload.size > 0)
        memcpy(slot->payload, payload.data, payload.size);
    if (!queue_slot(l, seq))
        return BB_FULL;
    l->tx_count++;
    return BB_OK;
}

enum status link_send(struct link *l, const struct link_message *message, struct mono now)
{
    l->now = now;
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    struct writer w = writer_at(payload, sizeof payload);
    if (message->type == LINK_HELLO || message->type == LINK_ACK || link_encode(message, &w) != BB_OK)
        return BB_RANGE;
    if (link_reliable((uint8_t)message->type))
        return send_reliable(l, message, written(&w));
    struct frame frame = {.type = (uint8_t)message->type, .source = message->source, .payload = written(&w)};
    return queue_frame(l, frame) ? BB_OK : BB_FULL;
}

struct bytes link_output(const struct link *l)
{
    return (struct bytes){l->outbox.bytes, l->outbox.size};
}

void link_sent(struct link *l, size_t count)
{
    l->counters.bytes_out += (uint32_t)count;
    while (count > 0) {
        struct outbox_frame done;
        count -= outbox_sent(&l->outbox, count, &done);
        if (done.size > 0)
            continue;
        l->counters.frames_out++;
        if (done.reliable)
            slot_of(l, done.seq)->sent = l->now;
    }
}

/* -- in -- */

/* A peer in a session not seen before: nothing of the old one counts any more. */
static void start_session(struct link *l, uint32_t session)
{
    l->peer_session = session;
    l->tx_first = l->tx_count = l->rx_next = 0;
    l->ack_owed = l->deaf = false;
    l->rtt_eighths_ms = 0;
    l->rto_ms = RTO_FIRST_MS;
    outbox_clear(&l->outbox);
}

static bool refuse_version(struct link *l, const struct frame *frame, struct link_message *out)
{
    l->state = LINK_REFUSED;
    l->heard = l->now;
    queue_refuse(l, LINK_REFUSE_VERSION, "HELLO", "has a major version that is not spoken here");
    *out = (struct link_message){.type = LINK_HELLO, .source = frame->source};
    out->hello.major = frame->payload.data[0];
    return true;
}

/* A side whose link is up does not ask: it has heard nothing of us for LINK_DEAD_MS. If it does not hear the
 * answer either, the line is dead in our direction. */
static void doubt(struct link *l)
{
    struct mono least = mono_after(l->now, LINK_HEARTBEAT_MS - LINK_DEAD_MS);
    if (mono_since(l->proven, least) > 0)
        l->proven = least;
}

static void come_up(struct link *l)
{
    l->state = LINK_UP;
    l->proven = l->now;
    l->deaf = false;
}

static bool take_hello(struct link *l, const struct frame *frame, struct link_message *out)
{
    /* The first byte of a HELLO is the major version in every version; the rest may differ. */
    if (frame->payload.size > 0 && frame->payload.data[0] != l->settings.me.major)
        return refuse_version(l, frame, out);
    struct link_message message;
    if (link_decode(frame->type, frame->source, frame->payload, &message) != BB_OK) {
        l->counters.malformed++;
        return false;
    }
    uint32_t mine = l->settings.me.session;
    bool answer = frame->flags & FRAME_ACKS;
    if (answer && (frame->seq != (uint8_t)mine || frame->ack != (uint8_t)(mine >> 8))) {
        l->counters.duplicates++; /* an answer to our predecessor on this port */
        return false;
    }
    bool changed = l->state != LINK_UP || message.hello.session != l->peer_session;
    if (message.hello.session != l->peer_session)
        start_session(l, message.hello.session);
    l->peer_board = message.hello.board;
    l->heard = l->now;
    if (!answer && l->state == LINK_UP && !changed)
        doubt(l);
    else if (answer || !l->deaf)
        come_up(l);
    if (!answer)
        queue_hello(l, true);
    if (!changed || l->state != LINK_UP)
        return false;
    *out = message;
    return true;
}

static void measure(struct link *l, const struct link_slot *slot)
{
    int64_t rtt = mono_since(l->now, slot->sent);
    if (slot->repeated || rtt < 0)
        return;
    if (rtt > RTO_MOST_MS)
        rtt = RTO_MOST_MS;
    uint32_t ms = (uint32_t)rtt;
    l->rtt_eighths_ms = l->rtt_eighths_ms ? l->rtt_eighths_ms - l->rtt_eighths_ms / 8 + ms : ms * 8;
    uint32_t rto = 3 * l->rtt_eighths_ms / 8;
    l->rto_ms = rto < RTO_LEAST_MS ? RTO_LEAST_MS : rto > RTO_MOST_MS ? RTO_MOST_MS : rto;
}

static void take_ack(struct link *l, uint8_t ack)
{
    uint8_t count = (uint8_t)(ack - l->tx_first);
    if (count == 0 || count > l->tx_count)
        return;
    measure(l, slot_of(l, (uint8_t)(ack - 1)));
    l->tx_first = ack;
    l->tx_count = (uint8_t)(l->tx_count - count);
}

static bool take_refuse(struct link *l, const struct frame *frame, struct link_message *out)
{
    if (link_decode(frame->type, frame->source, frame->payload, out) != BB_OK) {
        l->counters.malformed++;
        return false;
    }
    l->heard = l->now;
    if (out->refuse.code == LINK_REFUSE_VERSION)
        l->state = LINK_REFUSED;
    else if (l->state == LINK_UP && frame->flags & FRAME_ACKS && frame->version == (l->settings.me.major & 3))
        take_ack(l, frame->ack); /* what is refused has arrived */
    return true;
}

/* True when a reliable frame is the next in order; every other one only has its acknowledgement repeated. */
static bool in_order(struct link *l, uint8_t seq)
{
    l->ack_owed = true;
    if (seq == l->rx_next) {
        l->rx_next++;
        return true;
    }
    if ((uint8_t)(l->rx_next - seq) <= BB_LINK_WINDOW)
        l->counters.duplicates++;
    return false;
}

/* A message that cannot be read. A reliable one was acknowledged, so its sender is told why it had no effect.
 */
static bool take_unreadable(struct link *l, const struct frame *frame, enum status status)
{
    l->counters.malformed++;
    if (!(frame->flags & FRAME_RELIABLE))
        return false;
    if (status == BB_NOT_FOUND)
        queue_refuse(l, LINK_REFUSE_UNKNOWN, "a message", "has a number that is not known here");
    else
        queue_refuse(l, LINK_REFUSE_RANGE, link_type_word(frame->type), "has a value outside its range");
    return false;
}

/* Somebody else is at the other end: two cables were exchanged, and nobody has hung up. Everything begins
 * afresh with who answers. */
static void part(struct link *l)
{
    l->counters.strangers++;
    l->state = LINK_DOWN;
    l->deaf = false;
    l->peer_session = 0;
    l->hello_due = l->now;
    outbox_clear(&l->outbox);
}

/* A message other than HELLO and REFUSE. */
static bool take_message(struct link *l, const struct frame *frame, struct link_message *out)
{
    if (l->state != LINK_UP)
        return false;
    if (l->settings.host && frame->source != l->peer_board) {
        part(l);
        return false;
    }
    l->heard = l->now;
    bool reliable = frame->flags & FRAME_RELIABLE;
    if (link_known(frame->type) && reliable != link_reliable(frame->type)) {
        l->counters.malformed++;
        return false;
    }
    if (frame->flags & FRAME_ACKS) {
        l->proven = l->now; /* only a side whose link is up acknowledges */
        take_ack(l, frame->ack);
    }
    if (reliable && !in_order(l, frame->seq))
        return false;
    if (frame->type == LINK_ACK)
        return false;
    enum status status = link_decode(frame->type, frame->source, frame->payload, out);
    return status == BB_OK ? true : take_unreadable(l, frame, status);
}

static bool take_frame(struct link *l, const struct frame *frame, struct link_message *out)
{
    bool from_host = frame->flags & FRAME_FROM_HOST;
    if (from_host == l->settings.host) {
        l->counters.echo++;
        return false;
    }
    l->counters.frames_in++;
    if (frame->type == LINK_HELLO)
        return take_hello(l, frame, out);
    if (frame->type == LINK_REFUSE)
        return take_refuse(l, frame, out);
    if (frame->version != (l->settings.me.major & 3)) {
        l->counters.malformed++;
        return false;
    }
    return take_message(l, frame, out);
}

bool link_feed(struct link *l, struct bytes *in, struct mono now, struct link_message *message_out)
{
    l->now = now;
    while (in->size > 0) {
        struct frame frame;
        enum frame_verdict verdict = frame_push(&l->assembler, *in->data, &frame);
        in->data++;
        in->size--;
        l->counters.bytes_in++;
        switch (verdict) {
        case FRAME_MORE:
            break;
        case FRAME_READY:
            if (take_frame(l, &frame, message_out))
                return true;
            break;
        case FRAME_BAD_COBS:
            l->counters.bad_cobs++;
            break;
        case FRAME_BAD_CRC:
            l->counters.bad_crc++;
            break;
        case FRAME_BAD_SIZE:
            l->counters.malformed++;
            break;
        case FRAME_OVERSIZE:
            l->counters.oversize++;
            break;
        }
    }
    return false;
}

/* -- time -- */

/* When the oldest unacknowledged message is to be repeated; false while none is out or it still waits here.
 */
static bool repeat_due(const struct link *l, struct mono *due_out)
{
    if (l->tx_count == 0 || outbox_holds(&l->outbox, l->tx_first))
        return false;
    *due_out = mono_after(l->window[l->tx_first % BB_LINK_WINDOW].sent, l->rto_ms);
    return true;
}

/* Repeats the whole window, in order: the other side takes nothing out of turn. */
static void repeat(struct link *l)
{
    struct mono due;
    if (!repeat_due(l, &due) || mono_since(l->now, due) < 0)
        return;
    for (uint8_t i = 0; i < l->tx_count; i++) {
        uint8_t seq = (uint8_t)(l->tx_first + i);
        if (outbox_holds(&l->outbox, seq))
            continue;
        slot_of(l, seq)->repeated = true;
        slot_of(l, seq)->sent = l->now; /* also when there is no room now: asked again after rto */
        if (!queue_slot(l, seq))
            break;
        l->counters.retransmitted++;
    }
    l->rto_ms = l->rto_ms * 2 > RTO_MOST_MS ? RTO_MOST_MS : l->rto_ms * 2;
}

/* The other side is dead when it says nothing, and as good as dead when it does not hear. */
static void lose(struct link *l)
{
    bool silent = l->state != LINK_DOWN && mono_since(l->now, l->heard) >= LINK_DEAD_MS;
    bool deaf = l->state == LINK_UP && mono_since(l->now, l->proven) >= LINK_DEAD_MS;
    if (!silent && !deaf)
        return;
    l->deaf = deaf && !silent;
    l->state = LINK_DOWN;
    l->hello_due = l->now;
}

void link_poll(struct link *l, struct mono now)
{
    l->now = now;
    lose(l);
    if (l->state == LINK_DOWN && mono_since(now, l->hello_due) >= 0) {
        queue_hello(l, false);
        l->hello_due = mono_after(now, LINK_HEARTBEAT_MS);
    }
    if (l->state != LINK_UP)
        return;
    repeat(l);
    if (l->ack_owed || mono_since(now, l->said) >= LINK_HEARTBEAT_MS)
        (void)queue_frame(l, (struct frame){.type = LINK_ACK, .source = l->settings.me.board});
}

static struct mono earlier(struct mono a, struct mono b)
{
    return a.ms < b.ms ? a : b;
}

struct mono link_due(const struct link *l)
{
    if (l->state == LINK_DOWN)
        return l->hello_due;
    struct mono due = mono_after(l->heard, LINK_DEAD_MS);
    if (l->state == LINK_REFUSED)
        return due;
    due = earlier(due, mono_after(l->proven, LINK_DEAD_MS));
    struct mono repeated;
    if (repeat_due(l, &repeated))
        due = earlier(due, repeated);
    due = earlier(due, mono_after(l->said, LINK_HEARTBEAT_MS));
    return l->ack_owed ? earlier(due, l->now) : due;
}

enum link_state link_state(const struct link *l)
{
    return l->state;
}

struct link_counters link_counters(const struct link *l)
{
    return l->counters;
}

bool link_idle(const struct link *l)
{
    return l->tx_count == 0;
}

unsigned link_unacknowledged(const struct link *l)
{
    return l->tx_count;
}
