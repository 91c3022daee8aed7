/* The vip door: takes messages from its connections, asks the core, sends what follows. A routing id belongs
 * to the connection that spoke under it first, as long as that is there. */
#include "bus/vip.h"
#include "bus/client/log.h"
#include "bus/durable_service.h"
#include "bus/plain.h"
#include "bus/refusal.h"
#include "bus/settings.h"
#include "bus/stats.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <zmq.h>

/* A peer that was not heard for so long is pinged, which finds out whether it can be reached. */
#define UNHEARD_MS 15000
/* Pause between two checks of all peers. */
#define CHECK_MS 5000
/* How long the holder of an identity has to give a sign of life when another connection wants it. */
#define RIVAL_MS 2000
/* And how long it must be there still: one that is about to close answers, too. */
#define RIVAL_LEAST_MS 200
/* The largest message that is held back meanwhile: an agent's first is its hello. */
#define RIVAL_BYTES_MAX (256 * 1024)
/* Lines in the log between two checks. */
#define LOGGED_MAX 10

static void send_out(struct broker *b, const struct router_in *in)
{
    int failed = post_send(b->post, b->out, in->frames);
    if (failed == 0)
        return;
    router_undelivered(b->router, in, failed, b->out);
    (void)post_send(b->post, b->out, in->frames);
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

/* Says to a connection why it may not have its identity, and closes it a little later. Nothing else was done
 * for it. */
static void turn_away(struct broker *b, struct line *line, const struct bytes *frames, size_t count,
                      const char *number, const char *why)
{
    const struct bytes none = {NULL, 0};
    const struct bytes reply[] = {none,
                                  bytes_of("VIP1"),
                                  none,
                                  count > 4 ? frames[4] : none,
                                  bytes_of("error"),
                                  bytes_of(number),
                                  bytes_of(why),
                                  count > 1 ? frames[1] : none,
                                  count > 5 ? frames[5] : none};
    post_say(b->post, line, reply, sizeof reply / sizeof *reply);
    line_doom(line, b->now_ms + LINE_DOOMED_MS);
}

/* -- two connections that want one identity ------------------------------------------------------------- */

static void turn_away_rival(struct broker *b, struct line *line, const struct bytes *frames, size_t count)
{
    turn_away(b, line, frames, count, "98", "another connection has this identity, and it answers");
}

/* Holds a message back that came under the identity of a live peer, and asks that peer for a sign of life. */
static void challenge(struct broker *b, struct line *line, const struct router_in *in, uint32_t peer)
{
    struct line *holder = b->post->receivers[peer].line;
    bool asked = false;
    size_t size = 0;
    for (size_t i = 0; i < in->count; i++)
        size += in->frames[i].size;
    if (b->rival_count == RIVALS_MAX || size > RIVAL_BYTES_MAX) {
        turn_away_rival(b, line, in->frames, in->count);
        return;
    }
    for (uint32_t i = 0; i < b->rival_count; i++)
        asked = asked || (b->rivals[i].holder == holder && b->rivals[i].reads == holder->reads);
    b->rivals[b->rival_count++] = (struct rival){line, holder, holder->reads, b->now_ms};
    line_hold(line, in->frames, in->count);
    if (!asked && !line_ping(holder))
        ping(b, peer);
}

/* Decides about one; false while the holder has time to answer. */
static bool settle(struct broker *b, const struct rival *rival)
{
    struct line *line = rival->line;
    uint32_t peer = peers_find(&b->router->peers, (struct bytes){line->identity, line->identity_size});
    struct line *holder = peer == 0 ? NULL : b->post->receivers[peer].line;
    bool answered = holder != NULL && (holder != rival->holder || holder->reads != rival->reads);
    if (holder != NULL && b->now_ms - rival->since_ms < (answered ? RIVAL_LEAST_MS : RIVAL_MS))
        return false;
    if (answered) {
        turn_away_rival(b, line, line->held->frames, line->held->count);
        return true;
    }
    if (holder != NULL) {
        log_info("identity-taken-over",
                 LOG_TEXT("reason", "the connection that had it gave no sign of life for two seconds"),
                 LOG_TEXT("address", holder->address));
        line_close(holder);
    }
    (void)drop_leaving(b);
    line_resume(line);
    return true;
}

static void settle_rivals(struct broker *b)
{
    for (uint32_t i = b->rival_count; i > 0; i--) {
        struct rival rival = b->rivals[i - 1];
        if (settle(b, &rival) && i <= b->rival_count && b->rivals[i - 1].line == rival.line)
            b->rivals[i - 1] = b->rivals[--b->rival_count];
    }
}

/* -- messages ------------------------------------------------------------------------------------------- */

/* The first message of a connection. False: it is not routed, now or at all. */
static bool enter(struct broker *b, struct line *line, struct router_in *in)
{
    const struct bytes identity = in->frames[0];
    if (b->secure && access_find(b->access, bytes_of(line->user), &in->entry) != BB_OK) {
        line_close(line);
        return false;
    }
    uint32_t peer = peers_find(&b->router->peers, identity);
    if (peer != 0 && b->post->receivers[peer].leaving) {
        (void)drop_leaving(b);
        peer = 0;
    }
    if (peer == 0 || !access_allows(b->access, in->entry, ACCESS_IDENTITY, identity))
        return true;
    challenge(b, line, in, peer);
    return false;
}

/* The first message of a connection was accepted: it and the peer belong together. */
static void bind_line(struct broker *b, struct line *line, struct bytes identity)
{
    uint32_t peer = peers_find(&b->router->peers, identity);
    if (peer == 0 || line->fd < 0)
        return;
    struct receiver *receiver = &b->post->receivers[peer];
    receiver->line = line;
    receiver->leaving = false;
    line->peer = peer;
    snprintf(receiver->user, sizeof receiver->user, "%s", line->user);
    snprintf(receiver->address, sizeof receiver->address, "%s", line->address);
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
static void route(struct broker *b, struct line *line, const struct router_in *in)
{
    const char *key = b->secure ? line->user : NULL;
    /* A message that is none joins nobody: a peer that was there before is somebody else's. */
    const bool fresh = line->peer == 0 && peers_find(&b->router->peers, in->frames[0]) == 0;
    enum router_verdict verdict = router_receive(b->router, in, b->out);
    switch (verdict) {
    case ROUTER_QUERY:
        answer_query(b, in);
        break;
    case ROUTER_NOT_GRANTED:
        refusal_note_out(b, key, line->address);
        turn_away(b, line, in->frames, in->count, "-32001",
                  "this identity is not granted to the key of this connection");
        return;
    case ROUTER_HOLD:
    case ROUTER_LOCAL:
    case ROUTER_MALFORMED:
    case ROUTER_DONE:
        break;
    }
    if (fresh)
        bind_line(b, line, in->frames[0]);
    if (b->out->refusal_count > 0)
        refusal_note_out(b, key, line->address);
    send_out(b, in);
    if (b->out->published)
        plain_published(b);
    forget_dropped(b);
    if (verdict == ROUTER_HOLD)
        durable_hold(b->durable, in);
    if (verdict == ROUTER_LOCAL)
        hosted_receive(b->hosted, b->out->local, in);
}

static void on_message(void *context, struct line *line, const struct bytes *frames, size_t count)
{
    struct broker *b = context;
    struct router_in in = {frames, count, ACCESS_OPEN, b->now_ms, false};
    if (line->peer != 0)
        in.entry = peers_at(&b->router->peers, line->peer)->entry;
    else if (!enter(b, line, &in))
        return;
    route(b, line, &in);
}

/* -- connections ---------------------------------------------------------------------------------------- */

static void on_excess(void *context, struct line *line)
{
    struct broker *b = context;
    (void)line;
    b->router->counts.malformed++;
}

/* A key asks to come in: who has no entry is refused before anything is kept for it. */
static bool on_asked(void *context, struct line *line, const uint8_t key[ZMTP_KEY])
{
    struct broker *b = context;
    char z85[KEY_Z85_SIZE];
    uint32_t entry;
    if (!b->secure)
        return true;
    CHECK(zmq_z85_encode(z85, key, ZMTP_KEY) != NULL && keys_to_base64(z85, line->user) == BB_OK);
    if (access_find(b->access, bytes_of(line->user), &entry) == BB_OK) {
        b->keys_accepted++;
        return true;
    }
    const struct pending_asked asked = {
        .key = line->user, .unknown = true, .address = line->address, .door = DOOR_VIP};
    b->keys_refused++;
    refusal_note(b, &asked);
    return false;
}

static void on_refused(void *context, struct line *line, const char *why)
{
    struct broker *b = context;
    if (b->refusals_logged++ < LOGGED_MAX)
        log_warning("connection-refused", LOG_TEXT("address", line->address), LOG_TEXT("door", "vip"),
                    LOG_TEXT("reason", why));
}

static void on_closed(void *context, struct line *line)
{
    struct broker *b = context;
    for (uint32_t i = b->rival_count; i > 0; i--)
        if (b->rivals[i - 1].line == line)
            b->rivals[i - 1] = b->rivals[--b->rival_count];
    if (line->peer == 0 || b->post->receivers[line->peer].line != line)
        return;
    b->post->receivers[line->peer].line = NULL;
    post_leave(b->post, line->peer);
}

enum status vip_open(struct broker *b, struct bb_reason *reason)
{
    const struct lines_owner owner = {b, on_asked, on_message, on_excess, on_closed, on_refused};
    const struct door_options options = {DOOR_VIP, &b->settings->vip, b->secure ? &b->keys : NULL,
                                         b->settings->home};
    if (b->secure) {
        uint8_t secret[ZMTP_KEY];
        if (!zmtp_curve_start() || zmq_z85_decode(secret, b->keys.secret_key) == NULL)
            return BB_IO;
        zmtp_curve_pair(secret, &b->pair);
        explicit_bzero(secret, sizeof secret);
    }
    enum status status = lines_open(b->lines, &b->settings->vip, b->secure ? &b->pair : NULL, &owner, reason);
    if (status == BB_OK)
        status = door_write_address(b->lines->listeners[0].endpoint, &options, reason);
    return status;
}

void vip_close(struct broker *b)
{
    if (b->lines->owner.context != NULL)
        door_remove_address(b->settings->home, DOOR_VIP);
    lines_close(b->lines);
    zmtp_curve_forget(&b->pair);
}

void vip_serve(struct broker *b)
{
    lines_serve(b->lines, b->now_ms);
    if (b->post->backlog_count > 0)
        (void)post_flush(b->post);
}

static void ping_unheard(struct broker *b)
{
    b->checked_ms = b->now_ms;
    b->refusals_logged = 0;
    for (uint32_t at = peers_next(&b->router->peers, 0); at != 0; at = peers_next(&b->router->peers, at)) {
        struct receiver *receiver = &b->post->receivers[at];
        int64_t heard = peers_at(&b->router->peers, at)->heard_ms;
        if (b->now_ms - heard < UNHEARD_MS || b->now_ms - receiver->pinged_ms < UNHEARD_MS)
            continue;
        receiver->pinged_ms = b->now_ms;
        ping(b, at);
    }
}

void vip_tidy(struct broker *b)
{
    (void)drop_leaving(b);
    if (b->rival_count > 0)
        settle_rivals(b);
    if (b->now_ms - b->checked_ms >= CHECK_MS)
        ping_unheard(b);
    lines_flush(b->lines);
    lines_tick(b->lines, b->now_ms);
}

/* Closes the connections that have not spoken and whose key has no entry any more. */
static void close_keyless(struct broker *b)
{
    uint32_t entry;
    for (struct line *line = b->lines->first, *next; line != NULL; line = next) {
        next = line->next;
        if (line->peer == 0 && line->user[0] != '\0' &&
            access_find(b->access, bytes_of(line->user), &entry) != BB_OK)
            line_close(line);
    }
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
        if (receiver->line != NULL)
            line_close(receiver->line);
        post_leave(b->post, at);
        shut++;
    }
    close_keyless(b);
    /* At once: what such a peer has sent already must not be judged by an entry that means another key now.
     */
    (void)drop_leaving(b);
    return shut;
}
