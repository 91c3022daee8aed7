#include "node-fw/dispatch/broadcast.h"

#define VERSION     1
#define FLAG_MORE   1
#define FLAG_ANSWER 2
#define SEQUENCE24  0xffffffu

enum status broadcast_read(struct bytes payload, struct broadcast *out)
{
    struct reader r = reader_at(payload);
    struct broadcast b = {0};
    uint8_t format = read_u8(&r);
    uint8_t flags = read_u8(&r);
    b.method = format & 15;
    b.more = (flags & FLAG_MORE) != 0;
    b.answer = (flags & FLAG_ANSWER) != 0;
    b.source = read_u16(&r);
    b.incarnation = read_u16(&r);
    b.sequence = read_u32(&r);
    b.exchange = read_u16(&r);
    b.depth = read_u16(&r);
    b.digest = read_u64(&r);
    b.full = read_u32(&r);
    b.degree = read_u8(&r);
    b.acks = read_u8(&r);
    b.beats = read_u8(&r);
    b.entries = read_u8(&r);
    b.shares = read_u8(&r);
    b.ack_bytes = read_bytes(&r, (size_t)b.acks * BROADCAST_ACK);
    b.body = r.left;
    if (!r.ok || format >> 4 != VERSION || flags > (FLAG_MORE | FLAG_ANSWER) || b.source == 0)
        return BB_MALFORMED;
    *out = b;
    return BB_OK;
}

bool broadcast_cut(struct broadcast *b, size_t body_size)
{
    if (b->body.size != body_size + (size_t)b->shares * BROADCAST_SHARE)
        return false;
    struct reader r = reader_at(b->body);
    b->body = read_bytes(&r, body_size);
    b->share_bytes = r.left;
    return true;
}

void broadcast_write(struct writer *w, const struct broadcast *b)
{
    write_u8(w, (uint8_t)(VERSION << 4 | b->method));
    write_u8(w, (uint8_t)((b->more ? FLAG_MORE : 0) | (b->answer ? FLAG_ANSWER : 0)));
    write_u16(w, b->source);
    write_u16(w, b->incarnation);
    write_u32(w, b->sequence);
    write_u16(w, b->exchange);
    write_u16(w, b->depth);
    write_u64(w, b->digest);
    write_u32(w, b->full);
    write_u8(w, b->degree);
    write_u8(w, b->acks);
    write_u8(w, b->beats);
    write_u8(w, b->entries);
    write_u8(w, b->shares);
}

struct broadcast_ack broadcast_read_ack(struct reader *r)
{
    struct broadcast_ack ack = {.neighbour = read_u16(r)};
    ack.sequence = (uint32_t)read_uint(r, 3);
    ack.taken = read_u8(r);
    return ack;
}

struct broadcast_share broadcast_read_share(struct reader *r)
{
    struct broadcast_share share = {.neighbour = read_u16(r)};
    share.power = read_u64(r);
    share.weight = read_u64(r);
    return share;
}

void broadcast_write_ack(struct writer *w, const struct broadcast_ack *ack)
{
    write_u16(w, ack->neighbour);
    write_uint(w, ack->sequence, 3);
    write_u8(w, ack->taken);
}

void broadcast_write_share(struct writer *w, const struct broadcast_share *share)
{
    write_u16(w, share->neighbour);
    write_u64(w, share->power);
    write_u64(w, share->weight);
}

bool broadcast_acknowledges(const struct broadcast_ack *ack, uint32_t sequence, uint16_t carried)
{
    uint32_t after = (ack->sequence - sequence) & SEQUENCE24;
    uint32_t before = (sequence - ack->sequence) & SEQUENCE24;
    if (after < 8)
        return (ack->taken >> after & carried) != 0;
    return before < 16 && (carried >> before & ack->taken) != 0;
}
