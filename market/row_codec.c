#include "market/row_codec.h"

typedef void encoder(const struct market *m, const void *record, uint32_t number, struct writer *w);

static bool parameters_key(const void *record, uint32_t number, struct row_key *out)
{
    (void)record;
    (void)number;
    *out = (struct row_key){ROW_PARAMETERS, 0, 0};
    return true;
}

static bool account_key(const void *record, uint32_t number, struct row_key *out)
{
    *out = (struct row_key){ROW_ACCOUNT, number, 0};
    return ((const struct holder *)record)->role != 0;
}

static bool retired_row_key(const void *record, uint32_t number, struct row_key *out)
{
    *out = (struct row_key){ROW_RETIRED, number, 0};
    return !address_is_none(&((const struct retired_key *)record)->address);
}

static bool order_key(const void *record, uint32_t number, struct row_key *out)
{
    (void)number;
    *out = (struct row_key){ROW_ORDER, ((const struct open_order *)record)->id, 0};
    return out->a != 0;
}

static bool line_key(const void *record, uint32_t number, struct row_key *out)
{
    (void)number;
    const struct line *line = record;
    *out = (struct row_key){ROW_LINE, (uint64_t)line->buyer << 32 | line->seller, 0};
    return line->live;
}

static bool use_key(const void *record, uint32_t number, struct row_key *out)
{
    (void)number;
    const struct line_use *use = record;
    *out = (struct row_key){ROW_USE, (uint64_t)use->buyer << 32 | use->seller, use->start};
    return use->used.wh != 0;
}

static bool fee_key(const void *record, uint32_t number, struct row_key *out)
{
    (void)number;
    const struct interval *interval = record;
    *out = (struct row_key){ROW_FEE, interval->start, 0};
    return interval->fees.nano != 0;
}

static void encode_parameters(const struct market *m, const void *record, uint32_t number, struct writer *w)
{
    (void)m;
    (void)number;
    const struct head *h = record;
    write_u8(w, h->policy.mode);
    write_u8(w, h->policy.recipient);
    write_u64(w, (uint64_t)h->policy.penalty.micro_per_kwh);
    write_u64(w, (uint64_t)h->policy.band_low.micro_per_kwh);
    write_u64(w, (uint64_t)h->policy.band_high.micro_per_kwh);
    write_u64(w, h->policy.interval_seconds);
    write_u64(w, h->policy.gate_seconds);
    write_u8(w, h->state);
    write_bytes(w, (struct bytes){h->sealer.bytes, sizeof h->sealer.bytes});
    write_u64(w, h->network_version);
    write_u64(w, (uint64_t)h->money_total.nano);
    write_u64(w, (uint64_t)h->energy_total.wh);
    write_u64(w, (uint64_t)h->fees_waiting.nano);
    write_u64(w, h->next_post);
    write_u64(w, h->next_bid);
    write_u64(w, h->next_place);
}

static void encode_account(const struct market *m, const void *record, uint32_t number, struct writer *w)
{
    const struct holder *h = record;
    struct bytes name = bytes_of(m->names[number].text); /* given once, never changed */
    write_bytes(w, (struct bytes){h->address.bytes, sizeof h->address.bytes});
    write_u8(w, h->role);
    write_u8(w, h->revoked);
    write_u64(w, h->nonce);
    write_u64(w, (uint64_t)h->money.nano);
    write_u64(w, (uint64_t)h->escrow.nano);
    write_u64(w, (uint64_t)h->energy.wh);
    write_u64(w, (uint64_t)h->on_sale.wh);
    write_u8(w, (uint8_t)name.size);
    write_bytes(w, name);
}

static void encode_retired(const struct market *m, const void *record, uint32_t number, struct writer *w)
{
    (void)m;
    (void)number;
    const struct retired_key *r = record;
    write_bytes(w, (struct bytes){r->address.bytes, sizeof r->address.bytes});
    write_u32(w, r->account);
}

static void encode_order(const struct market *m, const void *record, uint32_t number, struct writer *w)
{
    (void)m;
    (void)number;
    const struct open_order *o = record;
    write_u32(w, o->account);
    write_u64(w, o->start);
    write_u64(w, (uint64_t)o->energy.wh);
    write_u64(w, (uint64_t)o->price.micro_per_kwh);
    write_u64(w, o->expires);
    write_u64(w, o->place);
}

static void encode_line(const struct market *m, const void *record, uint32_t number, struct writer *w)
{
    (void)m;
    (void)number;
    write_u64(w, (uint64_t)((const struct line *)record)->capacity.wh);
}

static void encode_use(const struct market *m, const void *record, uint32_t number, struct writer *w)
{
    (void)m;
    (void)number;
    write_u64(w, (uint64_t)((const struct line_use *)record)->used.wh);
}

static void encode_fee(const struct market *m, const void *record, uint32_t number, struct writer *w)
{
    (void)m;
    (void)number;
    write_u64(w, (uint64_t)((const struct interval *)record)->fees.nano);
}

static const struct {
    bool (*key)(const void *record, uint32_t number, struct row_key *out);
    encoder *encode;
} CODECS[ROW_KINDS] = {
    [ROW_PARAMETERS] = {parameters_key, encode_parameters},
    [ROW_ACCOUNT] = {account_key, encode_account},
    [ROW_RETIRED] = {retired_row_key, encode_retired},
    [ROW_ORDER] = {order_key, encode_order},
    [ROW_LINE] = {line_key, encode_line},
    [ROW_USE] = {use_key, encode_use},
    [ROW_FEE] = {fee_key, encode_fee},
};

bool row_codec_key(uint8_t kind, const void *record, uint32_t number, struct row_key *out)
{
    return CODECS[kind].key(record, number, out);
}

size_t row_codec_encode(const struct market *m, uint8_t kind, const void *record, uint32_t number,
                        uint8_t *out)
{
    struct writer w = writer_at(out, MARKET_ROW_MAX);
    CODECS[kind].encode(m, record, number, &w);
    return w.size;
}

const void *row_codec_record(const struct market *m, uint8_t kind, uint32_t number)
{
    const void *const records[ROW_KINDS] = {
        [ROW_PARAMETERS] = m->head,          [ROW_ACCOUNT] = &m->holders[number],
        [ROW_RETIRED] = &m->retired[number], [ROW_ORDER] = &m->orders[number],
        [ROW_LINE] = &m->lines[number],      [ROW_USE] = &m->uses[number],
        [ROW_FEE] = &m->intervals[number],
    };
    return records[kind];
}

/* An account and an open order hold nothing that changes but what is in their rows. */
bool row_codec_differs(const struct market *m, uint8_t kind, const void *then, uint32_t number)
{
    return (kind == ROW_ACCOUNT || kind == ROW_ORDER) &&
           memcmp(then, row_codec_record(m, kind, number), JOURNAL_LINE) != 0;
}
