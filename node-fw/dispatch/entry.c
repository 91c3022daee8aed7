#include "node-fw/dispatch/entry.h"

#define FLAG_CONSUMER 1
#define FLAG_DEAD     2
#define VOTED         0x8000

bool entry_read(struct reader *r, struct entry *out)
{
    struct entry e = {.id = read_u16(r)};
    e.incarnation = read_u16(r);
    e.version = read_u16(r);
    e.heartbeat = read_u16(r);
    uint8_t flags = read_u8(r);
    e.dead = (flags & FLAG_DEAD) != 0;
    e.hops = read_u8(r);
    e.curve.kind = (flags & FLAG_CONSUMER) != 0 ? CURVE_CONSUMER : CURVE_GENERATOR;
    e.curve.lo = read_u32(r);
    e.curve.hi = read_u32(r);
    e.curve.pmax = read_u32(r);
    e.vote = read_u32(r);
    if (!r->ok || e.id == 0 || flags > (FLAG_CONSUMER | FLAG_DEAD) || !curve_valid(&e.curve))
        return false;
    *out = e;
    return true;
}

bool entry_read_beat(struct reader *r, struct entry_beat *out)
{
    uint16_t id = read_u16(r);
    uint16_t word = read_u16(r);
    uint16_t check = read_u16(r);
    if (!r->ok || id == 0)
        return false;
    *out = (struct entry_beat){id, word & (VOTED - 1), (word & VOTED) != 0, check};
    return true;
}

void entry_write(struct writer *w, const struct entry *e)
{
    write_u16(w, e->id);
    write_u16(w, e->incarnation);
    write_u16(w, e->version);
    write_u16(w, e->heartbeat);
    write_u8(w, (uint8_t)((e->curve.kind == CURVE_CONSUMER ? FLAG_CONSUMER : 0) | (e->dead ? FLAG_DEAD : 0)));
    write_u8(w, e->hops);
    write_u32(w, e->curve.lo);
    write_u32(w, e->curve.hi);
    write_u32(w, e->curve.pmax);
    write_u32(w, e->vote);
}

void entry_write_beat(struct writer *w, const struct entry_beat *beat)
{
    write_u16(w, beat->id);
    write_u16(w, (uint16_t)((beat->heartbeat & (VOTED - 1)) | (beat->voted ? VOTED : 0)));
    write_u16(w, beat->check);
}

/* The finaliser of splitmix64: every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

uint64_t entry_hash(const struct entry *e)
{
    uint64_t identity = (uint64_t)e->id | (uint64_t)e->incarnation << 16 | (uint64_t)e->version << 32 |
                        (uint64_t)e->curve.kind << 48;
    uint64_t h = mix(identity + UINT64_C(0x9e3779b97f4a7c15));
    h = mix(h ^ ((uint64_t)e->curve.lo | (uint64_t)e->curve.hi << 32));
    return mix(h + e->curve.pmax);
}

uint64_t entry_hash_full(const struct entry *e)
{
    return mix(entry_hash(e) ^ ((uint64_t)e->heartbeat << 32 | e->vote));
}

/* Half the circle apart neither is the newer; both sides must still agree which one wins. */
static int serial(uint16_t a, uint16_t b)
{
    uint16_t ahead = (uint16_t)(a - b);
    if (ahead == 0x8000)
        return a > b ? 1 : -1;
    return (ahead != 0 && ahead < 0x8000) - (ahead > 0x8000);
}

int entry_order(const struct entry *a, const struct entry *b)
{
    int order = serial(a->incarnation, b->incarnation);
    if (order == 0)
        order = serial(a->version, b->version);
    if (order == 0)
        order = serial(a->heartbeat, b->heartbeat);
    if (order != 0)
        return order;
    uint64_t hash_a = entry_hash(a);
    uint64_t hash_b = entry_hash(b);
    if (hash_a != hash_b)
        return hash_a > hash_b ? 1 : -1;
    return (a->vote > b->vote) - (a->vote < b->vote);
}
