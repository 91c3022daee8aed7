#include "agents/cli/whatif_print.h"

#include "agents/cli/amount.h"
#include "agents/cli/format.h"
#include "agents/cli/json.h"
#include "agents/views/views.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <stdlib.h>

/* Room for one more of `count` elements. */
static void *room(void *array, size_t count, size_t *capacity, size_t more, size_t size)
{
    if (count + more <= *capacity)
        return array;
    while (count + more > *capacity)
        *capacity = *capacity == 0 ? 256 : 2 * *capacity;
    array = realloc(array, *capacity * size);
    CHECK(array != NULL);
    return array;
}

void whatif_history_add(struct whatif_history *h, uint64_t line, const struct whatif_answer *answer)
{
    h->results = room(h->results, h->result_count, &h->result_room, 1, sizeof *h->results);
    h->results[h->result_count++] =
        (struct whatif_result){line, answer->verdict, answer->trade_count, h->trade_count};
    h->trades = room(h->trades, h->trade_count, &h->trade_room, answer->trade_count, sizeof *h->trades);
    for (uint32_t i = 0; i < answer->trade_count; i++)
        h->trades[h->trade_count++] = answer->trades[i];
}

void whatif_history_free(struct whatif_history *h)
{
    free(h->results);
    free(h->trades);
    *h = (struct whatif_history){0};
}

/* -- the book -----------------------------------------------------------------------------------------------
 */

struct book {
    struct order *orders;
    size_t count;
};

static int by_id(const void *a, const void *b)
{
    const struct order *x = a, *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

/* All open orders of one side, of all intervals, by their numbers. */
static struct book book_of(const struct market *market, bool bids)
{
    struct parameters parameters;
    market_parameters(market, &parameters);
    size_t interval_count = market_intervals(market, NULL, 0);
    struct book book = {calloc(parameters.orders + 1, sizeof *book.orders), 0};
    uint64_t *intervals = calloc(interval_count + 1, sizeof *intervals);
    CHECK(book.orders != NULL && intervals != NULL);
    market_intervals(market, intervals, interval_count);
    for (size_t i = 0; i < interval_count; i++)
        book.count +=
            market_book(market, intervals[i], bids, book.orders + book.count, parameters.orders - book.count);
    free(intervals);
    qsort(book.orders, book.count, sizeof *book.orders, by_id);
    return book;
}

static const char *name_of(const struct market *market, uint32_t index, struct account *account)
{
    market_account(market, index, account);
    return account->name;
}

/* -- JSON: written as text, since a million results are no tree ---------------------------------------------
 */

static void print_result(FILE *to, const struct market *market, const struct whatif_history *h,
                         const struct whatif_result *result)
{
    struct account seller;
    fprintf(to, "{\"verdict\":\"%s\",\"trades\":[", verdict_word(result->verdict));
    for (uint32_t i = 0; i < result->trade_count; i++) {
        const struct trade *trade = &h->trades[result->first_trade + i];
        fprintf(to, "%s{\"seller\":\"%s\",\"energy\":\"%" PRId64 "\",\"price\":\"%" PRId64 "\"}",
                i == 0 ? "" : ",", name_of(market, trade->seller, &seller), trade->energy.wh,
                trade->price.micro_per_kwh + trade->fee.micro_per_kwh);
    }
    fputs("]", to);
    if (result->verdict != VERDICT_OK)
        fprintf(to, ",\"text\":\"%s\"", verdict_text(result->verdict));
    fputs("}", to);
}

static void print_accounts(FILE *to, const struct whatif *whatif, const struct market *market, uint32_t count)
{
    const char *comma = "";
    for (uint32_t i = 0; i < count; i++) {
        struct account account;
        if (!whatif_shows(whatif, i))
            continue;
        market_account(market, i, &account);
        fprintf(to, "%s\n\"%s\":{\"money\":\"%" PRId64 "\",\"energy\":\"%" PRId64 "\"}", comma, account.name,
                account.money.nano, account.energy.wh);
        comma = ",";
    }
}

static void print_book(FILE *to, const struct market *market, bool bids)
{
    struct book book = book_of(market, bids);
    for (size_t i = 0; i < book.count; i++) {
        struct account account;
        const struct order *order = &book.orders[i];
        fprintf(to,
                "%s\n{\"id\":\"%s%" PRIu64 "\",\"%s\":\"%s\",\"energy\":\"%" PRId64 "\",\"%s\":\"%" PRId64
                "\"}",
                i == 0 ? "" : ",", bids ? "b" : "", order->id & ~MARKET_BID_FLAG, bids ? "buyer" : "seller",
                name_of(market, order->account, &account), order->energy.wh, bids ? "max_price" : "price",
                order->price.micro_per_kwh);
    }
    free(book.orders);
}

void whatif_print_json(FILE *to, struct whatif *whatif, const struct whatif_history *h)
{
    const struct market *market = whatif_market(whatif);
    struct parameters p;
    market_parameters(market, &p);
    fprintf(to, "{\"version\":%d,\"results\":[", VIEWS_VERSION);
    for (size_t i = 0; i < h->result_count; i++) {
        fputs(i == 0 ? "\n" : ",\n", to);
        print_result(to, market, h, &h->results[i]);
    }
    fputs("],\n\"accounts\":{", to);
    print_accounts(to, whatif, market, p.accounts);
    fputs("},\n\"posts\":[", to);
    print_book(to, market, false);
    fputs("],\n\"bids\":[", to);
    print_book(to, market, true);
    fprintf(to, "],\n\"fees\":{\"waiting\":\"%" PRId64 "\"},\n", p.fees_waiting.nano);
    fprintf(to, "\"totals\":{\"money\":\"%" PRId64 "\",\"energy\":\"%" PRId64 "\"}}\n", p.money_total.nano,
            p.energy_total.wh);
}

/* -- tables -------------------------------------------------------------------------------------------------
 */

static void finish(const char *title, struct table *table)
{
    if (table->row_count > 0) {
        printf("%s\n", title);
        format_table(FORMAT_PEOPLE, table);
        putchar('\n');
    }
    table_free(table);
}

static void print_trades(const struct market *market, const struct whatif_history *h)
{
    static const struct table_column columns[] = {{"line", "line", true},
                                                  {"buyer", "buyer", false},
                                                  {"seller", "seller", false},
                                                  {"energy kWh", "energy_kwh", true},
                                                  {"price cent/kWh", "price_cent_per_kwh", true},
                                                  {"of it fee", "fee_cent_per_kwh", true},
                                                  {"cost cent", "cost_cent", true}};
    struct table table = table_of(columns, 7);
    for (size_t i = 0; i < h->result_count; i++)
        for (size_t k = 0; k < h->results[i].trade_count; k++) {
            const struct trade *t = &h->trades[h->results[i].first_trade + k];
            int64_t price = t->price.micro_per_kwh + t->fee.micro_per_kwh;
            struct account buyer, seller;
            char line[DECIMAL_TEXT_MAX], energy[DECIMAL_TEXT_MAX], delivered[DECIMAL_TEXT_MAX],
                fee[DECIMAL_TEXT_MAX], cost[DECIMAL_TEXT_MAX];
            snprintf(line, sizeof line, "%" PRIu64, h->results[i].line);
            table_add(&table, (const char *[]){line, name_of(market, t->buyer, &buyer),
                                               name_of(market, t->seller, &seller),
                                               amount_format(t->energy.wh, AMOUNT_KWH, energy),
                                               amount_format(price, AMOUNT_CENTS_PER_KWH, delivered),
                                               amount_format(t->fee.micro_per_kwh, AMOUNT_CENTS_PER_KWH, fee),
                                               amount_format(t->energy.wh * price, AMOUNT_CENTS, cost)});
        }
    finish("Trades", &table);
}

static void print_refusals(const struct whatif_history *h)
{
    static const struct table_column columns[] = {
        {"line", "line", true}, {"refused", "verdict", false}, {"because", "text", false}};
    struct table table = table_of(columns, 3);
    for (size_t i = 0; i < h->result_count; i++) {
        enum verdict verdict = h->results[i].verdict;
        char line[DECIMAL_TEXT_MAX];
        snprintf(line, sizeof line, "%" PRIu64, h->results[i].line);
        if (verdict != VERDICT_OK)
            table_add(&table, (const char *[]){line, verdict_word(verdict), verdict_text(verdict)});
    }
    finish("Refusals", &table);
}

static void print_balances(const struct whatif *whatif, const struct market *market, uint32_t count)
{
    static const struct table_column columns[] = {{"account", "account", false},
                                                  {"balance cent", "balance_cent", true},
                                                  {"in escrow", "escrow_cent", true},
                                                  {"energy kWh", "energy_kwh", true},
                                                  {"on sale", "on_sale_kwh", true}};
    struct table table = table_of(columns, 5);
    for (uint32_t i = 0; i < count; i++) {
        struct account a;
        char money[DECIMAL_TEXT_MAX], escrow[DECIMAL_TEXT_MAX], energy[DECIMAL_TEXT_MAX],
            on_sale[DECIMAL_TEXT_MAX];
        if (!whatif_shows(whatif, i))
            continue;
        market_account(market, i, &a);
        table_add(&table, (const char *[]){a.name, amount_format(a.money.nano, AMOUNT_CENTS, money),
                                           amount_format(a.escrow.nano, AMOUNT_CENTS, escrow),
                                           amount_format(a.energy.wh, AMOUNT_KWH, energy),
                                           amount_format(a.on_sale.wh, AMOUNT_KWH, on_sale)});
    }
    finish("Accounts", &table);
}

static void print_orders(const struct market *market, bool bids)
{
    static const struct table_column columns[] = {{"order", "order", true},
                                                  {"account", "account", false},
                                                  {"interval", "interval", true},
                                                  {"energy kWh", "energy_kwh", true},
                                                  {"price cent/kWh", "price_cent_per_kwh", true}};
    struct book book = book_of(market, bids);
    struct table table = table_of(columns, 5);
    for (size_t i = 0; i < book.count; i++) {
        const struct order *o = &book.orders[i];
        struct account account;
        char id[DECIMAL_TEXT_MAX], interval[DECIMAL_TEXT_MAX], energy[DECIMAL_TEXT_MAX],
            price[DECIMAL_TEXT_MAX];
        snprintf(interval, sizeof interval, "%" PRIu64, o->interval);
        table_add(&table,
                  (const char *[]){amount_order_format(o->id, id), name_of(market, o->account, &account),
                                   interval, amount_format(o->energy.wh, AMOUNT_KWH, energy),
                                   amount_format(o->price.micro_per_kwh, AMOUNT_CENTS_PER_KWH, price)});
    }
    free(book.orders);
    finish(bids ? "Bids at rest" : "Posts", &table);
}

void whatif_print_tables(struct whatif *whatif, const struct whatif_history *h)
{
    const struct market *market = whatif_market(whatif);
    struct parameters p;
    char waiting[DECIMAL_TEXT_MAX];
    market_parameters(market, &p);
    print_trades(market, h);
    print_refusals(h);
    print_balances(whatif, market, p.accounts);
    print_orders(market, false);
    print_orders(market, true);
    if (p.fees_waiting.nano != 0)
        printf("Fees waiting for their interval to close: %s cent\n",
               amount_format(p.fees_waiting.nano, AMOUNT_CENTS, waiting));
    printf("%zu actions, %zu trades\n", h->result_count, h->trade_count);
}
