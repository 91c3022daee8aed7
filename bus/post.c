#include "bus/post.h"

#include <busbar/check.h>
#include <errno.h>

/* libzmq keeps messages of up to this size inside zmq_msg_t: copying them is cheaper than sharing. */
#define SMALL 33

static void make_text(zmq_msg_t *frame, const struct router_out *out, const struct router_frame *from)
{
    size_t size = 0;
    for (uint32_t i = 0; i < from->count; i++)
        size += out->pieces[from->first + i].size;
    CHECK(zmq_msg_init_size(frame, size) == 0);
    uint8_t *to = zmq_msg_data(frame);
    for (uint32_t i = 0; i < from->count; i++) {
        struct bytes piece = out->pieces[from->first + i];
        if (piece.size > 0)
            memcpy(to, piece.data, piece.size);
        to += piece.size;
    }
}

/* A second message with the contents of `from`. */
static void share(zmq_msg_t *frame, zmq_msg_t *from)
{
    size_t size = zmq_msg_size(from);
    if (size <= SMALL) {
        CHECK(zmq_msg_init_size(frame, size) == 0);
        memcpy(zmq_msg_data(frame), zmq_msg_data(from), size);
    } else {
        zmq_msg_init(frame);
        CHECK(zmq_msg_copy(frame, from) == 0);
    }
}

/* Sends the routing id of `peer`: 0, EAGAIN or EHOSTUNREACH. */
static int address(struct post *post, uint32_t peer)
{
    struct bytes identity = peers_identity(&post->router->peers, peer);
    post->tries++;
    if (zmq_send(post->socket, identity.data, identity.size, ZMQ_DONTWAIT | ZMQ_SNDMORE) >= 0)
        return 0;
    CHECK(errno == EAGAIN || errno == EHOSTUNREACH);
    return errno;
}

/* Sends frames after their address. The pipe was found writable, so that only a peer that goes at this moment
 * can fail, and then libzmq takes the frames and forgets them. */
static void send_frames(struct post *post, zmq_msg_t *frames, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (zmq_msg_send(&frames[i], post->socket, ZMQ_DONTWAIT | (i + 1 < count ? ZMQ_SNDMORE : 0)) < 0)
            zmq_msg_close(&frames[i]);
}

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
    post->discarded += receiver->ring.count;
    post->waiting -= receiver->ring.cost;
    ring_clear(&receiver->ring);
    *receiver = (struct receiver){.fd = -1, .backlogged = backlogged};
}

/* Puts a packet into a peer's ring. What is too much, for it or for all, goes: its own oldest first. */
static void keep(struct post *post, uint32_t peer, struct packet *packet)
{
    struct receiver *receiver = &post->receivers[peer];
    struct ring *ring = &receiver->ring;
    size_t before = ring->size, size = packet->size, cost = ring_cost(packet);
    uint32_t dropped = 0;
    post->waiting -= ring->cost;
    while (ring_first(ring) != NULL && post->waiting + ring->cost + cost > POST_BYTES_MAX) {
        ring_packet_free(ring_pop(ring));
        dropped++;
    }
    if (post->waiting + cost > POST_BYTES_MAX) {
        ring_packet_free(packet);
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

static struct packet *packet_of(zmq_msg_t *frames, uint32_t count)
{
    struct packet *packet = ring_packet(count);
    for (uint32_t i = 0; i < count; i++) {
        share(&packet->frames[i], &frames[i]);
        packet->size += zmq_msg_size(&frames[i]);
    }
    return packet;
}

/* Sends what waits for a peer as far as it goes: 0 when nothing waits any more. */
static int flush_peer(struct post *post, uint32_t peer)
{
    struct ring *ring = &post->receivers[peer].ring;
    while (ring_first(ring) != NULL) {
        int failed = address(post, peer);
        if (failed != 0)
            return failed;
        struct packet *packet = ring_pop(ring);
        post->waiting -= ring_cost(packet);
        post->receivers[peer].out_bytes += packet->size;
        send_frames(post, packet->frames, packet->count);
        ring_packet_free(packet);
        peers_at(&post->router->peers, peer)->out++;
    }
    return 0;
}

/* Sends the frames to one peer, consuming them when `last`. A full queue ends in its ring, unless it is a
 * forward. */
static int deliver(struct post *post, const struct router_parcel *parcel, uint32_t peer, zmq_msg_t *frames,
                   bool last)
{
    zmq_msg_t copies[BB_FRAMES_MAX];
    uint32_t count = parcel->frame_count;
    struct receiver *receiver = &post->receivers[peer];
    if (receiver->leaving)
        return EHOSTUNREACH;
    int failed = ring_first(&receiver->ring) == NULL ? 0 : flush_peer(post, peer);
    if (failed == 0)
        failed = address(post, peer);
    if (failed == EHOSTUNREACH) {
        post_leave(post, peer);
        return failed;
    }
    if (failed == EAGAIN) {
        if (parcel->policy == ROUTER_FORWARD) {
            receiver->returned++;
            return failed;
        }
        keep(post, peer, packet_of(frames, count));
        return 0;
    }
    peers_at(&post->router->peers, peer)->out++;
    for (uint32_t i = 0; i < count; i++)
        receiver->out_bytes += zmq_msg_size(&frames[i]);
    if (!last && count <= BB_FRAMES_MAX) {
        for (uint32_t i = 0; i < count; i++)
            share(&copies[i], &frames[i]);
        frames = copies;
    }
    send_frames(post, frames, count);
    return 0;
}

/* Sends one frame straight from where it is: small ones by value, large ones by reference. Its size. */
static size_t send_frame(struct post *post, const struct router_out *out, const struct router_frame *from,
                         zmq_msg_t *in, int flags)
{
    zmq_msg_t frame;
    struct bytes span = {NULL, 0};
    if (from->in >= 0)
        span = (struct bytes){zmq_msg_data(&in[from->in]), zmq_msg_size(&in[from->in])};
    else if (from->count == 1)
        span = out->pieces[from->first];
    if (from->in < 0 ? from->count == 1 : span.size <= SMALL) {
        (void)zmq_send(post->socket, span.data, span.size, flags);
        return span.size;
    }
    if (from->in < 0)
        make_text(&frame, out, from);
    else
        share(&frame, &in[from->in]);
    size_t size = zmq_msg_size(&frame);
    if (zmq_msg_send(&frame, post->socket, flags) < 0)
        zmq_msg_close(&frame);
    return size;
}

/* The usual case without detours: one receiver with nothing waiting and room in its pipe. False if it is not
 * so. */
static bool send_straight(struct post *post, const struct router_out *out, const struct router_parcel *parcel,
                          zmq_msg_t *in)
{
    uint32_t peer = out->to[parcel->to_first];
    struct receiver *receiver = &post->receivers[peer];
    if (parcel->to_count != 1 || receiver->leaving || ring_first(&receiver->ring) != NULL ||
        address(post, peer) != 0)
        return false;
    for (uint32_t i = 0; i < parcel->frame_count; i++)
        receiver->out_bytes += send_frame(post, out, &out->frames[parcel->frame_first + i], in,
                                          ZMQ_DONTWAIT | (i + 1 < parcel->frame_count ? ZMQ_SNDMORE : 0));
    peers_at(&post->router->peers, peer)->out++;
    return true;
}

int post_send(struct post *post, const struct router_out *out, zmq_msg_t *in)
{
    static zmq_msg_t frames[ROUTER_FRAMES];
    int result = 0;
    for (uint32_t p = 0; p < out->parcel_count; p++) {
        const struct router_parcel *parcel = &out->parcels[p];
        if (parcel->to_count == 0 || send_straight(post, out, parcel, in))
            continue;
        for (uint32_t i = 0; i < parcel->frame_count; i++) {
            const struct router_frame *from = &out->frames[parcel->frame_first + i];
            if (from->in < 0)
                make_text(&frames[i], out, from);
            else
                share(&frames[i], &in[from->in]);
        }
        for (uint32_t i = 0; i < parcel->to_count; i++) {
            bool last = i + 1 == parcel->to_count;
            int failed = deliver(post, parcel, out->to[parcel->to_first + i], frames, last);
            if (failed != 0 && parcel->policy == ROUTER_FORWARD)
                result = failed;
        }
        for (uint32_t i = 0; i < parcel->frame_count; i++)
            zmq_msg_close(&frames[i]);
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
        int failed = before == 0 || receiver->leaving ? 0 : flush_peer(post, peer);
        sent = sent || receiver->ring.count != before;
        if (failed == EHOSTUNREACH)
            post_leave(post, peer);
        if (failed == EAGAIN)
            post->backlog[kept++] = peer;
        else
            receiver->backlogged = false;
    }
    post->backlog_count = kept;
    return sent;
}
