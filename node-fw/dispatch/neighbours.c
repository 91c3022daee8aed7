#include "node-fw/dispatch/neighbours.h"

#include "node-fw/dispatch/method.h"

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

/* The most that any live neighbour hears: on its wire, that many boards take turns. */
static size_t crowd_of(const struct dispatch *d)
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
    int64_t pause = (int64_t)crowd_of(d) * each;
    pause = pause > most ? most : pause;
    return pause > least ? pause : least;
}
