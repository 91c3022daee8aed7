#include "ledger/view.h"

#include "ledger/words.h"

#include <string.h>

/* Places of the units that people read: 10 000 000 nano-$ and 10 000 µ$ are a cent, 1000 Wh are a kWh. */
static void money_text(struct json_writer *w, const char *name, struct money money)
{
    json_writer_amount(w, name, money.nano, 7, "cent");
}

static void energy_text(struct json_writer *w, struct energy energy)
{
    json_writer_amount(w, "energy_text", energy.wh, 3, "kWh");
}

static void price_text(struct json_writer *w, struct price price)
{
    json_writer_amount(w, "price_text", price.micro_per_kwh, 4, "cent/kWh");
}

bool view_find(const struct market *market, const struct address *address, uint32_t *index_out)
{
    return market_find(market, address, index_out) || market_retired(market, address, index_out);
}

/* The present name of an address; "" when it has none. */
static void name_of(struct json_writer *w, const char *name, const struct market *market,
                    const struct address *address)
{
    uint32_t index;
    struct account account = {.name = ""};
    if (view_find(market, address, &index))
        market_account(market, index, &account);
    json_writer_word(w, name, account.name);
}

void view_account(struct json_writer *w, const char *name, const struct market *market, uint32_t index)
{
    struct account account;
    market_account(market, index, &account);
    json_writer_open(w, name, '{');
    json_writer_uint(w, "index", index);
    json_writer_word(w, "name", account.name);
    json_writer_address(w, "address", &account.address);
    json_writer_word(w, "role", words_of(words_roles, account.role - ROLE_OPERATOR));
    json_writer_bool(w, "revoked", account.revoked);
    json_writer_uint(w, "nonce", account.nonce);
    json_writer_int(w, "money", account.money.nano);
    json_writer_int(w, "escrow", account.escrow.nano);
    json_writer_int(w, "energy", account.energy.wh);
    json_writer_int(w, "on_sale", account.on_sale.wh);
    money_text(w, "money_text", account.money);
    energy_text(w, account.energy);
    json_writer_close(w, '}');
}

void view_order(struct json_writer *w, const struct market *market, const struct order *order)
{
    struct account account;
    market_account(market, order->account, &account);
    json_writer_open(w, NULL, '{');
    json_writer_uint(w, "order", order->id);
    json_writer_word(w, "side", (order->id & MARKET_BID_FLAG) != 0 ? "bid" : "post");
    json_writer_address(w, "account", &account.address);
    json_writer_word(w, "name", account.name);
    json_writer_uint(w, "interval", order->interval);
    json_writer_int(w, "energy", order->energy.wh);
    json_writer_int(w, "price", order->price.micro_per_kwh);
    json_writer_uint(w, "expires", order->expires);
    energy_text(w, order->energy);
    price_text(w, order->price);
    json_writer_close(w, '}');
}

static void book_side(struct json_writer *w, const struct market *market, uint64_t interval, bool bids,
                      size_t depth)
{
    struct order orders[VIEW_DEPTH_MAX];
    size_t count =
        market_book(market, interval, bids, orders, depth < VIEW_DEPTH_MAX ? depth : VIEW_DEPTH_MAX);
    json_writer_open(w, bids ? "bids" : "posts", '[');
    for (size_t i = 0; i < count; i++)
        view_order(w, market, &orders[i]);
    json_writer_close(w, ']');
}

void view_book(struct json_writer *w, const struct market *market, uint64_t interval, size_t depth)
{
    json_writer_uint(w, "interval", interval);
    book_side(w, market, interval, false, depth);
    book_side(w, market, interval, true, depth);
}

void view_trade(struct json_writer *w, const struct market *market, const struct receipt_trade *trade,
                const struct view_place *place)
{
    json_writer_open(w, NULL, '{');
    if (place != NULL) {
        json_writer_uint(w, "height", place->height);
        json_writer_int(w, "time_ms", place->time.ms);
        json_writer_hex(w, "id", (struct bytes){place->id.bytes, sizeof place->id.bytes});
    }
    json_writer_address(w, "buyer", &trade->buyer);
    name_of(w, "buyer_name", market, &trade->buyer);
    json_writer_address(w, "seller", &trade->seller);
    name_of(w, "seller_name", market, &trade->seller);
    json_writer_uint(w, "post", trade->post);
    json_writer_uint(w, "bid", trade->bid);
    json_writer_uint(w, "interval", trade->interval);
    json_writer_int(w, "energy", trade->energy.wh);
    json_writer_int(w, "price", trade->price.micro_per_kwh);
    json_writer_int(w, "fee", trade->fee.micro_per_kwh);
    energy_text(w, trade->energy);
    price_text(w, trade->price);
    json_writer_close(w, '}');
}

void view_balance(struct json_writer *w, const struct receipt_balance *balance)
{
    json_writer_int(w, "money", balance->money.nano);
    json_writer_int(w, "escrow", balance->escrow.nano);
    json_writer_int(w, "energy", balance->energy.wh);
    json_writer_int(w, "on_sale", balance->on_sale.wh);
}

static void passed_over(struct json_writer *w, const struct market *market, const struct receipt *receipt)
{
    json_writer_open(w, "passed", '[');
    for (uint32_t i = 0; i < receipt->passed_count; i++) {
        struct receipt_passed passed;
        receipt_passed(receipt, i, &passed);
        json_writer_open(w, NULL, '{');
        json_writer_uint(w, "post", passed.post);
        json_writer_address(w, "seller", &passed.seller);
        name_of(w, "seller_name", market, &passed.seller);
        json_writer_int(w, "headroom", passed.headroom.wh);
        json_writer_close(w, '}');
    }
    json_writer_close(w, ']');
    json_writer_uint(w, "passed_total", receipt->passed_total);
}

static void balances(struct json_writer *w, const struct market *market, const struct receipt *receipt)
{
    json_writer_open(w, "balances", '[');
    for (uint32_t i = 0; i < receipt->balance_count; i++) {
        struct receipt_balance balance;
        receipt_balance(receipt, i, &balance);
        json_writer_open(w, NULL, '{');
        json_writer_address(w, "account", &balance.address);
        name_of(w, "name", market, &balance.address);
        view_balance(w, &balance);
        json_writer_close(w, '}');
    }
    json_writer_close(w, ']');
}

void view_receipt(struct json_writer *w, const struct market *market, const struct receipt *receipt)
{
    json_writer_word(w, "verdict", verdict_word(receipt->verdict));
    json_writer_word(w, "text", verdict_text(receipt->verdict));
    json_writer_uint(w, "order", receipt->order);
    json_writer_open(w, "trades", '[');
    for (uint32_t i = 0; i < receipt->trade_count; i++) {
        struct receipt_trade trade;
        receipt_trade(receipt, i, &trade);
        view_trade(w, market, &trade, NULL);
    }
    json_writer_close(w, ']');
    passed_over(w, market, receipt);
    balances(w, market, receipt);
}

static void hash(struct json_writer *w, const char *name, const struct hash *value)
{
    json_writer_hex(w, name, (struct bytes){value->bytes, sizeof value->bytes});
}

void view_header(struct json_writer *w, const char *name, const struct block_header *header)
{
    json_writer_open(w, name, '{');
    json_writer_uint(w, "height", header->height);
    hash(w, "previous", &header->previous);
    hash(w, "history", &header->history);
    json_writer_uint(w, "term", header->term);
    json_writer_int(w, "time_ms", header->time.ms);
    hash(w, "transactions", &header->transactions);
    hash(w, "receipts", &header->receipts);
    hash(w, "changes", &header->changes);
    json_writer_bool(w, "checkpoint", header->checkpoint);
    hash(w, "state", &header->state);
    json_writer_address(w, "sealer", &header->sealer);
    json_writer_uint(w, "count", header->count);
    json_writer_close(w, '}');
}

void view_policy(struct json_writer *w, const struct parameters *parameters)
{
    const struct policy *policy = &parameters->policy;
    json_writer_open(w, "policy", '{');
    json_writer_word(w, "mode", words_of(words_modes, policy->mode));
    json_writer_int(w, "penalty", policy->penalty.micro_per_kwh);
    json_writer_word(w, "recipient", words_of(words_recipients, policy->recipient));
    json_writer_int(w, "band_low", policy->band_low.micro_per_kwh);
    json_writer_int(w, "band_high", policy->band_high.micro_per_kwh);
    json_writer_uint(w, "interval_seconds", policy->interval_seconds);
    json_writer_uint(w, "gate_seconds", policy->gate_seconds);
    json_writer_close(w, '}');
    json_writer_word(w, "market", words_of(words_states, parameters->state));
    json_writer_uint(w, "network_version", parameters->network_version);
}

static void end_of_line(struct json_writer *w, const char *name, const char *label,
                        const struct market *market, uint32_t index)
{
    struct account account;
    market_account(market, index, &account);
    json_writer_address(w, name, &account.address);
    json_writer_word(w, label, account.name);
}

void view_line(struct json_writer *w, const struct market *market, const struct line_view *line)
{
    json_writer_open(w, NULL, '{');
    end_of_line(w, "buyer", "buyer_name", market, line->buyer);
    end_of_line(w, "seller", "seller_name", market, line->seller);
    json_writer_int(w, "capacity", line->capacity.wh);
    json_writer_int(w, "used", line->used.wh);
    json_writer_close(w, '}');
}
