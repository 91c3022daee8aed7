#include "agents/cli/amount.h"
#include "agents/cli/demo_market.h"
#include "agents/cli/json.h"
#include "agents/cli/listing.h"
#include "ledger/crypto/hex.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* What everybody starts with. Source: thesis §3.6. */
static const struct demo_line opening = {.money = {INT64_C(10000000000)}, .energy = {50000}};

/* "5.0 @ 9.90", or nothing. */
static const char *post_text(const struct demo_line *line, char *text, size_t size)
{
    char kwh[DECIMAL_TEXT_MAX], price[DECIMAL_TEXT_MAX];
    *text = '\0';
    if (line->post.wh > 0)
        snprintf(text, size, "%s @ %s", amount_format(line->post.wh, AMOUNT_KWH, kwh),
                 amount_format(line->price.micro_per_kwh, AMOUNT_CENTS_PER_KWH, price));
    return text;
}

/* True when the ledger's line is the thesis's, to the last digit. */
static bool same(const struct demo_line *a, const struct demo_line *b)
{
    return a->money.nano == b->money.nano && a->energy.wh == b->energy.wh && a->post.wh == b->post.wh &&
           (a->post.wh == 0 || a->price.micro_per_kwh == b->price.micro_per_kwh);
}

static void add_line(struct table *table, const char *name, const struct demo_line *after,
                     const struct demo_line *printed)
{
    char text[8][64];
    char difference[64];
    snprintf(difference, sizeof difference, "%s", same(after, printed) ? "none" : "");
    if (*difference == '\0')
        snprintf(difference, sizeof difference, "%+" PRId64 " nano-$, %+" PRId64 " Wh",
                 after->money.nano - printed->money.nano, after->energy.wh - printed->energy.wh);
    table_add(table, (const char *[]){name, amount_format(opening.money.nano, AMOUNT_CENTS, text[0]),
                                      amount_format(opening.energy.wh, AMOUNT_KWH, text[1]),
                                      amount_format(after->money.nano, AMOUNT_CENTS, text[2]),
                                      amount_format(after->energy.wh, AMOUNT_KWH, text[3]),
                                      post_text(after, text[4], sizeof text[4]),
                                      amount_format(printed->money.nano, AMOUNT_CENTS, text[5]),
                                      amount_format(printed->energy.wh, AMOUNT_KWH, text[6]),
                                      post_text(printed, text[7], sizeof text[7]), difference});
}

static void print_table(const struct demo_case *c, const struct demo_outcome *outcome)
{
    static const struct table_column columns[] = {{"", "account", false},
                                                  {"before cent", "before_cents", true},
                                                  {"kWh", "before_kwh", true},
                                                  {"after cent", "after_cents", true},
                                                  {"kWh", "after_kwh", true},
                                                  {"post", "after_post", true},
                                                  {"thesis cent", "thesis_cents", true},
                                                  {"kWh", "thesis_kwh", true},
                                                  {"post", "thesis_post", true},
                                                  {"difference", "difference", false}};
    struct table table = table_of(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < DEMO_TRADERS; i++)
        add_line(&table, demo_traders[i], &outcome->after[i], &c->printed[i]);
    format_table(FORMAT_PEOPLE, &table);
    table_free(&table);
}

/* "5.0 kWh from P1 at 9.82, …": what was delivered at which price, the network's fee in it. */
static void print_trades(const json_t *trades)
{
    for (size_t i = 0; i < json_array_size(trades); i++) {
        const json_t *trade = json_array_get(trades, i);
        const char *seller = json_string_value(json_object_get(trade, "seller_name"));
        const char *dot = seller == NULL ? NULL : strchr(seller, '.');
        int64_t energy = 0, price = 0, fee = 0;
        char kwh[DECIMAL_TEXT_MAX], cents[DECIMAL_TEXT_MAX];
        (void)!listing_int(trade, "energy", &energy);
        (void)!listing_int(trade, "price", &price);
        (void)!listing_int(trade, "fee", &fee);
        printf("%s%s kWh from %s at %s", i == 0 ? "trades: " : ", ", amount_format(energy, AMOUNT_KWH, kwh),
               dot != NULL      ? dot + 1
               : seller != NULL ? seller
                                : "?",
               amount_format(price + fee, AMOUNT_CENTS_PER_KWH, cents));
    }
    putchar('\n');
}

static void print_orders(const json_t *orders)
{
    static const struct listing_column columns[] = {{"by", "by", "by", LISTING_TEXT},
                                                    {"signed order", "order", "order", LISTING_TEXT},
                                                    {"verdict", "verdict", "verdict", LISTING_TEXT},
                                                    {"block", "block", "height", LISTING_COUNT}};
    listing_print(FORMAT_PEOPLE, columns, sizeof columns / sizeof *columns, orders);
}

void demo_market_people(const struct demo_market *m)
{
    size_t orders = 0;
    puts("\nThe market (thesis §3.6), SIMULATED: nobody meters this energy; the orders are signed and stand "
         "in the chain.");
    for (size_t i = 0; i < DEMO_CASES; i++) {
        const struct demo_outcome *outcome = &m->outcomes[i];
        printf("\n%s: %s\n\n", demo_cases[i].title, demo_cases[i].terms);
        print_table(&demo_cases[i], outcome);
        print_trades(outcome->trades);
        putchar('\n');
        print_orders(outcome->orders);
        orders += json_array_size(outcome->orders);
    }
    printf("\n%zu signed orders in %" PRIu64
           " blocks, %.2f s; the three tables are of accounts of their own (case1.C1 …).\n",
           orders, m->height, m->seconds);
}

static json_t *accounts_json(const struct demo_outcome *outcome)
{
    json_t *accounts = json_object();
    for (size_t i = 0; i < DEMO_TRADERS; i++)
        json_object_set_new(accounts, demo_traders[i],
                            json_pack("{s:f, s:f}", "money_cents", (double)outcome->after[i].money.nano / 1e7,
                                      "energy_kwh", (double)outcome->after[i].energy.wh / 1e3));
    return accounts;
}

void demo_market_json(const struct demo_market *m, json_t *document)
{
    char text[HEX_HASH];
    json_t *market = json_object(), *orders = json_object();
    hex_format((struct bytes){m->genesis.bytes, sizeof m->genesis.bytes}, text);
    for (size_t i = 0; i < DEMO_CASES; i++) {
        json_object_set_new(market, demo_cases[i].key, accounts_json(&m->outcomes[i]));
        json_object_set(orders, demo_cases[i].key, m->outcomes[i].orders);
    }
    json_object_set_new(document, "market", market);
    json_object_set_new(document, "ledger",
                        json_pack("{s:b, s:s, s:I, s:o, s:o}", "simulated", 1, "genesis", text, "height",
                                  (json_int_t)m->height, "seconds", json_number(m->seconds), "orders",
                                  orders));
}
