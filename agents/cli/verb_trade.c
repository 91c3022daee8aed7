/* busbar sell, buy, transfer, market post update, market post cancel, market bid cancel: what participants
 * do. */
#include "agents/cli/listing.h"
#include "agents/cli/signing.h"
#include "agents/cli/terms.h"
#include "agents/cli/verbs.h"

enum exit_code verb_sell(const struct call *call)
{
    struct action action = {.type = ACTION_SELL};
    enum exit_code code = terms_need(call, "kwh", "6");
    if (code == EXIT_DONE)
        code = terms_need(call, "price", "9.82");
    if (code == EXIT_DONE)
        code = terms_energy(call, "kwh", 1, NULL, &action.sell.energy);
    if (code == EXIT_DONE)
        code = terms_price(call, "price", NULL, &action.sell.price);
    if (code == EXIT_DONE)
        code = terms_moment(call, "interval", &action.sell.interval);
    if (code == EXIT_DONE)
        code = terms_moment(call, "expires", &action.sell.expires);
    return code == EXIT_DONE ? signing_run(call, &action, NULL) : code;
}

enum exit_code verb_buy(const struct call *call)
{
    static const char *const fills[] = {
        [FILL_ALL_OR_NOTHING] = "all-or-nothing", [FILL_PARTIAL] = "partial", [FILL_REST] = "rest"};
    struct action action = {.type = ACTION_BUY};
    enum exit_code code = terms_need(call, "kwh", "8");
    if (code == EXIT_DONE)
        code = terms_need(call, "max-price", "10");
    if (code == EXIT_DONE)
        code = terms_energy(call, "kwh", 1, NULL, &action.buy.energy);
    if (code == EXIT_DONE)
        code = terms_price(call, "max-price", NULL, &action.buy.max_price);
    if (code == EXIT_DONE)
        code = terms_moment(call, "interval", &action.buy.interval);
    if (code == EXIT_DONE)
        code = terms_moment(call, "expires", &action.buy.expires);
    terms_word(call, "fill", fills, FILL_END, &action.buy.fill);
    return code == EXIT_DONE ? signing_run(call, &action, NULL) : code;
}

static enum exit_code complete_transfer(struct signing *signing, struct action *action)
{
    return signing_account(signing, signing->inquiry.call->args[0], &action->transfer.to);
}

enum exit_code verb_transfer(const struct call *call)
{
    struct action action = {.type = ACTION_TRANSFER};
    enum exit_code code = terms_need(call, "cents", "100");
    if (code == EXIT_DONE)
        code = terms_money(call, "cents", 1, NULL, &action.transfer.amount);
    return code == EXIT_DONE ? signing_run(call, &action, complete_transfer) : code;
}

/* What is not given stays: the order as it stands is asked for. */
static enum exit_code complete_update(struct signing *signing, struct action *action)
{
    const struct call *call = signing->inquiry.call;
    bool energy = call_value(call, "kwh") != NULL, price = call_value(call, "price") != NULL;
    json_t *result = NULL;
    if (energy && price)
        return EXIT_DONE;
    enum exit_code code =
        inquiry_ask(&signing->inquiry, "orders", json_pack("{s:s}", "account", signing->name), &result);
    const json_t *orders = json_object_get(result, "orders");
    bool found = false;
    for (size_t i = 0; i < json_array_size(orders); i++) {
        const json_t *order = json_array_get(orders, i);
        uint64_t number;
        if (!listing_uint(order, "order", &number) || number != action->update.order)
            continue;
        found = (energy || listing_int(order, "energy", &action->update.energy.wh)) &&
                (price || listing_int(order, "price", &action->update.price.micro_per_kwh));
    }
    json_decref(result);
    if (code == EXIT_DONE && !found)
        return call_fail(call, EXIT_MISSING, "%s has no open order %s; busbar account show %s lists them",
                         signing->name, call->args[0], signing->name);
    return code;
}

enum exit_code verb_market_post_update(const struct call *call)
{
    struct action action = {.type = ACTION_UPDATE};
    bool energy = false, price = false;
    enum exit_code code = terms_order(call, 0, false, &action.update.order);
    if (code == EXIT_DONE)
        code = terms_energy(call, "kwh", 1, &energy, &action.update.energy);
    if (code == EXIT_DONE)
        code = terms_price(call, "price", &price, &action.update.price);
    if (code == EXIT_DONE && !energy && !price)
        code = call_fail(call, EXIT_USAGE, "nothing to change: give --kwh or --price");
    return code == EXIT_DONE ? signing_run(call, &action, complete_update) : code;
}

static enum exit_code cancel(const struct call *call, bool bid)
{
    struct action action = {.type = ACTION_CANCEL};
    enum exit_code code = terms_order(call, 0, bid, &action.cancel.order);
    return code == EXIT_DONE ? signing_run(call, &action, NULL) : code;
}

enum exit_code verb_market_post_cancel(const struct call *call)
{
    return cancel(call, false);
}

enum exit_code verb_market_bid_cancel(const struct call *call)
{
    return cancel(call, true);
}
