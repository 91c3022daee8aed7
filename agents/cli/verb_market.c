/* busbar market book, trades: what is offered and what was traded. */
#include "agents/cli/decimal.h"
#include "agents/cli/inquiry.h"
#include "agents/cli/listing.h"
#include "agents/cli/verbs.h"

#include <inttypes.h>
#include <string.h>

static const struct listing_column order_columns[] = {
    {"order", "order", "order", LISTING_ORDER},
    {"by", "name", "name", LISTING_TEXT},
    {"energy kWh", "energy_kwh", "energy", LISTING_KWH},
    {"cent/kWh", "price_cents_per_kwh", "price", LISTING_CENTS_PER_KWH},
    {"expires", "expires_s", "expires", LISTING_INTERVAL},
    {"side", "side", "side", LISTING_TEXT}, /* for CSV, which has one table for both */
};
#define ORDER_COLUMNS (sizeof order_columns / sizeof *order_columns)

static void print_side(const char *title, const json_t *orders)
{
    printf("%s\n", title);
    if (json_array_size(orders) == 0)
        puts("(none)");
    else
        listing_print(FORMAT_PEOPLE, order_columns, ORDER_COLUMNS - 1, orders);
}

/* Seconds as --interval takes them, and the time that they are. */
static void print_interval(const json_t *interval)
{
    char seconds[LISTING_TEXT_MAX], time[LISTING_TEXT_MAX];
    json_t *row = json_pack("{s:O}", "interval", interval);
    listing_text(row, "interval", LISTING_COUNT, FORMAT_PEOPLE, seconds);
    listing_text(row, "interval", LISTING_INTERVAL, FORMAT_PEOPLE, time);
    printf("%s%s%s\n", seconds, *time == '\0' ? "" : "  ", time);
    json_decref(row);
}

static void print_people(const json_t *result)
{
    const json_t *intervals = json_object_get(result, "intervals");
    char start[LISTING_TEXT_MAX];
    listing_text(result, "interval", LISTING_INTERVAL, FORMAT_PEOPLE, start);
    if (*start != '\0')
        printf("Delivery from %s\n\n", start);
    print_side("For sale, the cheapest first:", json_object_get(result, "posts"));
    putchar('\n');
    print_side("Wanted, the dearest first:", json_object_get(result, "bids"));
    /* One alone may still be another than the one shown. */
    bool others = json_array_size(intervals) > 1 ||
                  (json_array_size(intervals) == 1 &&
                   !json_equal(json_array_get(intervals, 0), json_object_get(result, "interval")));
    if (others) {
        puts("\nBooks of delivery intervals, for --interval (0: of none):");
        for (size_t i = 0; i < json_array_size(intervals); i++)
            print_interval(json_array_get(intervals, i));
    }
}

/* Both sides in one list, each order with its side. */
static void print_csv(const json_t *result)
{
    static const char *const sides[][2] = {{"posts", "sell"}, {"bids", "buy"}};
    json_t *all = json_array();
    for (size_t side = 0; side < 2; side++) {
        json_t *orders = json_object_get(result, sides[side][0]), *order;
        size_t i;
        json_array_foreach(orders, i, order)
        {
            json_object_set_new(order, "side", json_string(sides[side][1]));
            json_array_append(all, order);
        }
    }
    listing_print(FORMAT_CSV, order_columns, ORDER_COLUMNS, all);
    json_decref(all);
}

enum exit_code verb_market_book(const struct call *call)
{
    struct bb_reason reason;
    char interval[DECIMAL_TEXT_MAX], depth[24];
    int64_t count = 0;
    enum format format;
    json_t *result = NULL;
    enum status status = inquiry_moment(call, "interval", &reason, interval);
    if (status == BB_OK)
        status = call_integer(call, "depth", 1, 1000, 20, &reason, &count);
    if (status != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    snprintf(depth, sizeof depth, "%" PRId64, count);
    enum exit_code code = inquiry_once(
        call, "book", json_pack("{s:s, s:s}", "interval", interval, "depth", depth), &format, &result);
    if (code != EXIT_DONE)
        return code;
    if (format == FORMAT_JSON) {
        inquiry_print(result);
        return EXIT_DONE;
    }
    if (format == FORMAT_CSV)
        print_csv(result);
    else
        print_people(result);
    json_decref(result);
    return EXIT_DONE;
}

enum exit_code verb_market_trades(const struct call *call)
{
    static const struct listing_column columns[] = {
        {"time", "time", "time_ms", LISTING_TIME_MS},
        {"buyer", "buyer", "buyer_name", LISTING_TEXT},
        {"seller", "seller", "seller_name", LISTING_TEXT},
        {"energy kWh", "energy_kwh", "energy", LISTING_KWH},
        {"cent/kWh", "price_cents_per_kwh", "price", LISTING_CENTS_PER_KWH},
        {"fee cent/kWh", "fee_cents_per_kwh", "fee", LISTING_CENTS_PER_KWH},
        {"delivery from", "interval_s", "interval", LISTING_INTERVAL},
        {"block", "block", "height", LISTING_COUNT},
        {"transaction", "transaction", "id", LISTING_HASH}};
    struct bb_reason reason;
    int64_t count;
    enum format format;
    json_t *result = NULL;
    if (call_integer(call, "count", 1, 1000000, 50, &reason, &count) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    json_t *params = json_object();
    if (call_value(call, "account") != NULL)
        json_object_set_new(params, "account", json_string(call_value(call, "account")));
    if (call_value(call, "before") != NULL)
        json_object_set_new(params, "before", json_string(call_value(call, "before")));
    enum exit_code code = inquiry_gather(call, "trades", params, "trades", (size_t)count, &format, &result);
    if (code != EXIT_DONE)
        return code;
    if (format == FORMAT_JSON) {
        inquiry_print(result);
        return EXIT_DONE;
    }
    listing_print(format, columns, sizeof columns / sizeof *columns, json_object_get(result, "trades"));
    json_decref(result);
    return EXIT_DONE;
}
