#include "node-fw/dispatch/neighbours.h"

#include "node-fw/dispatch/method.h"

/* An answer waits a little for company; it must be there before the sender loses patience (150 ms). */
#define ANSWER_MS 60
/* Where a neighbour hears many, answers wait longer: 20 ms for each, about a broadcast's time on a wire. */
#define ANSWER_MS_PER_EAR 20
#define ANSWER_MS_MOST    600

/* a is newer than b, in serial-number arithmetic (RFC 1982). */
static bool newer16(uint16_t a, uint16_t b)
{
    return (int16_t)(uint16_t)(a - b) > 0;
}

bool neighbours_valid(uint16_t own, const uint16_t *ids, size_t count)
{
    if (count > BB_NEIGHBOURS_MAX)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == 0 || ids[i] == own)
            return false;
        for (size_t k = 0; k < i; k++) {
            if (ids[k] == ids[i])
                return false;
        }
    }
    return true;
}

static struct dispatch_neighbour unheard(uint16_t id, int64_t awaited_until)
{
    return (struct dispatch_neighbour){.id = id, .differs_since = INT64_MAX, .awaited_until = awaited_until};
}

void neighbours_set(struct dispatch *d, const uint16_t *ids, size_t count,
                    uint8_t moved_to[BB_NEIGHBOURS_MAX])
{
    struct dispatch_neighbour next[BB_NEIGHBOURS_MAX];
    for (size_t old = 0; old < BB_NEIGHBOURS_MAX; old++)
        moved_to[old] = BB_NEIGHBOURS_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t old = neighbours_find(d, ids[i]);
        next[i] =
            old < d->neighbour_count ? d->neighbours[old] : unheard(ids[i], d->now + dispatch_expiry(d));
        if (old < d->neighbour_count)
            moved_to[old] = (uint8_t)i;
    }
    for (size_t i = 0; i < count; i++)
        d->neighbours[i] = next[i];
    d->neighbour_count = count;
    d->acknowledge_turn = 0;
}

size_t neighbours_find(const struct dispatch *d, uint16_t id)
{
    size_t i = 0;
    while (i < d->neighbour_count && d->neighbours[i].id != id)
        i++;
    return i;
}

bool neighbours_live(const struct dispatch_neighbour *n)
{
    return n->heard && !n->gone;
}

bool neighbours_silent(const struct dispatch *d, size_t i)
{
    const struct dispatch_neighbour *n = &d->neighbours[i];
    return n->gone || (!n->heard && d->now >= n->awaited_until);
}

uint64_t neighbours_mask(const struct dispatch *d)
{
    uint64_t mask = 0;
    for (size_t i = 0; i < d->neighbour_count; i++)
        mask |= (uint64_t)neighbours_live(&d->neighbours[i]) << i;
    return mask;
}

size_t neighbours_count_live(const struct dispatch *d)
{
    size_t count = 0;
    for (size_t i = 0; i < d->neighbour_count; i++)
        count += neighbours_live(&d->neighbours[i]);
    return count;
}

/* Where a broadcast of the same life stands among those heard. */
static enum hearing place(struct dispatch_neighbour *n, uint32_t sequence)
{
    int32_t ahead = (int32_t)(sequence - n->sequence);
    if (ahead > 0) {
        n->taken = ahead < 8 ? (uint8_t)(n->taken << ahead) : 0;
        n->sequence = sequence;
        return HEARD_NEW;
    }
    if (ahead <= -64)
        return HEARD_OUTDATED;
    return ahead <= -8 || (n->taken >> -ahead & 1) != 0 ? HEARD_REPEATED : HEARD_LATE;
}

static void show(struct dispatch_neighbour *n, const struct broadcast *b, bool first)
{
    if (first || n->digest != b->digest)
        n->depth = b->depth;
    n->digest = b->digest;
    n->degree = b->degree;
    uint16_t complete = b->more ? (uint16_t)(b->exchange - 1) : b->exchange;
    if (first || newer16(complete, n->exchange))
        n->exchange = complete;
}

enum hearing neighbours_hear(struct dispatch *d, size_t i, const struct broadcast *b, bool *fresh_out)
{
    struct dispatch_neighbour *n = &d->neighbours[i];
    bool fresh = !n->heard || newer16(b->incarnation, n->incarnation);
    *fresh_out = fresh;
    if (!fresh && b->incarnation != n->incarnation)
        return HEARD_OUTDATED;
    enum hearing hearing = HEARD_NEW;
    if (fresh) {
        n->heard = true;
        n->gone = false;
        n->incarnation = b->incarnation;
        n->sequence = b->sequence;
        n->taken = 0;
        n->knows = false;
        n->showings = 0;
    } else {
        hearing = place(n, b->sequence);
    }
    if (hearing == HEARD_NEW) {
        show(n, b, fresh);
        n->heard_at = d->now;
    }
    return hearing;
}

void neighbours_took(struct dispatch *d, size_t i, const struct broadcast *b, bool whole)
{
    struct dispatch_neighbour *n = &d->neighbours[i];
    uint32_t back = n->sequence - b->sequence;
    if (whole && back < 8)
        n->taken |= (uint8_t)(1u << back);
    if (b->answer && !n->owed) {
        n->owed = true;
        n->owed_since = d->now;
    }
}

void neighbours_silence(struct dispatch *d, size_t i)
{
    d->neighbours[i] = unheard(d->neighbours[i].id, d->now);
}

size_t neighbours_crowd(const struct dispatch *d)
{
    size_t crowd = 0;
    for (size_t i = 0; i < d->neighbour_count; i++) {
        const struct dispatch_neighbour *n = &d->neighbours[i];
        if (neighbours_live(n) && n->degree > crowd)
            crowd = n->degree;
    }
    return crowd;
}

int64_t neighbours_pause(const struct dispatch *d, int64_t least, int64_t each, int64_t most)
{
    int64_t pause = (int64_t)neighbours_crowd(d) * each;
    pause = pause > most ? most : pause;
    return pause > least ? pause : least;
}

int64_t neighbours_answer_at(const struct dispatch *d)
{
    int64_t pause = neighbours_pause(d, ANSWER_MS, ANSWER_MS_PER_EAR, ANSWER_MS_MOST);
    int64_t at = INT64_MAX;
    for (size_t i = 0; i < d->neighbour_count; i++) {
        const struct dispatch_neighbour *n = &d->neighbours[i];
        if (n->heard && n->owed && n->owed_since + pause < at)
            at = n->owed_since + pause;
    }
    return at;
}

uint8_t neighbours_answer(struct dispatch *d, struct writer *w, size_t most)
{
    uint8_t count = 0;
    uint64_t answered = 0;
    size_t last = d->acknowledge_turn;
    for (size_t k = 0; k < 2 * d->neighbour_count && count < most; k++) {
        size_t i = (d->acknowledge_turn + k) % d->neighbour_count;
        struct dispatch_neighbour *n = &d->neighbours[i];
        bool owed_round = k < d->neighbour_count;
        if (!n->heard || (answered >> i & 1) != 0 || (owed_round && !n->owed))
            continue;
        broadcast_write_ack(w, &(struct broadcast_ack){n->id, n->sequence & 0xffffff, n->taken});
        n->owed = false;
        answered |= UINT64_C(1) << i;
        last = i + 1;
        count++;
    }
    d->acknowledge_turn = d->neighbour_count > 0 ? last % d->neighbour_count : 0;
    return count;
}
