/* busbar account list, show, statement: what the ledger says of its participants. */
#include "agents/cli/inquiry.h"
#include "agents/cli/json.h"
#include "agents/cli/listing.h"
#include "agents/cli/verbs.h"
#include "agents/views/views.h"

#include <inttypes.h>

/* Accounts asked for at once. */
#define PAGE 1000

static const struct listing_column account_columns[] = {
    {"name", "name", "name", LISTING_TEXT},
    {"role", "role", "role", LISTING_TEXT},
    {"money cent", "money_cents", "money", LISTING_CENTS},
    {"in escrow", "escrow_cents", "escrow", LISTING_CENTS},
    {"energy kWh", "energy_kwh", "energy", LISTING_KWH},
    {"on sale", "on_sale_kwh", "on_sale", LISTING_KWH},
    {"next nonce", "nonce", "nonce", LISTING_COUNT},
    {"address", "address", "address", LISTING_TEXT},
    {"revoked", "revoked", "revoked", LISTING_YES},
};
#define ACCOUNT_COLUMNS (sizeof account_columns / sizeof *account_columns)

static json_t *page_from(uint64_t from)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, from);
    return json_pack("{s:s, s:i}", "from", text, "count", PAGE);
}

/* Gathers all pages into *out, the last result with the whole list in it. */
static enum exit_code fetch_accounts(struct inquiry *inquiry, json_t **out)
{
    json_t *all = json_array(), *result = NULL;
    enum exit_code code = EXIT_DONE;
    uint64_t total = 1, got = 1;
    while (code == EXIT_DONE && got > 0 && json_array_size(all) < total) {
        json_decref(result);
        result = NULL;
        code = inquiry_ask(inquiry, "account", page_from(json_array_size(all)), &result);
        const json_t *page = json_object_get(result, "accounts");
        got = json_array_size(page);
        json_array_extend(all, (json_t *)page);
        if (code == EXIT_DONE && !listing_uint(result, "total", &total))
            total = 0;
    }
    if (code == EXIT_DONE) {
        json_object_set(result, "accounts", all);
        *out = result;
    }
    json_decref(all);
    return code;
}

enum exit_code verb_account_list(const struct call *call)
{
    struct inquiry inquiry;
    json_t *result = NULL;
    enum exit_code code = inquiry_open(call, &inquiry);
    if (code != EXIT_DONE)
        return code;
    code = fetch_accounts(&inquiry, &result);
    inquiry_close(&inquiry);
    if (code != EXIT_DONE)
        return code;
    if (inquiry.format == FORMAT_JSON) {
        inquiry_print(result);
        return EXIT_DONE;
    }
    listing_print(inquiry.format, account_columns, ACCOUNT_COLUMNS, json_object_get(result, "accounts"));
    json_decref(result);
    return EXIT_DONE;
}

static const char *text_of(const json_t *object, const char *member, enum listing_kind kind, char *text)
{
    return listing_text(object, member, kind, FORMAT_PEOPLE, text);
}

static void print_account(const json_t *account, const json_t *orders)
{
    static const struct listing_column columns[] = {
        {"order", "order", "order", LISTING_ORDER},
        {"energy kWh", "energy_kwh", "energy", LISTING_KWH},
        {"cent/kWh", "price_cents_per_kwh", "price", LISTING_CENTS_PER_KWH},
        {"delivery from", "interval_s", "interval", LISTING_INTERVAL},
        {"expires", "expires_s", "expires", LISTING_INTERVAL}};
    char a[LISTING_TEXT_MAX], b[LISTING_TEXT_MAX];
    bool revoked = json_is_true(json_object_get(account, "revoked"));
    inquiry_fact("name", "%s", text_of(account, "name", LISTING_TEXT, a));
    inquiry_fact("role", "%s%s", text_of(account, "role", LISTING_TEXT, a), revoked ? ", revoked" : "");
    inquiry_fact("address", "%s", text_of(account, "address", LISTING_TEXT, a));
    inquiry_fact("money", "%s cent, of which %s in escrow", text_of(account, "money", LISTING_CENTS, a),
                 text_of(account, "escrow", LISTING_CENTS, b));
    inquiry_fact("energy", "%s kWh, of which %s on sale", text_of(account, "energy", LISTING_KWH, a),
                 text_of(account, "on_sale", LISTING_KWH, b));
    inquiry_fact("next nonce", "%s", text_of(account, "nonce", LISTING_COUNT, a));
    if (json_array_size(orders) == 0) {
        inquiry_fact("orders", "none open");
        return;
    }
    putchar('\n');
    listing_print(FORMAT_PEOPLE, columns, sizeof columns / sizeof *columns, orders);
}

enum exit_code verb_account_show(const struct call *call)
{
    struct inquiry inquiry;
    json_t *result = NULL, *orders = NULL;
    enum exit_code code = inquiry_open(call, &inquiry);
    if (code != EXIT_DONE)
        return code;
    code = inquiry_ask(&inquiry, "account", json_pack("{s:s}", "account", call->args[0]), &result);
    if (code == EXIT_DONE)
        code = inquiry_ask(&inquiry, "orders", json_pack("{s:s}", "account", call->args[0]), &orders);
    inquiry_close(&inquiry);
    if (code == EXIT_DONE && inquiry.format == FORMAT_JSON) {
        json_print(stdout, views_account(result, orders));
    } else if (code == EXIT_DONE) {
        print_account(json_object_get(result, "account"), json_object_get(orders, "orders"));
    }
    json_decref(orders);
    json_decref(result);
    return code;
}

enum exit_code verb_account_statement(const struct call *call)
{
    static const struct listing_column columns[] = {{"time", "time", "time_ms", LISTING_TIME_MS},
                                                    {"block", "block", "height", LISTING_COUNT},
                                                    {"type", "type", "type", LISTING_TEXT},
                                                    {"verdict", "verdict", "verdict", LISTING_TEXT},
                                                    {"money cent", "money_cents", "money", LISTING_CENTS},
                                                    {"in escrow", "escrow_cents", "escrow", LISTING_CENTS},
                                                    {"energy kWh", "energy_kwh", "energy", LISTING_KWH},
                                                    {"on sale", "on_sale_kwh", "on_sale", LISTING_KWH},
                                                    {"transaction", "transaction", "id", LISTING_HASH}};
    struct bb_reason reason;
    int64_t count;
    enum format format;
    json_t *result = NULL;
    if (call_integer(call, "count", 1, 1000000, 50, &reason, &count) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    json_t *params = json_pack("{s:s}", "account", call->args[0]);
    if (call_value(call, "before") != NULL)
        json_object_set_new(params, "before", json_string(call_value(call, "before")));
    enum exit_code code =
        inquiry_gather(call, "statement", params, "entries", (size_t)count, &format, &result);
    if (code != EXIT_DONE)
        return code;
    if (format == FORMAT_JSON) {
        inquiry_print(result);
        return EXIT_DONE;
    }
    listing_print(format, columns, sizeof columns / sizeof *columns, json_object_get(result, "entries"));
    char next[LISTING_TEXT_MAX];
    if (format == FORMAT_PEOPLE && *text_of(result, "next", LISTING_TEXT, next) != '\0')
        printf("\nEarlier ones: busbar account statement %s --before %s\n", call->args[0], next);
    json_decref(result);
    return EXIT_DONE;
}
