#include "bus/line.h"
#include "bus/lines.h"
#include "bus/zmtp/frame.h"

#include <busbar/check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A message beyond this size is sent at once: with CURVE each receiver has a copy of its own. */
#define FLUSH_BYTES (64 * 1024)
/* What is read behind a large message, together with it. */
#define SLACK (16 * 1024)

void line_watch(struct line *line)
{
    uint32_t events = line->blocked ? EPOLLOUT : 0;
    if (line->held == NULL && line->due_ms == 0)
        events |= EPOLLIN;
    else
        events |= EPOLLRDHUP;
    if (events == line->events || line->fd < 0)
        return;
    struct epoll_event event = {.events = events, .data.ptr = line};
    CHECK(epoll_ctl(line->lines->epoll, EPOLL_CTL_MOD, line->fd, &event) == 0);
    line->events = events;
}

static void free_input(struct line *line)
{
    if (line->input == NULL)
        return;
    line->lines->input_bytes -= line->input->capacity;
    free(line->input);
    line->input = NULL;
}

void line_close(struct line *line)
{
    struct lines *lines = line->lines;
    if (line->fd < 0)
        return;
    close(line->fd);
    line->fd = -1;
    zmtp_close(&line->zmtp);
    /* Whoever is at work on its last message still reads it: freed with the line. */
    if (line->input != NULL)
        lines->input_bytes -= line->input->capacity;
    free(line->held);
    line->held = NULL;
    outbox_clear(&line->outbox, &lines->pool);
    *(line->previous == NULL ? &lines->first : &line->previous->next) = line->next;
    *(line->next == NULL ? &lines->last : &line->next->previous) = line->previous;
    lines->count--;
    lines->doomed -= line->due_ms != 0;
    lines->owner.closed(lines->owner.context, line);
    line->next = lines->dead;
    lines->dead = line;
}

void line_doom(struct line *line, int64_t due_ms)
{
    if (line->fd < 0 || line->due_ms != 0)
        return;
    line->due_ms = due_ms;
    line->lines->doomed++;
    line_watch(line);
}

/* -- sending -------------------------------------------------------------------------------------------- */

void line_flush(struct line *line)
{
    if (line->fd < 0)
        return;
    enum status status = outbox_write(&line->outbox, &line->lines->pool, line->fd);
    if (status == BB_CLOSED) {
        line_close(line);
        return;
    }
    if (line->blocked != (status == BB_FULL)) {
        line->blocked = status == BB_FULL;
        line_watch(line);
    }
}

bool line_ready(struct line *line)
{
    if (line->fd < 0)
        return false;
    if (!line->blocked && !outbox_has_room(&line->outbox, &line->lines->pool))
        line_flush(line);
    return line->fd >= 0 && outbox_has_room(&line->outbox, &line->lines->pool);
}

static void put_bytes(struct line *line, const uint8_t *data, size_t size, uint32_t messages)
{
    struct outbox_pool *pool = &line->lines->pool;
    memcpy(outbox_reserve(&line->outbox, pool, size), data, size);
    outbox_add(&line->outbox, pool, size, messages);
}

static void put_sealed(struct line *line, const struct packet *packet)
{
    struct outbox_pool *pool = &line->lines->pool;
    size_t at = 0;
    while (at < packet->wire) {
        struct zmtp_header header;
        at += zmtp_header_read(packet->data + at, packet->wire - at, &header);
        const struct bytes body = {packet->data + at, (size_t)header.body};
        at += body.size;
        uint8_t *to = outbox_reserve(&line->outbox, pool, zmtp_curve_sealed(body.size));
        size_t size = zmtp_curve_seal(&line->zmtp.curve, header.flags & ZMTP_MORE, body, to);
        outbox_add(&line->outbox, pool, size, at == packet->wire);
    }
}

void line_put(struct line *line, struct packet *packet)
{
    if (line->zmtp.state != ZMTP_OPEN)
        return;
    if (line->zmtp.server != NULL)
        put_sealed(line, packet);
    else if (packet->wire <= OUTBOX_COPY_MAX)
        put_bytes(line, packet->data, packet->wire, 1);
    else
        outbox_refer(&line->outbox, &line->lines->pool, packet);
    if (packet->wire > FLUSH_BYTES && !line->blocked)
        line_flush(line);
    else
        lines_dirty(line->lines, line, packet->wire);
}

/* Bytes of the session itself. A peer that asks for more of them than it reads gets none. */
static void put_reply(struct line *line, struct zmtp_step *step)
{
    if (step->reply_size == 0 || !line_ready(line))
        return;
    put_bytes(line, step->reply, step->reply_size, 0);
    lines_dirty(line->lines, line, step->reply_size);
    step->reply_size = 0;
}

bool line_ping(struct line *line)
{
    struct zmtp_step step;
    if (line->zmtp.state != ZMTP_OPEN || line->zmtp.minor == 0)
        return false;
    if (line_ready(line)) {
        zmtp_ping(&line->zmtp, &step);
        put_reply(line, &step);
    }
    return true;
}

/* -- receiving ------------------------------------------------------------------------------------------ */

/* Who it is is known: the owner says whether it may come in. */
static void ask(struct line *line, struct zmtp_step *step)
{
    struct lines *lines = line->lines;
    line->identity_size = (uint8_t)step->identity.size;
    if (step->identity.size > 0)
        memcpy(line->identity, step->identity.data, step->identity.size);
    if (line->identity_size == 0) {
        /* As a ROUTER of libzmq names who brings no routing id: a zero and a number. */
        uint64_t id = ++lines->ids;
        line->identity_size = 5;
        for (size_t i = 4; i > 0; i--, id >>= 8)
            line->identity[i] = (uint8_t)id;
        line->identity[0] = 0;
    }
    if (lines->owner.asked(lines->owner.context, line, step->key)) {
        zmtp_admit(&line->zmtp, step);
        put_reply(line, step);
        return;
    }
    zmtp_refuse(&line->zmtp, "400", step);
    put_reply(line, step);
    line_doom(line, lines->now_ms + LINE_DOOMED_MS);
}

static void deliver(struct line *line, const uint8_t *data, const struct zmtp_parts *parts)
{
    struct bytes frames[BB_FRAMES_MAX] = {{line->identity, line->identity_size}};
    const struct lines_owner *owner = &line->lines->owner;
    if (parts->count >= BB_FRAMES_MAX) {
        owner->excess(owner->context, line);
        return;
    }
    for (uint32_t i = 0; i < parts->count; i++)
        frames[i + 1] = (struct bytes){data + parts->frames[i].at, parts->frames[i].size};
    owner->message(owner->context, line, frames, parts->count + 1);
}

static void refuse(struct line *line)
{
    const struct lines_owner *owner = &line->lines->owner;
    if (line->due_ms == 0) {
        owner->refused(owner->context, line, zmtp_reason_text(line->zmtp.why));
        line_close(line);
    }
}

/* Takes whole messages from data; the number of bytes that were used. *want_out: what the next one takes from
 * there on. Ends early when the line is closed or holds a message back. */
static size_t take(struct line *line, uint8_t *data, size_t size, struct zmtp_parts *parts, size_t *want_out)
{
    size_t used = 0;
    struct zmtp_step step;
    const struct lines_owner *owner = &line->lines->owner;
    *want_out = 0;
    while (line->fd >= 0 && line->held == NULL && line->due_ms == 0) {
        enum zmtp_event event = zmtp_next(&line->zmtp, data + used, size - used, parts, &step);
        if (event == ZMTP_MESSAGE) {
            deliver(line, data + used + step.from, parts);
            parts->count = 0;
            parts->scanned = 0;
        }
        if (event == ZMTP_EXCESS)
            owner->excess(owner->context, line);
        if (event == ZMTP_ASK)
            ask(line, &step);
        used += step.used;
        if (event == ZMTP_REPLY || event == ZMTP_MESSAGE)
            put_reply(line, &step);
        if (event == ZMTP_REFUSED)
            refuse(line);
        if (event == ZMTP_NEED) {
            *want_out = step.want;
            break;
        }
    }
    return used;
}

/* Keeps what is left for later: `left` bytes at `from`, which may lie in the present input. `want` bytes are
 * needed in all; room for them comes as they come. */
static void keep(struct line *line, const uint8_t *from, size_t left, size_t want,
                 const struct zmtp_parts *parts)
{
    struct line_input *now = line->input;
    if (left == 0 && parts->count == 0) {
        free_input(line);
        return;
    }
    size_t needed = left;
    if (want > LINES_BUFFER) {
        needed = 2 * left > LINES_BUFFER ? 2 * left : LINES_BUFFER;
        needed = needed < want ? needed : want;
    }
    if (now != NULL && now->capacity >= needed && now->capacity <= 2 * needed + SLACK) {
        memmove(now->data, from, left);
        now->size = left;
        if (parts != &now->parts)
            now->parts = *parts;
        return;
    }
    size_t capacity = want > LINES_BUFFER ? needed + SLACK : needed;
    struct line_input *fresh = malloc(sizeof *fresh + capacity);
    CHECK(fresh != NULL);
    *fresh = (struct line_input){.size = left, .capacity = capacity, .parts = *parts};
    memcpy(fresh->data, from, left);
    free_input(line);
    line->input = fresh;
    line->lines->input_bytes += capacity;
    lines_shed(line->lines);
}

/* Takes `size` bytes at `data`: the shared buffer or the line's input. */
static void run(struct line *line, uint8_t *data, size_t size, struct zmtp_parts *parts)
{
    size_t want;
    size_t used = take(line, data, size, parts, &want);
    if (line->fd < 0)
        return;
    if (line->due_ms != 0)
        free_input(line);
    else
        keep(line, data + used, size - used, want, parts);
}

static ssize_t receive(struct line *line, uint8_t *to, size_t room)
{
    ssize_t got = recv(line->fd, to, room, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return -1;
    if (got <= 0) {
        line_close(line);
        return -1;
    }
    line->heard_ms = line->lines->now_ms;
    line->reads++;
    return got;
}

void line_read(struct line *line)
{
    struct lines *lines = line->lines;
    struct line_input *input = line->input;
    if (input != NULL && input->capacity > input->size && input->capacity >= LINES_BUFFER) {
        /* A large message is read to where it stays. */
        ssize_t got = receive(line, input->data + input->size, input->capacity - input->size);
        if (got < 0)
            return;
        input->size += (size_t)got;
        run(line, input->data, input->size, &input->parts);
        return;
    }
    size_t before = input == NULL ? 0 : input->size;
    CHECK(before < LINES_BUFFER);
    if (before > 0)
        memcpy(lines->buffer, input->data, before);
    lines->parts.count = 0;
    lines->parts.scanned = 0;
    ssize_t got = receive(line, lines->buffer + before, LINES_BUFFER - before);
    if (got >= 0)
        run(line, lines->buffer, before + (size_t)got, input == NULL ? &lines->parts : &input->parts);
}

void line_hold(struct line *line, const struct bytes *frames, size_t count)
{
    size_t size = 0;
    for (size_t i = 0; i < count; i++)
        size += frames[i].size;
    CHECK(line->held == NULL);
    struct line_held *held = malloc(sizeof *held + count * sizeof *held->frames + size);
    CHECK(held != NULL);
    held->count = count;
    uint8_t *to = (uint8_t *)(held->frames + count);
    for (size_t i = 0; i < count; i++) {
        if (frames[i].size > 0)
            memcpy(to, frames[i].data, frames[i].size);
        held->frames[i] = (struct bytes){to, frames[i].size};
        to += frames[i].size;
    }
    line->held = held;
    line_watch(line);
}

void line_resume(struct line *line)
{
    struct line_held *held = line->held;
    const struct lines_owner *owner = &line->lines->owner;
    CHECK(held != NULL);
    line->held = NULL;
    owner->message(owner->context, line, held->frames, held->count);
    free(held);
    if (line->fd >= 0 && line->held == NULL && line->input != NULL)
        run(line, line->input->data, line->input->size, &line->input->parts);
    line_watch(line);
}
