#include "agents/uart/transfer.h"

#include "agents/uart/version.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A board that again and again has less than it acknowledged does not keep what it takes. */
#define BACKWARD_MAX 64
/* What the board tells unasked may be older than the pieces that it has acknowledged since: those that its
 * supervisor had not taken yet. Only more than that, or silence, makes it worth a question. */
#define SLACK    (8 * TRANSFER_PIECE)
#define QUIET_MS 1000
#define CHECK_MS 300

__attribute__((format(printf, 3, 4))) static void end(struct transfer *t, enum transfer_phase phase,
                                                      const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(t->text, sizeof t->text, format, values);
    va_end(values);
    t->phase = phase;
}

void transfer_start(struct transfer *t, uint32_t total, uint32_t crc32, uint32_t session, int64_t patience_ms,
                    struct mono now)
{
    *t = (struct transfer){.phase = TRANSFER_SENDING,
                           .total = total,
                           .crc32 = crc32,
                           .patience_ms = patience_ms,
                           .up = true,
                           .session = session,
                           .session_before = session,
                           .moved = now,
                           .asked = {now.ms - TRANSFER_ASK_MS}};
}

bool transfer_active(const struct transfer *t)
{
    return t->phase == TRANSFER_SENDING || t->phase == TRANSFER_RESTARTING;
}

void transfer_up(struct transfer *t, uint32_t session, struct mono now)
{
    if (!transfer_active(t))
        return;
    t->up = true;
    t->placed = false;
    t->session = session;
    t->moved = now;
    t->asked = (struct mono){now.ms - TRANSFER_ASK_MS};
}

void transfer_down(struct transfer *t)
{
    t->up = t->placed = false;
}

static uint32_t version_running(const struct link_slots *s)
{
    return s->running == 1 ? s->version_a : s->running == 2 ? s->version_b : s->version_builtin;
}

static bool is_same_image(const struct transfer *t, const struct link_slots *s)
{
    return s->total == t->total && s->crc32 == t->crc32;
}

/* All pieces were taken: what has the board made of them? */
static void judge(struct transfer *t, const struct link_slots *s)
{
    char now[VERSION_TEXT], before[VERSION_TEXT], tried[VERSION_TEXT];
    bool other = s->running != t->running_before, restarted = t->session != t->full_session;
    version_text(version_running(s), now);
    version_text(t->version_before, before);
    if (other && s->state == LINK_IMAGE_ON_TRIAL) {
        t->version_tried = version_running(s);
        snprintf(t->text, sizeof t->text, "has %s on trial", now);
    } else if (other && s->state == LINK_IMAGE_CONFIRMED) {
        end(t, TRANSFER_DONE, "runs %s from %s, confirmed; it ran %s before", now, version_slot(s->running),
            before);
    } else if (restarted && t->version_tried != 0) {
        end(t, TRANSFER_ROLLED_BACK, "the board gave up %s and runs %s from %s again",
            version_text(t->version_tried, tried), now, version_slot(s->running));
    } else if (restarted) {
        end(t, TRANSFER_ROLLED_BACK, "the new image did not come up; the board runs %s from %s again", now,
            version_slot(s->running));
    }
}

/* The board has the whole image. */
static void fill(struct transfer *t, struct mono now)
{
    if (t->phase == TRANSFER_RESTARTING)
        return;
    t->phase = TRANSFER_RESTARTING;
    t->offset = t->total;
    t->full_session = t->session;
    t->moved = now;
    snprintf(t->text, sizeof t->text, "has all of it and restarts");
}

static void place(struct transfer *t, const struct link_slots *s, struct mono now)
{
    uint32_t received = is_same_image(t, s) && s->received <= t->total ? s->received : 0;
    bool behind = received < t->offset;
    if (!t->placed)
        t->backward += behind;
    if (!t->placed || !behind) {
        t->offset = received;
        t->placed = true;
        t->furthest = received > t->furthest ? received : t->furthest;
    } else if (t->offset - received > SLACK || mono_since(now, t->moved) >= QUIET_MS) {
        t->placed = false;
        t->asked = (struct mono){now.ms - TRANSFER_ASK_MS + CHECK_MS};
    }
}

/* True when the board has been at the image already: what it runs from has changed, or it has come back from
 * a trial, and its word that it had all of it was lost. */
static bool has_tried(const struct transfer *t, const struct link_slots *s)
{
    bool back = t->session != t->session_before && s->cause == LINK_CAUSE_ROLLBACK;
    return t->furthest == t->total && (s->running != t->running_before || back);
}

static void take_sending(struct transfer *t, const struct link_slots *s, struct mono now)
{
    if (has_tried(t, s)) {
        fill(t, now);
        t->full_session = t->session_before;
    } else if (is_same_image(t, s) && s->received == t->total) {
        fill(t, now);
    } else if (s->state == LINK_IMAGE_ON_TRIAL) {
        t->placed = false; /* of an image before this one: it takes none until that is decided */
        t->asked = now;
    } else {
        place(t, s, now);
    }
}

void transfer_slots(struct transfer *t, const struct link_slots *s, struct mono now)
{
    if (!transfer_active(t))
        return;
    /* Until all is sent, what it runs is what it ran before, also when it has fallen back meanwhile. */
    if (!t->knows_before || t->furthest < t->total) {
        t->knows_before = true;
        t->running_before = s->running;
        t->version_before = version_running(s);
    }
    if (t->phase == TRANSFER_SENDING)
        take_sending(t, s, now);
    if (t->phase == TRANSFER_RESTARTING)
        judge(t, s);
}

void transfer_refuse(struct transfer *t, const char *sentence)
{
    if (transfer_active(t))
        end(t, TRANSFER_REFUSED, "%s", sentence);
}

static bool give_up(struct transfer *t, struct mono now)
{
    long seconds = (long)(t->patience_ms / 1000);
    if (t->backward > BACKWARD_MAX)
        end(t, TRANSFER_FAILED, "given up: the board does not keep what it takes");
    else if (mono_since(now, t->moved) < t->patience_ms)
        return false;
    else if (!t->up)
        end(t, TRANSFER_FAILED, "given up: the board was silent for %ld s", seconds);
    else if (t->phase == TRANSFER_RESTARTING)
        end(t, TRANSFER_FAILED,
            "given up: the board has the image and did not say within %ld s what came of it", seconds);
    else
        end(t, TRANSFER_FAILED, "given up: the board took nothing for %ld s", seconds);
    return true;
}

enum transfer_step transfer_next(struct transfer *t, unsigned unacknowledged, struct mono now,
                                 uint32_t *size_out)
{
    if (!transfer_active(t) || give_up(t, now) || !t->up)
        return TRANSFER_WAIT;
    bool asks = !t->placed || t->offset == t->total;
    if (asks)
        return unacknowledged == 0 && mono_since(now, t->asked) >= TRANSFER_ASK_MS ? TRANSFER_ASK
                                                                                   : TRANSFER_WAIT;
    if (unacknowledged >= TRANSFER_WINDOW)
        return TRANSFER_WAIT;
    uint32_t left = t->total - t->offset;
    *size_out = left < TRANSFER_PIECE ? left : TRANSFER_PIECE;
    return TRANSFER_SEND;
}

void transfer_sent(struct transfer *t, uint32_t size, struct mono now)
{
    t->offset += size;
    if (t->offset > t->furthest) {
        t->furthest = t->offset;
        t->backward = 0;
    }
    t->moved = now;
    t->asked = now; /* when it is all sent, the board tells by itself */
}

void transfer_asked(struct transfer *t, struct mono now)
{
    t->asked = now;
}

int64_t transfer_due(const struct transfer *t)
{
    if (!transfer_active(t))
        return INT64_MAX;
    int64_t due = t->moved.ms + t->patience_ms;
    bool asks = t->up && (!t->placed || t->offset == t->total);
    int64_t ask = t->asked.ms + TRANSFER_ASK_MS;
    return asks && ask < due ? ask : due;
}

const char *transfer_word(enum transfer_phase phase)
{
    static const char *const words[] = {"",        "sending",     "restarting", "done",
                                        "refused", "rolled back", "given up"};
    return words[phase];
}
