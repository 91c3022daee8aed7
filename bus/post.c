#include "bus/post.h"

#include "bus/zmtp/frame.h"

#include <busbar/check.h>
#include <errno.h>
#include <stdlib.h>

/* -- making a message ----------------------------------------------------------------------------------- */

static size_t frame_size(const struct router_out *out, const struct router_frame *from,
                         const struct bytes *in)
{
    size_t size = 0;
    if (from->in >= 0)
        return in[from->in].size;
    for (uint32_t i = 0; i < from->count; i++)
        size += out->pieces[from->first + i].size;
    return size;
}

static uint8_t *write_piece(uint8_t *to, struct bytes piece)
{
    if (piece.size > 0)
        memcpy(to, piece.data, piece.size);
    return to + piece.size;
}

/* A packet with room for `wire` bytes: the one at hand when it fits and will be copied by everybody. */
static struct packet *begin(struct post *post, size_t wire)
{
    if (wire > OUTBOX_COPY_MAX)
        return packet_new(wire);
    if (post->scratch == NULL)
        post->scratch = packet_new(OUTBOX_COPY_MAX);
    post->scratch->wire = wire;
    return packet_share(post->scratch);
}

/* The message of a parcel. */
static struct packet *make(struct post *post, const struct router_out *out,
                           const struct router_parcel *parcel, const struct bytes *in)
{
    const struct router_frame *frames = &out->frames[parcel->frame_first];
    size_t size = 0, wire = 0;
    for (uint32_t i = 0; i < parcel->frame_count; i++) {
        size_t body = frame_size(out, &frames[i], in);
        size += body;
        wire += zmtp_header_size(body) + body;
    }
    struct packet *packet = begin(post, wire);
    packet->count = parcel->frame_count;
    packet->size = size;
    uint8_t *to = packet->data;
    for (uint32_t i = 0; i < parcel->frame_count; i++) {
        uint8_t more = i + 1 < parcel->frame_count ? ZMTP_MORE : 0;
        to += zmtp_header_write(to, more, frame_size(out, &frames[i], in));
        if (frames[i].in >= 0)
            to = write_piece(to, in[frames[i].in]);
        else
            for (uint32_t k = 0; k < frames[i].count; k++)
                to = write_piece(to, out->pieces[frames[i].first + k]);
    }
    CHECK(to == packet->data + wire);
    return packet;
}

/* A share of a packet that can be kept. */
static struct packet *lasting(const struct post *post, struct packet *packet)
{
    if (packet != post->scratch)
        return packet_share(packet);
    struct packet *copy = packet_new(packet->wire);
    copy->count = packet->count;
    copy->size = packet->size;
    memcpy(copy->data, packet->data, packet->wire);
    return copy;
}

void post_say(struct post *post, struct line *line, const struct bytes *frames, size_t count)
{
    size_t wire = 0;
    for (size_t i = 0; i < count; i++)
        wire += zmtp_header_size(frames[i].size) + frames[i].size;
    struct packet *packet = begin(post, wire);
    uint8_t *to = packet->data;
    for (size_t i = 0; i < count; i++) {
        to += zmtp_header_write(to, i + 1 < count ? ZMTP_MORE : 0, frames[i].size);
        to = write_piece(to, frames[i]);
    }
    packet->count = (uint32_t)count;
    if (line_ready(line))
        line_put(line, packet);
    packet_free(packet);
}

/* -- peers ---------------------------------------------------------------------------------------------- */

void post_leave(struct post *post, uint32_t peer)
{
    struct receiver *receiver = &post->receivers[peer];
    if (receiver->leaving || post->leaving_count == sizeof post->leaving / sizeof *post->leaving)
        return;
    receiver->leaving = true;
    post->leaving[post->leaving_count++] = peer;
}

uint32_t post_next_leaving(struct post *post)
{
    while (post->leaving_count > 0) {
        uint32_t peer = post->leaving[--post->leaving_count];
        if (post->receivers[peer].leaving)
            return peer;
    }
    return 0;
}

void post_forget(struct post *post, uint32_t peer)
{
    struct receiver *receiver = &post->receivers[peer];
    bool backlogged = receiver->backlogged;
    if (receiver->line != NULL) {
        /* It took leave and may come back on the same connection: its time to say so begins now. */
        receiver->line->peer = 0;
        receiver->line->opened_ms = receiver->line->heard_ms;
    }
    post->discarded += receiver->ring.count;
    post->waiting -= receiver->ring.cost;
    ring_clear(&receiver->ring);
    *receiver = (struct receiver){.backlogged = backlogged};
}

/* -- sending -------------------------------------------------------------------------------------------- */

/* Puts a share of a packet into a peer's ring. What is too much, for it or for all, goes: its own oldest
 * first. */
static void keep(struct post *post, uint32_t peer, struct packet *packet)
{
    struct receiver *receiver = &post->receivers[peer];
    struct ring *ring = &receiver->ring;
    size_t before = ring->size, size = packet->size, cost = ring_cost(packet);
    uint32_t dropped = 0;
    post->waiting -= ring->cost;
    while (ring_first(ring) != NULL && post->waiting + ring->cost + cost > POST_BYTES_MAX) {
        packet_free(ring_pop(ring));
        dropped++;
    }
    if (post->waiting + cost > POST_BYTES_MAX) {
        packet_free(packet);
        dropped++;
    } else {
        dropped += ring_push(ring, packet);
    }
    post->waiting += ring->cost;
    receiver->dropped += dropped;
    receiver->dropped_bytes += before + size - ring->size;
    post->dropped += dropped;
    if (!receiver->backlogged) {
        receiver->backlogged = true;
        post->backlog[post->backlog_count++] = peer;
    }
}

/* Hands one packet to a peer's connection. */
static void put(struct post *post, uint32_t peer, struct packet *packet)
{
    struct receiver *receiver = &post->receivers[peer];
    receiver->out_bytes += packet->size;
    peers_at(&post->router->peers, peer)->out++;
    line_put(receiver->line, packet);
}

/* True when the peer's connection takes another message. One that turns out to be gone leaves. */
static bool is_ready(struct post *post, uint32_t peer)
{
    struct receiver *receiver = &post->receivers[peer];
    if (receiver->line != NULL && line_ready(receiver->line))
        return true;
    if (receiver->line == NULL)
        post_leave(post, peer);
    return false;
}

/* Sends what waits for a peer as far as it goes: true when nothing waits any more. */
static bool flush_peer(struct post *post, uint32_t peer)
{
    struct ring *ring = &post->receivers[peer].ring;
    while (ring_first(ring) != NULL) {
        if (!is_ready(post, peer))
            return false;
        struct packet *packet = ring_pop(ring);
        post->waiting -= ring_cost(packet);
        put(post, peer, packet);
        packet_free(packet);
    }
    return true;
}

/* Sends a message to one peer. A full outbox ends in its ring, unless it is a forward. */
static int deliver(struct post *post, enum router_policy policy, uint32_t peer, struct packet *packet)
{
    struct receiver *receiver = &post->receivers[peer];
    bool ready = !receiver->leaving && (ring_first(&receiver->ring) == NULL || flush_peer(post, peer)) &&
                 is_ready(post, peer);
    if (receiver->leaving)
        return EHOSTUNREACH;
    if (ready) {
        put(post, peer, packet);
        return 0;
    }
    if (policy == ROUTER_FORWARD) {
        receiver->returned++;
        return EAGAIN;
    }
    keep(post, peer, lasting(post, packet));
    return 0;
}

int post_send(struct post *post, const struct router_out *out, const struct bytes *in)
{
    int result = 0;
    for (uint32_t p = 0; p < out->parcel_count; p++) {
        const struct router_parcel *parcel = &out->parcels[p];
        if (parcel->to_count == 0)
            continue;
        struct packet *packet = make(post, out, parcel, in);
        for (uint32_t i = 0; i < parcel->to_count; i++) {
            int failed = deliver(post, parcel->policy, out->to[parcel->to_first + i], packet);
            if (failed != 0 && parcel->policy == ROUTER_FORWARD)
                result = failed;
        }
        packet_free(packet);
    }
    return result;
}

bool post_flush(struct post *post)
{
    uint32_t kept = 0;
    bool sent = false;
    for (uint32_t i = 0; i < post->backlog_count; i++) {
        uint32_t peer = post->backlog[i];
        struct receiver *receiver = &post->receivers[peer];
        uint32_t before = receiver->ring.count;
        bool done = before == 0 || receiver->leaving || flush_peer(post, peer);
        sent = sent || receiver->ring.count != before;
        if (!done && !receiver->leaving)
            post->backlog[kept++] = peer;
        else
            receiver->backlogged = false;
    }
    post->backlog_count = kept;
    return sent;
}
