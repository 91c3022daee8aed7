#include "agents/cli/demo_market.h"

#include "agents/cli/call.h"
#include "agents/cli/demo_keys.h"
#include "agents/cli/listing.h"
#include "ledger/core/transaction.h"
#include "ledger/crypto/hex.h"
#include "ledger/crypto/secret.h"

#include <busbar/check.h>
#include <busbar/loop.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define CALL_MS    10000
#define ORDERS_MAX 16 /* of one batch */
#define CENT       INT64_C(10000000)
#define MONEY(c)                                                                                             \
    {                                                                                                        \
        INT64_C(c) * CENT / 100                                                                              \
    }
#define OPERATOR            0
#define DISTRIBUTOR         1
#define TRADER(set, trader) (2 + (set)*DEMO_TRADERS + (trader))

const char *const demo_traders[DEMO_TRADERS] = {"C1", "P1", "P2", "P3"};

/* P1, P2, P3: the posts of all three cases, and the lines to C1. */
static const struct {
    struct energy energy;
    struct price price;
    struct energy line;
} posts[] = {{{6000}, {98200}, {5000}}, {{7000}, {99000}, {10000}}, {{8000}, {99700}, {5000}}};
static const struct price maximum = {100000};

const struct demo_case demo_cases[DEMO_CASES] = {
    {"case1",
     "Table 2, Case I",
     "C1 buys 8.0 kWh at 10.00 cent/kWh or less; lines have no limits",
     {.mode = POLICY_NONE},
     false,
     {8000},
     {{MONEY(92128), {58000}, {0}, {0}},
      {MONEY(105892), {44000}, {0}, {0}},
      {MONEY(101980), {48000}, {5000}, {99000}},
      {MONEY(100000), {50000}, {8000}, {99700}}}},
    {"case2",
     "Table 3, Case II",
     "C1 buys 8.0 kWh at 10.00 cent/kWh or less; the lines from P1, P2, P3 carry 5, 10, 5 kWh",
     {.mode = POLICY_LIMIT},
     true,
     {8000},
     {{MONEY(92120), {58000}, {0}, {0}},
      {MONEY(104910), {45000}, {1000}, {98200}},
      {MONEY(102970), {47000}, {4000}, {99000}},
      {MONEY(100000), {50000}, {8000}, {99700}}}},
    {"case3",
     "Table 4, Case III",
     "C1 buys 15.0 kWh at 10.00 cent/kWh or less; beyond the same lines 0.10 cent/kWh more, to the seller",
     {.mode = POLICY_PENALTY, .recipient = RECIPIENT_SELLER, .penalty = {1000}},
     true,
     {15000},
     {{MONEY(85174), {65000}, {0}, {0}},
      {MONEY(105902), {44000}, {0}, {0}},
      {MONEY(106930), {43000}, {0}, {0}},
      {MONEY(101994), {48000}, {6000}, {99700}}}},
};

/* One action on its way to the ledger. */
struct order {
    size_t by; /* the participant's place */
    struct action action;
    char text[96]; /* in words */
};

/* A batch: its orders reach the contract in this order. */
struct batch {
    struct order orders[ORDERS_MAX];
    size_t count;
};

static const struct address *address_of(const struct demo_market *m, size_t participant)
{
    return &m->founding.participants[participant].address;
}

static struct action *add(struct batch *batch, size_t by, enum action_type type, const char *text)
{
    CHECK(batch->count < ORDERS_MAX);
    struct order *order = &batch->orders[batch->count++];
    *order = (struct order){.by = by, .action = {.type = type}};
    snprintf(order->text, sizeof order->text, "%s", text);
    return &order->action;
}

/* -- founding
 * ------------------------------------------------------------------------------------------------- */

static enum status add_participant(struct demo_market *m, const char *name, uint8_t role, bool opening)
{
    struct genesis_participant p = {.role = role};
    size_t place = m->founding.genesis.participant_count;
    snprintf(p.name, sizeof p.name, "%s", name);
    if (opening) {
        p.money = (struct money){1000 * CENT};
        p.energy = (struct energy){50000};
    }
    enum status status = secret_new(m->signer, &m->secrets[place]);
    if (status != BB_OK)
        return call_reason(m->reason, status, "the kernel gives no randomness");
    p.address = signer_address(m->signer, &m->secrets[place]);
    return founding_add(&m->founding, &p, m->reason);
}

static enum status add_all(struct demo_market *m)
{
    enum status status = add_participant(m, "operator", ROLE_OPERATOR, false);
    if (status == BB_OK)
        status = add_participant(m, "edc", ROLE_DISTRIBUTION, false);
    /* The last set, without a case in front of its names, is the user's. */
    for (size_t set = 0; set <= DEMO_CASES; set++)
        for (size_t i = 0; i < DEMO_TRADERS && status == BB_OK; i++) {
            char name[MARKET_NAME_MAX + 1];
            bool own = set == DEMO_CASES;
            snprintf(name, sizeof name, "%s%s%s", own ? "" : demo_cases[set].key, own ? "" : ".",
                     demo_traders[i]);
            status = add_participant(m, name, i == 0 ? ROLE_CONSUMER : ROLE_PROSUMER, true);
        }
    return status;
}

enum status demo_market_found(struct demo_market *m)
{
    m->secrets = calloc(FOUNDING_MAX, sizeof *m->secrets);
    CHECK(m->secrets != NULL);
    if (signer_open(&m->signer) != BB_OK)
        return call_reason(m->reason, BB_IO, "no memory for keys");
    enum status status = demo_keys_clear(m->home, m->reason);
    if (status != BB_OK)
        return status;
    founding_start(&m->founding, m->home, 1337);
    status = add_all(m);
    if (status == BB_OK)
        status = founding_write(&m->founding, m->reason, &m->genesis);
    if (status == BB_OK)
        status = demo_keys_write(&m->founding, m->signer, m->secrets, m->reason);
    struct eip712_domain domain = genesis_domain(&m->founding.genesis, &m->genesis);
    m->separator = eip712_separator(&domain);
    return status;
}

void demo_market_close(struct demo_market *m)
{
    if (m->secrets != NULL)
        explicit_bzero(m->secrets, FOUNDING_MAX * sizeof *m->secrets);
    free(m->secrets);
    signer_close(m->signer);
    for (size_t i = 0; i < DEMO_CASES; i++) {
        json_decref(m->outcomes[i].orders);
        json_decref(m->outcomes[i].trades);
    }
}

/* -- the bus
 * -------------------------------------------------------------------------------------------------- */

/* Asks the ledger; takes `params`. */
static enum status ask(struct demo_market *m, const char *method, json_t *params, json_t **out)
{
    char *text = json_dumps(params, JSON_COMPACT), *answer = NULL;
    json_decref(params);
    enum status status = bb_call(m->client, "ledger", method, text, CALL_MS, &answer);
    free(text);
    json_t *result = status == BB_OK && answer != NULL ? json_loads(answer, 0, NULL) : NULL;
    free(answer);
    if (status != BB_OK)
        return call_reason(m->reason, status, "ledger, %s: %s", method, bb_client_reason(m->client));
    if (result == NULL)
        return call_reason(m->reason, BB_MALFORMED, "ledger, %s: its answer is no JSON object", method);
    *out = result;
    return BB_OK;
}

static json_t *sign(struct demo_market *m, struct order *order)
{
    struct transaction transaction;
    uint8_t bytes[TRANSACTION_BYTES_MAX];
    char text[2 * TRANSACTION_BYTES_MAX + 3];
    order->action.actor = *address_of(m, order->by);
    CHECK(transaction_make(&order->action, m->nonces[order->by]++, 0, &transaction) == BB_OK);
    struct hash id = transaction_id(&transaction, &m->separator);
    signer_sign(m->signer, &m->secrets[order->by], &id, transaction.signature);
    hex_format((struct bytes){bytes, transaction_encode(&transaction, bytes)}, text);
    return json_string(text);
}

/* Notes what became of an order; the demo's orders are all right, so that anything but ok is a failure. */
static enum status note(struct demo_market *m, const struct order *order, const json_t *entry,
                        struct demo_outcome *outcome)
{
    const char *verdict = json_string_value(json_object_get(entry, "verdict"));
    const char *refused = json_string_value(json_object_get(entry, "refused"));
    const char *by = m->founding.participants[order->by].name;
    uint64_t height = 0;
    if (verdict == NULL || strcmp(verdict, "ok") != 0 || !listing_uint(entry, "height", &height))
        return call_reason(m->reason, BB_REMOTE, "the ledger refused \"%s %s\": %s", by, order->text,
                           refused != NULL   ? refused
                           : verdict != NULL ? verdict
                                             : "it gives no verdict");
    m->height = height > m->height ? height : m->height;
    json_array_append_new(outcome->orders, json_pack("{s:s, s:s, s:s, s:I, s:O?}", "by", by, "order",
                                                     order->text, "verdict", verdict, "height",
                                                     (json_int_t)height, "id", json_object_get(entry, "id")));
    json_t *trades = json_object_get(entry, "trades");
    if (json_is_array(trades))
        json_array_extend(outcome->trades, trades);
    return BB_OK;
}

static enum status send(struct demo_market *m, struct batch *batch, struct demo_outcome *outcome)
{
    json_t *list = json_array(), *result = NULL;
    for (size_t i = 0; i < batch->count; i++)
        json_array_append_new(list, sign(m, &batch->orders[i]));
    enum status status = ask(m, "submit", json_pack("{s:o}", "transactions", list), &result);
    for (size_t i = 0; i < batch->count && status == BB_OK; i++)
        status = note(m, &batch->orders[i], json_array_get(json_object_get(result, "results"), i), outcome);
    json_decref(result);
    return status;
}

/* -- a case
 * --------------------------------------------------------------------------------------------------- */

static void set_rules(const struct demo_market *m, const struct demo_case *c, size_t set, struct batch *batch)
{
    char text[96];
    for (size_t i = 0; c->lines && i < DEMO_TRADERS - 1; i++) {
        snprintf(text, sizeof text, "sets the line from %s to C1 to %" PRId64 ".0 kWh", demo_traders[i + 1],
                 posts[i].line.wh / 1000);
        struct action *action = add(batch, DISTRIBUTOR, ACTION_SET_LINE, text);
        action->line.buyer = *address_of(m, TRADER(set, 0));
        action->line.seller = *address_of(m, TRADER(set, i + 1));
        action->line.capacity = posts[i].line;
    }
    static const char *const modes[] = {"none", "limit", "penalty 0.10 cent/kWh to the seller"};
    snprintf(text, sizeof text, "sets the policy to %s", modes[c->policy.mode]);
    add(batch, DISTRIBUTOR, ACTION_SET_POLICY, text)->policy = c->policy;
}

static void give_orders(const struct demo_case *c, size_t set, struct batch *batch)
{
    char text[96];
    for (size_t i = 0; i < DEMO_TRADERS - 1; i++) {
        snprintf(text, sizeof text, "sells %" PRId64 ".0 kWh at %" PRId64 ".%02" PRId64,
                 posts[i].energy.wh / 1000, posts[i].price.micro_per_kwh / 10000,
                 posts[i].price.micro_per_kwh / 100 % 100);
        struct action *action = add(batch, TRADER(set, i + 1), ACTION_SELL, text);
        action->sell.energy = posts[i].energy;
        action->sell.price = posts[i].price;
    }
    snprintf(text, sizeof text, "buys %" PRId64 ".0 kWh at 10.00 or less", c->wanted.wh / 1000);
    struct action *action = add(batch, TRADER(set, 0), ACTION_BUY, text);
    action->buy.energy = c->wanted;
    action->buy.max_price = maximum;
}

/* The open post of a trader, if there is one, and its withdrawal into the batch: the next case starts with an
 * empty book, and money and energy stay as they are. */
static enum status read_post(struct demo_market *m, size_t participant, struct demo_line *line,
                             struct batch *batch)
{
    json_t *result = NULL;
    const char *name = m->founding.participants[participant].name;
    enum status status = ask(m, "orders", json_pack("{s:s}", "account", name), &result);
    if (status != BB_OK)
        return status;
    const json_t *order = json_array_get(json_object_get(result, "orders"), 0);
    uint64_t number;
    if (order != NULL && listing_int(order, "energy", &line->post.wh) &&
        listing_int(order, "price", &line->price.micro_per_kwh) && listing_uint(order, "order", &number))
        add(batch, participant, ACTION_CANCEL, "withdraws what is left of its post")->cancel.order = number;
    json_decref(result);
    return BB_OK;
}

static enum status read_line(struct demo_market *m, size_t participant, struct demo_line *line)
{
    json_t *result = NULL;
    const char *name = m->founding.participants[participant].name;
    enum status status = ask(m, "account", json_pack("{s:s}", "account", name), &result);
    if (status != BB_OK)
        return status;
    const json_t *account = json_object_get(result, "account");
    bool good =
        listing_int(account, "money", &line->money.nano) && listing_int(account, "energy", &line->energy.wh);
    json_decref(result);
    return good ? BB_OK : call_reason(m->reason, BB_MALFORMED, "the ledger does not tell what %s has", name);
}

static enum status run_case(struct demo_market *m, size_t set)
{
    struct demo_outcome *outcome = &m->outcomes[set];
    struct batch orders = {.count = 0}, rest = {.count = 0};
    *outcome = (struct demo_outcome){.orders = json_array(), .trades = json_array()};
    set_rules(m, &demo_cases[set], set, &orders);
    give_orders(&demo_cases[set], set, &orders);
    enum status status = send(m, &orders, outcome);
    for (size_t i = 0; i < DEMO_TRADERS && status == BB_OK; i++) {
        status = read_line(m, TRADER(set, i), &outcome->after[i]);
        if (status == BB_OK)
            status = read_post(m, TRADER(set, i), &outcome->after[i], &rest);
    }
    if (status == BB_OK && rest.count > 0)
        status = send(m, &rest, outcome);
    return status;
}

/* Afterwards the market is as the genesis has it: no policy in force, for whoever trades next. */
enum status demo_market_run(struct demo_market *m)
{
    int64_t started_ms = bb_loop_mono_ms();
    enum status status = BB_OK;
    for (size_t set = 0; set < DEMO_CASES && status == BB_OK; set++)
        status = run_case(m, set);
    m->seconds = (double)(bb_loop_mono_ms() - started_ms) / 1e3;
    if (status == BB_OK) {
        struct batch last = {.count = 0};
        add(&last, DISTRIBUTOR, ACTION_SET_POLICY, "sets the policy to none")->policy =
            (struct policy){.mode = POLICY_NONE};
        status = send(m, &last, &m->outcomes[DEMO_CASES - 1]);
    }
    return status;
}
