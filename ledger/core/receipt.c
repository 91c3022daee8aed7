#include "ledger/core/receipt.h"

#include <busbar/check.h>

#define TRADE_SIZE   (20 + 20 + 8 + 8 + 8 + 8 + 8 + 8 + 1 + 8)
#define PASSED_SIZE  (8 + 20 + 8)
#define BALANCE_SIZE (20 + 4 * 8)

static void write_address(struct writer *w, const struct address *address)
{
    write_bytes(w, (struct bytes){address->bytes, sizeof address->bytes});
}

static void write_account(struct writer *w, const struct market *market, uint32_t index)
{
    struct account account;
    market_account(market, index, &account);
    write_address(w, &account.address);
}

static void write_trade(struct writer *w, const struct market *market, const struct trade *trade)
{
    write_account(w, market, trade->buyer);
    write_account(w, market, trade->seller);
    write_u64(w, trade->post);
    write_u64(w, trade->bid);
    write_u64(w, trade->interval);
    write_u64(w, (uint64_t)trade->energy.wh);
    write_u64(w, (uint64_t)trade->price.micro_per_kwh);
    write_u64(w, (uint64_t)trade->fee.micro_per_kwh);
    write_u8(w, trade->network);
    write_u64(w, trade->version);
}

static void write_passed(struct writer *w, const struct market *market, const struct passed *passed)
{
    write_u64(w, passed->post);
    write_account(w, market, passed->seller);
    write_u64(w, (uint64_t)passed->headroom.wh);
}

static void write_balance(struct writer *w, const struct market *market, uint32_t index)
{
    struct account account;
    market_account(market, index, &account);
    write_address(w, &account.address);
    write_u64(w, (uint64_t)account.money.nano);
    write_u64(w, (uint64_t)account.escrow.nano);
    write_u64(w, (uint64_t)account.energy.wh);
    write_u64(w, (uint64_t)account.on_sale.wh);
}

size_t receipt_encode(const struct market *market, const struct hash *id, enum verdict verdict,
                      const struct outcome *outcome, uint8_t *out)
{
    CHECK(outcome->passed_count <= MARKET_PASSED_MAX);
    struct writer w = writer_at(out, RECEIPT_BYTES_MAX);
    write_bytes(&w, (struct bytes){id->bytes, sizeof id->bytes});
    write_u8(&w, (uint8_t)verdict);
    write_u64(&w, outcome->order);
    write_u32(&w, outcome->trade_count);
    for (uint32_t i = 0; i < outcome->trade_count; i++)
        write_trade(&w, market, &outcome->trades[i]);
    write_u8(&w, (uint8_t)outcome->passed_count);
    write_u32(&w, outcome->passed_total);
    for (uint32_t i = 0; i < outcome->passed_count; i++)
        write_passed(&w, market, &outcome->passed[i]);
    write_u32(&w, outcome->touched_count);
    for (uint32_t i = 0; i < outcome->touched_count; i++)
        write_balance(&w, market, outcome->touched[i]);
    CHECK(w.ok);
    return w.size;
}

/* A list of `count` elements: no product can overflow, since the bytes that are left bound it. */
static struct bytes read_list(struct reader *r, uint32_t count, size_t size)
{
    if (count > r->left.size / size)
        r->ok = false;
    return read_bytes(r, count * size);
}

enum status receipt_decode(struct bytes bytes, struct receipt *out)
{
    struct reader r = reader_at(bytes);
    struct receipt read = {0};
    struct bytes id = read_bytes(&r, sizeof read.id.bytes);
    uint8_t verdict = read_u8(&r);
    read.order = read_u64(&r);
    read.trade_count = read_u32(&r);
    read.trades = read_list(&r, read.trade_count, TRADE_SIZE);
    read.passed_count = read_u8(&r);
    read.passed_total = read_u32(&r);
    read.passed = read_list(&r, read.passed_count, PASSED_SIZE);
    read.balance_count = read_u32(&r);
    read.balances = read_list(&r, read.balance_count, BALANCE_SIZE);
    if (!r.ok || r.left.size != 0 || bytes.size > RECEIPT_BYTES_MAX || verdict >= VERDICT_COUNT ||
        read.trade_count > MARKET_TRADES_MAX || read.passed_count > MARKET_PASSED_MAX ||
        read.passed_count > read.passed_total)
        return BB_MALFORMED;
    memcpy(read.id.bytes, id.data, id.size);
    read.verdict = verdict;
    *out = read;
    return BB_OK;
}

static struct address read_address(struct reader *r)
{
    struct address address = {0};
    struct bytes taken = read_bytes(r, sizeof address.bytes);
    CHECK(taken.size == sizeof address.bytes);
    memcpy(address.bytes, taken.data, taken.size);
    return address;
}

static int64_t read_i64(struct reader *r)
{
    return (int64_t)read_u64(r);
}

/* A reader over element `index` of a list whose bytes receipt_decode has counted. */
static struct reader element(struct bytes list, uint32_t index, uint32_t count, size_t size)
{
    CHECK(index < count);
    return reader_at((struct bytes){list.data + index * size, size});
}

void receipt_trade(const struct receipt *receipt, uint32_t index, struct receipt_trade *out)
{
    struct reader r = element(receipt->trades, index, receipt->trade_count, TRADE_SIZE);
    out->buyer = read_address(&r);
    out->seller = read_address(&r);
    out->post = read_u64(&r);
    out->bid = read_u64(&r);
    out->interval = read_u64(&r);
    out->energy.wh = read_i64(&r);
    out->price.micro_per_kwh = read_i64(&r);
    out->fee.micro_per_kwh = read_i64(&r);
    out->network = read_u8(&r);
    out->version = read_u64(&r);
}

void receipt_passed(const struct receipt *receipt, uint32_t index, struct receipt_passed *out)
{
    struct reader r = element(receipt->passed, index, receipt->passed_count, PASSED_SIZE);
    out->post = read_u64(&r);
    out->seller = read_address(&r);
    out->headroom.wh = read_i64(&r);
}

void receipt_balance(const struct receipt *receipt, uint32_t index, struct receipt_balance *out)
{
    struct reader r = element(receipt->balances, index, receipt->balance_count, BALANCE_SIZE);
    out->address = read_address(&r);
    out->money.nano = read_i64(&r);
    out->escrow.nano = read_i64(&r);
    out->energy.wh = read_i64(&r);
    out->on_sale.wh = read_i64(&r);
}
