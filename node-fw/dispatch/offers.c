#include "node-fw/dispatch/offers.h"

#define GROUP_SIZE  33
#define MEMBER_SIZE 3

size_t offers_size(const struct broadcast *b)
{
    return (size_t)b->beats * GROUP_SIZE + (size_t)b->entries * MEMBER_SIZE;
}

bool offers_valid(const struct broadcast *b, struct reader *r)
{
    size_t members = 0;
    for (int k = 0; k < b->beats; k++) {
        (void)read_bytes(r, GROUP_SIZE - 1);
        uint8_t count = read_u8(r);
        (void)read_bytes(r, (size_t)count * MEMBER_SIZE);
        members += count;
    }
    return r->ok && members == b->entries;
}

/* The counters of one group, if this life of this board is among its members and they are newer than what was
 * taken. */
static void take_group(const struct dispatch *d, struct dispatch_incremental_peer *p, struct reader *r,
                       const struct broadcast *b, uint16_t step, const int64_t lambda[2])
{
    struct dispatch_incremental_offer offer = {
        .lambda = lambda[0], .power = read_u64(r), .slope = read_u64(r)};
    struct dispatch_incremental_offer before = {lambda[1], offer.power - read_u64(r),
                                                offer.slope - read_u64(r)};
    bool member = false;
    for (uint8_t count = read_u8(r); count > 0; count--) {
        uint16_t neighbour = read_u16(r);
        uint8_t life = read_u8(r);
        member = member || (neighbour == d->settings.id && life == (uint8_t)d->view.incarnation);
    }
    if (!member || (p->taken && (int32_t)(b->sequence - p->sequence) <= 0))
        return;
    p->offer = offer;
    p->before = before;
    p->sequence = b->sequence;
    p->shared = step;
    p->taken = true;
}

void offers_take(const struct dispatch *d, struct dispatch_incremental_peer *p, const struct broadcast *b,
                 struct reader *r, uint16_t step, const int64_t lambda[2])
{
    for (int k = 0; k < b->beats; k++)
        take_group(d, p, r, b, step, lambda);
}

/* Writes the unsent neighbours that were given the same as the first of them, as many as there is room for.
 */
static void write_group(struct dispatch *d, struct broadcast *b, struct writer *w)
{
    struct dispatch_incremental *s = &d->incremental;
    const struct dispatch_incremental_peer *first = &s->peers[__builtin_ctzll(s->unsent)];
    size_t room = (w->capacity - w->size - GROUP_SIZE) / MEMBER_SIZE, count = 0;
    uint64_t members = 0;
    for (uint64_t left = s->unsent; left != 0 && count < room; left &= left - 1) {
        const struct dispatch_incremental_peer *p = &s->peers[__builtin_ctzll(left)];
        if (p->given_power != first->given_power || p->given_slope != first->given_slope ||
            p->part_power != first->part_power || p->part_slope != first->part_slope)
            continue;
        members |= left & -left;
        count++;
    }
    write_u64(w, first->given_power);
    write_u64(w, first->given_slope);
    write_u64(w, first->part_power);
    write_u64(w, first->part_slope);
    write_u8(w, (uint8_t)count);
    for (uint64_t left = members; left != 0; left &= left - 1) {
        const struct dispatch_neighbour *n = &d->neighbours[__builtin_ctzll(left)];
        write_u16(w, n->id);
        write_u8(w, (uint8_t)n->incarnation);
    }
    s->unsent &= ~members;
    b->beats++;
    b->entries = (uint8_t)(b->entries + count);
}

void offers_write(struct dispatch *d, struct broadcast *b, struct writer *w)
{
    while (d->incremental.unsent != 0 && w->capacity - w->size >= GROUP_SIZE + MEMBER_SIZE)
        write_group(d, b, w);
}
