/* Reading rows back. They come from a file: nothing in them is believed. */
#include "market/rows.h"

#include "market/accounts.h"
#include "market/admin.h"
#include "market/book.h"
#include "market/intervals.h"
#include "market/lines.h"
#include "market/orders.h"

static struct address read_address(struct reader *r)
{
    struct address address = {{0}};
    struct bytes bytes = read_bytes(r, sizeof address.bytes);
    if (bytes.size > 0)
        memcpy(address.bytes, bytes.data, bytes.size);
    return address;
}

static int64_t read_i64(struct reader *r)
{
    return (int64_t)read_u64(r);
}

/* True when all was read, and nothing is left. */
static bool complete(const struct reader *r)
{
    return r->ok && r->left.size == 0;
}

static enum status load_parameters(struct market *m, struct row_key key, struct reader *r)
{
    struct head h = *m->head;
    h.policy.mode = read_u8(r);
    h.policy.recipient = read_u8(r);
    h.policy.penalty.micro_per_kwh = read_i64(r);
    h.policy.band_low.micro_per_kwh = read_i64(r);
    h.policy.band_high.micro_per_kwh = read_i64(r);
    h.policy.interval_seconds = read_u64(r);
    h.policy.gate_seconds = read_u64(r);
    h.state = read_u8(r);
    h.sealer = read_address(r);
    h.network_version = read_u64(r);
    h.money_total.nano = read_i64(r);
    h.energy_total.wh = read_i64(r);
    h.fees_waiting.nano = read_i64(r);
    h.next_post = read_u64(r);
    h.next_bid = read_u64(r);
    h.next_place = read_u64(r);
    if (!complete(r) || key.a != 0 || !admin_policy_good(&h.policy) || h.state >= MARKET_STATE_END ||
        h.money_total.nano < 0 || h.energy_total.wh < 0 || h.fees_waiting.nano < 0)
        return BB_MALFORMED;
    /* Each number was given together with a place. */
    if (h.next_place < 1 || h.next_place > STATE_PLACES_END || h.next_post < 1 ||
        h.next_post > h.next_place || h.next_bid <= MARKET_BID_FLAG ||
        h.next_bid - MARKET_BID_FLAG > h.next_place)
        return BB_MALFORMED;
    /* Fees are counted again as their rows come, and compared in the end. */
    m->fees_loaded = h.fees_waiting;
    h.fees_waiting.nano = 0;
    *m->head = h;
    return BB_OK;
}

static bool sums_good(const struct holder *h)
{
    return h->escrow.nano >= 0 && h->escrow.nano <= h->money.nano && h->on_sale.wh >= 0 &&
           h->on_sale.wh <= h->energy.wh;
}

static bool role_good(const struct market *m, const struct holder *h)
{
    if (h->role == ROLE_OPERATOR)
        return m->head->operator_account == 0 && !h->revoked;
    if (h->role == ROLE_DISTRIBUTION)
        return m->head->distribution == 0 && !h->revoked;
    return h->role > ROLE_DISTRIBUTION && h->role < ROLE_END;
}

static bool address_new(const struct market *m, const struct address *address)
{
    uint32_t retired;
    return !address_is_none(address) && accounts_find(m, address, &retired) == STATE_NONE &&
           retired == STATE_NONE;
}

static enum status load_account(struct market *m, struct row_key key, struct reader *r)
{
    struct holder h = {.address = read_address(r)};
    h.role = read_u8(r);
    uint8_t revoked = read_u8(r);
    h.revoked = revoked != 0;
    h.nonce = read_u64(r);
    h.money.nano = read_i64(r);
    h.escrow.nano = read_i64(r);
    h.energy.wh = read_i64(r);
    h.on_sale.wh = read_i64(r);
    struct bytes name = read_bytes(r, read_u8(r));
    if (!complete(r) || key.a != m->head->accounts || revoked > 1 || !role_good(m, &h) || !sums_good(&h) ||
        !accounts_name_good(name) || accounts_named(m, name) != STATE_NONE || !address_new(m, &h.address))
        return BB_MALFORMED;
    if (key.a >= m->limits.accounts)
        return BB_FULL;
    accounts_add(m, &h.address, name, h.role);
    m->holders[key.a] = h;
    return BB_OK;
}

static enum status load_retired(struct market *m, struct row_key key, struct reader *r)
{
    struct address address = read_address(r);
    uint32_t account = read_u32(r);
    if (!complete(r) || key.a != m->head->retired || account >= m->head->accounts ||
        !address_new(m, &address))
        return BB_MALFORMED;
    if (key.a >= m->limits.accounts)
        return BB_FULL;
    accounts_add_retired(m, &address, account);
    return BB_OK;
}

/* Who may have an order. */
static bool owner_good(const struct market *m, uint32_t account, bool bid)
{
    if (account >= m->head->accounts || m->holders[account].revoked)
        return false;
    uint8_t role = m->holders[account].role;
    return role == ROLE_PROSUMER || (bid && role == ROLE_CONSUMER);
}

static enum status load_order(struct market *m, struct row_key key, struct reader *r)
{
    bool bid = book_is_bid(key.a);
    struct open_order o = {.id = key.a};
    o.account = read_u32(r);
    o.start = read_u64(r);
    o.energy.wh = read_i64(r);
    o.price.micro_per_kwh = read_i64(r);
    o.expires = read_u64(r);
    o.place = read_u64(r);
    if (!complete(r) || (key.a & ~MARKET_BID_FLAG) == 0 ||
        key.a >= (bid ? m->head->next_bid : m->head->next_post) || o.place < 1 ||
        o.place >= m->head->next_place || !owner_good(m, o.account, bid) || o.energy.wh < 1 ||
        o.energy.wh > MARKET_ENERGY_MAX || o.price.micro_per_kwh < 0 ||
        o.price.micro_per_kwh > MARKET_PRICE_MAX)
        return BB_MALFORMED;
    if (m->head->orders == m->limits.orders || !intervals_room(m, o.start))
        return BB_FULL;
    return orders_open(m, &o) == STATE_NONE ? BB_MALFORMED : BB_OK;
}

static enum status load_line(struct market *m, struct row_key key, struct reader *r)
{
    uint32_t buyer = (uint32_t)(key.a >> 32), seller = (uint32_t)key.a;
    struct energy capacity = {read_i64(r)};
    if (!complete(r) || buyer >= m->head->accounts || seller >= m->head->accounts || buyer == seller ||
        capacity.wh < 0)
        return BB_MALFORMED;
    if (m->head->lines == m->limits.lines)
        return BB_FULL;
    lines_set(m, buyer, seller, capacity);
    return BB_OK;
}

static enum status load_use(struct market *m, struct row_key key, struct reader *r)
{
    uint32_t line = lines_find(m, (uint32_t)(key.a >> 32), (uint32_t)key.a);
    struct energy used = {read_i64(r)};
    if (!complete(r) || line == STATE_NONE || used.wh < 1)
        return BB_MALFORMED;
    if (!intervals_room(m, key.b))
        return BB_FULL;
    return lines_add_use(m, line, intervals_obtain(m, key.b), used) ? BB_OK : BB_FULL;
}

static enum status load_fee(struct market *m, struct row_key key, struct reader *r)
{
    struct money fees = {read_i64(r)};
    if (!complete(r) || key.a == 0 || fees.nano < 1 ||
        fees.nano > m->fees_loaded.nano - m->head->fees_waiting.nano)
        return BB_MALFORMED;
    if (!intervals_room(m, key.a))
        return BB_FULL;
    intervals_add_fees(m, intervals_obtain(m, key.a), fees);
    return BB_OK;
}

static enum status (*const LOADERS[ROW_KINDS])(struct market *m, struct row_key key, struct reader *r) = {
    [ROW_PARAMETERS] = load_parameters,
    [ROW_ACCOUNT] = load_account,
    [ROW_RETIRED] = load_retired,
    [ROW_ORDER] = load_order,
    [ROW_LINE] = load_line,
    [ROW_USE] = load_use,
    [ROW_FEE] = load_fee,
};

/* Rows come in ascending order, the parameters first. */
static bool follows(const struct market *m, struct row_key key)
{
    if (!m->loaded.any)
        return key.kind == ROW_PARAMETERS;
    if (key.kind != m->loaded.key.kind)
        return key.kind > m->loaded.key.kind;
    return key.a != m->loaded.key.a ? key.a > m->loaded.key.a : key.b > m->loaded.key.b;
}

enum status market_load(struct market *m, struct row_key key, struct bytes value)
{
    if (key.kind < ROW_PARAMETERS || key.kind >= ROW_KINDS || !follows(m, key) ||
        (key.kind != ROW_USE && key.b != 0))
        return BB_MALFORMED;
    m->journal.off = true;
    struct reader r = reader_at(value);
    enum status status = LOADERS[key.kind](m, key, &r);
    m->loaded.any = true;
    m->loaded.key = key;
    return status;
}

enum status market_loaded(struct market *m)
{
    if (!m->loaded.any || m->head->fees_waiting.nano != m->fees_loaded.nano)
        return BB_MALFORMED;
    /* Only the distribution company sets a policy, and fees are its own. */
    if (m->head->distribution == 0 &&
        (m->head->policy.mode != POLICY_NONE || m->head->fees_waiting.nano != 0))
        return BB_MALFORMED;
    if (!market_audit(m))
        return BB_MALFORMED;
    m->journal.off = false;
    m->money_moved.nano = 0;
    return BB_OK;
}
