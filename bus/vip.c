/* The vip door: receives messages, checks whose connection they come on, asks the core, sends what follows.
 */
#include "bus/vip.h"
#include "bus/client/log.h"
#include "bus/durable_service.h"
#include "bus/plain.h"
#include "bus/refusal.h"
#include "bus/stats.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>

/* A peer that was not heard for so long is pinged, which finds out whether it can be reached. */
#define UNHEARD_MS 15000
/* Pause between two checks of all peers. */
#define CHECK_MS 5000
/* How long a connection that was turned away stays open, to hear why. */
#define DOOMED_MS 100

static void send_out(struct broker *b, zmq_msg_t *frames, const struct router_in *in)
{
    int failed = post_send(b->post, b->out, frames);
    if (failed == 0)
        return;
    router_undelivered(b->router, in, failed, b->out);
    (void)post_send(b->post, b->out, frames);
}

static int fd_of(zmq_msg_t *frame)
{
    const char *text = zmq_msg_gets(frame, "__fd");
    return text == NULL ? -1 : (int)strtol(text, NULL, 10);
}

static void cut(int fd)
{
    if (fd >= 0)
        (void)shutdown(fd, SHUT_RDWR);
}

/* Receives one message into frames[BB_FRAMES_MAX]: the number of frames; 0: nothing there; −1: too many,
 * skipped. */
static int receive(void *socket, zmq_msg_t *frames)
{
    int count = 0;
    bool more = true;
    bool fits = true;
    while (more) {
        zmq_msg_t *frame = &frames[count];
        zmq_msg_init(frame);
        if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(frame);
            break;
        }
        more = zmq_msg_more(frame) != 0;
        if (count + 1 < BB_FRAMES_MAX)
            count++;
        else if (more) {
            fits = false;
            zmq_msg_close(frame);
        } else
            count++;
    }
    if (fits)
        return count;
    for (int i = 0; i < count; i++)
        zmq_msg_close(&frames[i]);
    return -1;
}

/* Says to the connection of a message why it may not have its identity, and shuts it a little later, so that
 * it can hear that. Nothing else was done for it. */
static void turn_away(struct broker *b, const struct router_in *in, zmq_msg_t *frames)
{
    static const char WHY[] = "this identity is not granted to the key of this connection";
    const struct bytes none = {NULL, 0};
    const struct bytes reply[] = {in->frames[0],
                                  none,
                                  bytes_of("VIP1"),
                                  none,
                                  in->count > 4 ? in->frames[4] : none,
                                  bytes_of("error"),
                                  bytes_of("-32001"),
                                  bytes_of(WHY),
                                  in->frames[1],
                                  in->count > 5 ? in->frames[5] : none};
    size_t count = sizeof reply / sizeof *reply;
    b->post->tries++;
    int fd = fd_of(&frames[0]);
    for (size_t i = 0; i < count; i++)
        if (zmq_send(b->vip.socket, reply[i].data, reply[i].size,
                     ZMQ_DONTWAIT | (i + 1 < count ? ZMQ_SNDMORE : 0)) < 0)
            break;
    for (uint32_t i = 0; i < b->doomed_count; i++)
        if (b->doomed[i].fd == fd && b->doomed[i].generation == conns_generation(b->conns, fd))
            return;
    if (b->doomed_count == DOOMED_MAX)
        cut(fd);
    else
        b->doomed[b->doomed_count++] =
            (struct doomed){fd, conns_generation(b->conns, fd), b->now_ms + DOOMED_MS};
}

/* Shuts the connections whose time has come. */
static void cut_doomed(struct broker *b)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->doomed_count; i++) {
        struct doomed doomed = b->doomed[i];
        bool same = conns_generation(b->conns, doomed.fd) == doomed.generation;
        if (same && doomed.due_ms > b->now_ms)
            b->doomed[kept++] = doomed;
        else if (same)
            cut(doomed.fd);
    }
    b->doomed_count = kept;
}

/* What identifies a connection as long as it lives: where libzmq keeps one of its properties. */
static const char *connection_of(const struct broker *b, zmq_msg_t *frame)
{
    return zmq_msg_gets(frame, b->secure ? "User-Id" : "__fd");
}

/* A message on a connection that this peer did not use before: binds the two. False when it was shut. */
static void bind_connection(struct broker *b, const struct router_in *in, zmq_msg_t *frames,
                            const char *connection)
{
    uint32_t peer = peers_find(&b->router->peers, in->frames[0]);
    int fd = fd_of(&frames[0]);
    if (peer == 0)
        return;
    struct receiver *receiver = &b->post->receivers[peer];
    receiver->fd = fd;
    receiver->connection = connection;
    receiver->leaving = false;
    guard_heard(&b->guard, in->entry);
    snprintf(receiver->user, sizeof receiver->user, "%s", b->secure ? connection : "");
    snprintf(receiver->address, sizeof receiver->address, "%s", refusal_address(&frames[0]));
    if (!conns_prove(b->conns, fd, peer))
        post_leave(b->post, peer);
}

static void answer_query(struct broker *b, const struct router_in *in)
{
    router_answer(b->router, in, stats_answer(b, in->entry, b->out->query), b->out);
}

static void forget_dropped(struct broker *b)
{
    uint32_t peer = b->out->dropped;
    if (peer == 0)
        return;
    post_forget(b->post, peer);
    hosted_left(b->hosted, peer);
}

/* Routes one message of a connection that may have the identity, or finds that it may not. */
static void route(struct broker *b, zmq_msg_t *frames, const struct router_in *in, const char *connection,
                  bool fresh)
{
    enum router_verdict verdict = router_receive(b->router, in, b->out);
    switch (verdict) {
    case ROUTER_QUERY:
        answer_query(b, in);
        break;
    case ROUTER_NOT_GRANTED:
        refusal_note_out(b, b->secure ? connection : NULL, &frames[0]);
        turn_away(b, in, frames);
        return;
    case ROUTER_HOLD:
    case ROUTER_LOCAL:
    case ROUTER_MALFORMED:
    case ROUTER_DONE:
        break;
    }
    if (fresh)
        bind_connection(b, in, frames, connection);
    if (b->out->refusal_count > 0)
        refusal_note_out(b, b->secure ? connection : NULL, &frames[0]);
    send_out(b, frames, in);
    if (b->out->published)
        plain_published(b);
    forget_dropped(b);
    if (verdict == ROUTER_HOLD)
        durable_hold(b->durable, frames, in);
    if (verdict == ROUTER_LOCAL)
        hosted_receive(b->hosted, b->out->local, in);
}

static void take(struct broker *b, zmq_msg_t *frames, int count)
{
    struct bytes spans[BB_FRAMES_MAX];
    struct router_in in = {spans, (size_t)count, ACCESS_OPEN, b->now_ms, false};
    for (int i = 0; i < count; i++)
        spans[i] = (struct bytes){zmq_msg_data(&frames[i]), zmq_msg_size(&frames[i])};
    const char *connection = connection_of(b, &frames[0]);
    uint32_t peer = peers_find(&b->router->peers, spans[0]);
    const struct receiver *receiver = peer == 0 ? NULL : &b->post->receivers[peer];
    bool fresh = receiver == NULL || receiver->connection != connection ||
                 (b->secure && strcmp(receiver->user, connection) != 0);
    if (b->secure && connection == NULL)
        return;
    if (!fresh) {
        in.entry = peers_at(&b->router->peers, peer)->entry;
    } else {
        /* What the monitor knows about this connection was said before its first message. */
        vip_watch(b);
        if (b->secure && access_find(b->access, bytes_of(connection), &in.entry) != BB_OK) {
            cut(fd_of(&frames[0]));
            return;
        }
    }
    route(b, frames, &in, connection, fresh);
}

int vip_serve(struct broker *b)
{
    zmq_msg_t frames[BB_FRAMES_MAX];
    int taken = 0;
    for (; taken < BURST; taken++) {
        int count = receive(b->vip.socket, frames);
        if (count == 0) {
            b->looked = b->post->tries;
            break;
        }
        if (count < 0) {
            b->router->counts.malformed++;
            continue;
        }
        take(b, frames, count);
        for (int i = 0; i < count; i++)
            zmq_msg_close(&frames[i]);
    }
    return taken;
}

static void watch_door(struct broker *b, struct door *door)
{
    int fd;
    for (int event = door_event(door, &fd); event != 0; event = door_event(door, &fd)) {
        if (event > 0) {
            conns_opened(b->conns, fd, door->kind, b->now_ms);
            continue;
        }
        uint32_t peer = conns_closed(b->conns, fd);
        if (peer != 0 && b->post->receivers[peer].fd == fd)
            post_leave(b->post, peer);
    }
}

void vip_watch(struct broker *b)
{
    watch_door(b, &b->vip);
    watch_door(b, &b->sub);
    watch_door(b, &b->pub);
}

static bool drop_leaving(struct broker *b)
{
    bool sent = false;
    for (uint32_t peer = post_next_leaving(b->post); peer != 0; peer = post_next_leaving(b->post)) {
        router_drop(b->router, peer, b->out);
        post_forget(b->post, peer);
        (void)post_send(b->post, b->out, NULL);
        hosted_left(b->hosted, peer);
        sent = true;
    }
    return sent;
}

static void ping(struct broker *b, uint32_t peer)
{
    router_ping(b->router, peer, b->out);
    (void)post_send(b->post, b->out, NULL);
}

static bool ping_unheard(struct broker *b)
{
    bool sent = false;
    b->checked_ms = b->now_ms;
    b->refusals_logged = 0;
    for (uint32_t at = peers_next(&b->router->peers, 0); at != 0; at = peers_next(&b->router->peers, at)) {
        struct receiver *receiver = &b->post->receivers[at];
        int64_t heard = peers_at(&b->router->peers, at)->heard_ms;
        if (b->now_ms - heard < UNHEARD_MS || b->now_ms - receiver->pinged_ms < UNHEARD_MS)
            continue;
        receiver->pinged_ms = b->now_ms;
        ping(b, at);
        sent = true;
    }
    return sent;
}

static void cut_unproven(struct broker *b)
{
    uint32_t at = 0;
    for (int fd = conns_unproven(b->conns, &at); fd >= 0; fd = conns_unproven(b->conns, &at))
        cut(fd);
}

bool vip_tidy(struct broker *b)
{
    bool sent = drop_leaving(b);
    if (b->doomed_count > 0)
        cut_doomed(b);
    for (int fd = conns_overdue(b->conns, b->now_ms); fd >= 0; fd = conns_overdue(b->conns, b->now_ms)) {
        cut(fd);
        if (guard_silence(&b->guard, b->now_ms))
            cut_unproven(b);
    }
    if (guard_turn_over(&b->guard, b->now_ms)) {
        log_warning(
            "key-barred", LOG_TEXT("key", b->access->entries[b->guard.holder].key),
            LOG_TEXT("reason", "it connects and stays silent, which keeps other agents' identities busy"));
        cut_unproven(b);
    }
    if (b->now_ms - b->checked_ms >= CHECK_MS) {
        sent = ping_unheard(b) || sent;
        sent = drop_leaving(b) || sent;
    }
    return sent;
}

uint32_t vip_rebind(struct broker *b)
{
    uint32_t shut = 0;
    for (uint32_t at = peers_next(&b->router->peers, 0); at != 0; at = peers_next(&b->router->peers, at)) {
        struct receiver *receiver = &b->post->receivers[at];
        uint32_t entry;
        if (access_find(b->access, bytes_of(receiver->user), &entry) == BB_OK &&
            router_rebind(b->router, at, entry))
            continue;
        cut(receiver->fd);
        post_leave(b->post, at);
        shut++;
    }
    /* At once: what such a peer has sent already must not be judged by an entry that means another key now.
     */
    (void)drop_leaving(b);
    return shut;
}
