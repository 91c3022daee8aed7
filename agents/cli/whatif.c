#include "agents/cli/whatif.h"

#include "agents/cli/whatif_line.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <sys/mman.h>

/* The two companies' accounts, and the numbers that their addresses are made of. */
enum { OPERATOR, DISTRIBUTION, COMPANIES };

struct whatif {
    struct market *market;
    size_t size; /* of its memory */
    struct wall now;
    uint64_t keys;    /* addresses made so far */
    uint64_t actions; /* lines that acted */
    bool named[COMPANIES];
    struct trade trades[MARKET_TRADES_MAX];
};

static const struct market_limits usual = {
    .accounts = 1 << 20, .orders = 1 << 20, .lines = 1 << 20, .intervals = 4096, .uses = 1 << 20};

/* Nobody signs here: an address is only a number that was never used. */
static struct address address_of(uint64_t key)
{
    struct address address = {{0}};
    for (int i = 0; i < 8; i++)
        address.bytes[19 - i] = (uint8_t)(key >> (8 * i));
    return address;
}

static const struct address operator_address = {{[19] = OPERATOR + 1}};
static const struct address distribution_address = {{[19] = DISTRIBUTION + 1}};

static void admit_company(struct whatif *w, const struct address *address, const char *name, uint8_t role)
{
    struct action action = {.type = ACTION_ADMIT,
                            .admit = {.participant = *address, .name = bytes_of(name), .role = role}};
    CHECK(market_open(w->market, &action) == VERDICT_OK);
}

/* Makes the market; memory that is not touched costs nothing. BB_RANGE: a limit is outside its range. */
static enum status make_market(struct whatif *w, const struct market_limits *limits)
{
    size_t size = market_size(limits);
    if (size == 0)
        return BB_RANGE;
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return BB_FULL;
    if (w->market != NULL)
        munmap(w->market, w->size);
    w->market = market_init(memory, limits);
    w->size = size;
    admit_company(w, &operator_address, "operator", ROLE_OPERATOR);
    admit_company(w, &distribution_address, "distribution", ROLE_DISTRIBUTION);
    market_commit(w->market);
    w->keys = COMPANIES;
    return BB_OK;
}

enum status whatif_open(struct whatif **out)
{
    struct whatif *w = calloc(1, sizeof *w);
    if (w == NULL)
        return BB_FULL;
    if (make_market(w, &usual) != BB_OK) {
        free(w);
        return BB_FULL;
    }
    *out = w;
    return BB_OK;
}

void whatif_close(struct whatif *w)
{
    munmap(w->market, w->size);
    free(w);
}

/* The address of the account of that name; that of nobody when there is none. */
static struct address resolve(const struct whatif *w, const struct whatif_name *name)
{
    uint32_t index;
    struct account account = {.address = {{0}}};
    if (market_find_name(w->market, (struct bytes){(const uint8_t *)name->text, name->size}, &index))
        market_account(w->market, index, &account);
    return account.address;
}

static enum verdict apply(struct whatif *w, const struct action *action, struct whatif_answer *out)
{
    struct outcome outcome;
    enum verdict verdict = market_apply(w->market, action, w->now, &outcome);
    memcpy(w->trades, outcome.trades, outcome.trade_count * sizeof *w->trades);
    out->trades = w->trades;
    out->trade_count = outcome.trade_count;
    return verdict;
}

/* -- a line's words as an action of the contract ------------------------------------------------------------
 */

typedef void translate(struct whatif *w, const struct whatif_words *words, struct action *action);

static void to_sell(struct whatif *w, const struct whatif_words *words, struct action *action)
{
    action->type = ACTION_SELL;
    action->actor = resolve(w, &words->account);
    action->sell.interval = words->interval;
    action->sell.energy.wh = words->energy;
    action->sell.price.micro_per_kwh = words->price;
    action->sell.expires = words->expires;
}

static void to_buy(struct whatif *w, const struct whatif_words *words, struct action *action)
{
    action->type = ACTION_BUY;
    action->actor = resolve(w, &words->account);
    action->buy.interval = words->interval;
    action->buy.energy.wh = words->energy;
    action->buy.max_price.micro_per_kwh = words->price;
    action->buy.fill = words->fill;
    action->buy.expires = words->expires;
}

static void to_update(struct whatif *w, const struct whatif_words *words, struct action *action)
{
    action->type = ACTION_UPDATE;
    action->actor = resolve(w, &words->account);
    action->update.order = words->order;
    action->update.energy.wh = words->energy;
    action->update.price.micro_per_kwh = words->price;
}

static void to_cancel(struct whatif *w, const struct whatif_words *words, struct action *action)
{
    action->type = ACTION_CANCEL;
    action->actor = resolve(w, &words->account);
    action->cancel.order = words->order;
}

static void to_transfer(struct whatif *w, const struct whatif_words *words, struct action *action)
{
    action->type = ACTION_TRANSFER;
    action->actor = resolve(w, &words->account);
    action->transfer.to = resolve(w, &words->other);
    action->transfer.amount.nano = words->money;
}

static void to_mint(struct whatif *w, const struct whatif_words *words, struct action *action)
{
    action->type = ACTION_MINT;
    action->actor = operator_address;
    action->mint.to = resolve(w, &words->account);
    action->mint.money.nano = words->money;
    action->mint.energy.wh = words->energy;
}

static void to_line(struct whatif *w, const struct whatif_words *words, struct action *action)
{
    action->type = ACTION_SET_LINE;
    action->actor = distribution_address;
    action->line.buyer = resolve(w, &words->account);
    action->line.seller = resolve(w, &words->other);
    action->line.capacity.wh = words->energy;
}

static void to_policy(struct whatif *w, const struct whatif_words *words, struct action *action)
{
    (void)w;
    action->type = ACTION_SET_POLICY;
    action->actor = distribution_address;
    action->policy = (struct policy){.mode = words->mode,
                                     .recipient = words->recipient,
                                     .penalty = {words->price},
                                     .band_low = {words->band_low},
                                     .band_high = {words->band_high},
                                     .interval_seconds = words->interval_seconds,
                                     .gate_seconds = words->gate_seconds};
}

static void to_admit(struct whatif *w, const struct whatif_words *words, struct action *action)
{
    action->type = ACTION_ADMIT;
    action->actor = operator_address;
    action->admit.participant = address_of(++w->keys);
    action->admit.name = (struct bytes){(const uint8_t *)words->account.text, words->account.size};
    action->admit.role = words->role;
}

static void to_revoke(struct whatif *w, const struct whatif_words *words, struct action *action)
{
    action->type = ACTION_REVOKE;
    action->actor = operator_address;
    action->revoke.participant = resolve(w, &words->account);
}

static void to_rekey(struct whatif *w, const struct whatif_words *words, struct action *action)
{
    action->type = ACTION_REKEY;
    action->actor = operator_address;
    action->rekey.participant = resolve(w, &words->account);
    action->rekey.successor = address_of(++w->keys);
}

static void to_market(struct whatif *w, const struct whatif_words *words, struct action *action)
{
    (void)w;
    action->type = ACTION_SET_MARKET;
    action->actor = operator_address;
    action->market.state = words->state;
}

/* A correction names an earlier action by its place among the results, from 1. */
static void to_correction(struct whatif *w, const struct whatif_words *words, struct action *action)
{
    action->type = ACTION_CORRECTION;
    action->actor = operator_address;
    action->correction.from = resolve(w, &words->account);
    action->correction.to = resolve(w, &words->other);
    action->correction.money.nano = words->money;
    action->correction.energy.wh = words->energy;
    action->correction.known =
        !words->has_transaction || (words->transaction >= 1 && words->transaction <= w->actions);
}

static translate *const translations[WHATIF_VERBS] = {
    [WHATIF_SELL] = to_sell,         [WHATIF_BUY] = to_buy,           [WHATIF_UPDATE] = to_update,
    [WHATIF_CANCEL] = to_cancel,     [WHATIF_TRANSFER] = to_transfer, [WHATIF_MINT] = to_mint,
    [WHATIF_LINE] = to_line,         [WHATIF_POLICY] = to_policy,     [WHATIF_ADMIT] = to_admit,
    [WHATIF_REVOKE] = to_revoke,     [WHATIF_REKEY] = to_rekey,       [WHATIF_MARKET] = to_market,
    [WHATIF_CORRECT] = to_correction};

static void note_named(struct whatif *w, const struct whatif_name *name)
{
    uint32_t index;
    if (market_find_name(w->market, (struct bytes){(const uint8_t *)name->text, name->size}, &index) &&
        index < COMPANIES)
        w->named[index] = true;
}

/* A mint admits whom it names; when it is refused, nobody has been admitted. */
static enum verdict mint(struct whatif *w, const struct whatif_words *words, struct whatif_answer *out)
{
    struct action action = {0};
    struct address known = resolve(w, &words->account);
    enum verdict verdict = VERDICT_OK;
    if (address_is_none(&known)) {
        struct whatif_words admit = *words;
        admit.role = ROLE_PROSUMER;
        to_admit(w, &admit, &action);
        verdict = apply(w, &action, out);
    }
    if (verdict == VERDICT_OK) {
        action = (struct action){0};
        to_mint(w, words, &action);
        verdict = apply(w, &action, out);
    }
    if (verdict == VERDICT_OK)
        note_named(w, &words->account);
    else
        market_rollback(w->market);
    return verdict;
}

static enum verdict act(struct whatif *w, const struct whatif_words *words, struct whatif_answer *out)
{
    if (words->verb == WHATIF_MINT)
        return mint(w, words, out);
    struct action action = {0};
    translations[words->verb](w, words, &action);
    return apply(w, &action, out);
}

/* An action of nobody: refused, but what is due by time happens. */
static void pass_time(struct whatif *w)
{
    struct action action = {.type = ACTION_TRANSFER};
    struct outcome outcome;
    enum verdict verdict = market_apply(w->market, &action, w->now, &outcome);
    CHECK(verdict == VERDICT_NOT_ADMITTED);
    market_commit(w->market);
}

static enum status set_time(struct whatif *w, uint64_t now, struct bb_reason *reason)
{
    if (now > INT64_MAX / 1000) {
        bb_reason_say(reason, "\"now\": expected at most %lld seconds", (long long)(INT64_MAX / 1000));
        return BB_MALFORMED;
    }
    if ((int64_t)now * 1000 < w->now.ms) {
        bb_reason_say(reason, "\"now\": time does not go back: it is %lld already",
                      (long long)(w->now.ms / 1000));
        return BB_MALFORMED;
    }
    w->now.ms = (int64_t)now * 1000;
    pass_time(w);
    return BB_OK;
}

static enum status set_limits(struct whatif *w, const struct market_limits *asked, struct bb_reason *reason)
{
    const struct market_limits limits = {asked->accounts == 0 ? usual.accounts : asked->accounts,
                                         asked->orders == 0 ? usual.orders : asked->orders,
                                         asked->lines == 0 ? usual.lines : asked->lines,
                                         asked->intervals == 0 ? usual.intervals : asked->intervals,
                                         asked->uses == 0 ? usual.uses : asked->uses};
    if (w->actions != 0) {
        bb_reason_say(reason, "limits are set before the first action");
        return BB_MALFORMED;
    }
    enum status status = make_market(w, &limits);
    if (status == BB_OK)
        return BB_OK;
    bb_reason_say(reason, "%s",
                  status == BB_FULL ? "no memory for these limits" : "a limit is outside its range");
    return BB_MALFORMED;
}

static bool is_idle(struct bytes line)
{
    size_t i = 0;
    while (i < line.size && (line.data[i] == ' ' || line.data[i] == '\t' || line.data[i] == '\r'))
        i++;
    return i == line.size || line.data[i] == '#';
}

enum status whatif_line(struct whatif *w, struct bytes line, struct bb_reason *reason,
                        struct whatif_answer *out)
{
    struct whatif_words words;
    struct whatif_answer answer = {.acted = false, .verdict = VERDICT_OK};
    if (line.size > WHATIF_LINE_MAX) {
        bb_reason_say(reason, "longer than %d bytes", WHATIF_LINE_MAX);
        return BB_MALFORMED;
    }
    if (!is_idle(line)) {
        enum status status = whatif_line_read(line, reason, &words);
        if (status == BB_OK && words.verb == WHATIF_TIME)
            status = set_time(w, words.now, reason);
        else if (status == BB_OK && words.verb == WHATIF_LIMITS)
            status = set_limits(w, &words.limits, reason);
        else if (status == BB_OK)
            answer.verdict = act(w, &words, &answer);
        if (status != BB_OK)
            return status;
        market_commit(w->market);
        answer.acted = true;
        w->actions++;
    }
    *out = answer;
    return BB_OK;
}

const struct market *whatif_market(struct whatif *w)
{
    pass_time(w);
    return w->market;
}

bool whatif_shows(const struct whatif *w, uint32_t index)
{
    struct account account;
    market_account(w->market, index, &account);
    return index >= COMPANIES || w->named[index] || account.money.nano != 0 || account.energy.wh != 0;
}
