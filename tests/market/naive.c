#include "tests/market/naive.h"

#include "tests/market/naive_parts.h"

#include <busbar/check.h>

/* Seconds are at most 2^63 / 1000 and gates up to 2^64: their sum fits here. */
typedef __int128 wide;

void naive_init(struct naive *n, const struct market_limits *limits)
{
    memset(n, 0, sizeof *n);
    CHECK(limits->accounts <= NAIVE_ACCOUNTS && limits->orders <= NAIVE_ORDERS &&
          limits->lines <= NAIVE_LINES && limits->uses <= NAIVE_USES && limits->intervals <= NAIVE_INTERVALS);
    n->limits = *limits;
    n->next_post = n->next_place = 1;
    n->next_bid = MARKET_BID_FLAG + 1;
}

void naive_copy(struct naive *to, const struct naive *from)
{
    memcpy(to, from, offsetof(struct naive, accounts));
    memcpy(to->accounts, from->accounts, from->account_count * sizeof *from->accounts);
    memcpy(to->retired, from->retired, from->retired_count * sizeof *from->retired);
    memcpy(to->orders, from->orders, from->order_count * sizeof *from->orders);
    memcpy(to->lines, from->lines, from->line_count * sizeof *from->lines);
    memcpy(to->uses, from->uses, from->use_count * sizeof *from->uses);
    memcpy(to->fees, from->fees, from->fee_count * sizeof *from->fees);
}

/* -- finding ----------------------------------------------------------------------------------------------
 */

static uint32_t find(const struct naive *n, const struct address *address)
{
    for (uint32_t i = 0; i < n->account_count; i++)
        if (address_equal(&n->accounts[i].address, address))
            return i;
    return NAIVE_NOBODY;
}

static bool is_retired(const struct naive *n, const struct address *address)
{
    for (uint32_t i = 0; i < n->retired_count; i++)
        if (address_equal(&n->retired[i].address, address))
            return true;
    return false;
}

static bool name_taken(const struct naive *n, struct bytes name)
{
    for (uint32_t i = 0; i < n->account_count; i++)
        if (bytes_equal(bytes_of(n->accounts[i].name), name))
            return true;
    return false;
}

static uint32_t find_role(const struct naive *n, enum role role)
{
    for (uint32_t i = 0; i < n->account_count; i++)
        if (n->accounts[i].role == role)
            return i;
    return NAIVE_NOBODY;
}

struct account *naive_distribution(struct naive *n)
{
    uint32_t index = find_role(n, ROLE_DISTRIBUTION);
    CHECK(index != NAIVE_NOBODY);
    return &n->accounts[index];
}

const struct naive_line *naive_line_of(const struct naive *n, uint32_t buyer, uint32_t seller)
{
    for (uint32_t i = 0; i < n->line_count; i++)
        if (n->lines[i].buyer == buyer && n->lines[i].seller == seller)
            return &n->lines[i];
    return NULL;
}

int64_t naive_used(const struct naive *n, uint32_t buyer, uint32_t seller, uint64_t interval)
{
    for (uint32_t i = 0; i < n->use_count; i++)
        if (n->uses[i].buyer == buyer && n->uses[i].seller == seller && n->uses[i].interval == interval)
            return n->uses[i].used;
    return 0;
}

/* Puts a new interval into seen[*count]. */
static void see(uint64_t interval, uint64_t *seen, uint32_t *count)
{
    for (uint32_t i = 0; i < *count; i++)
        if (seen[i] == interval)
            return;
    CHECK(*count < NAIVE_INTERVALS);
    seen[(*count)++] = interval;
}

static uint32_t intervals_of(const struct naive *n, uint64_t *seen)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n->order_count; i++)
        see(n->orders[i].interval, seen, &count);
    for (uint32_t i = 0; i < n->use_count; i++)
        see(n->uses[i].interval, seen, &count);
    for (uint32_t i = 0; i < n->fee_count; i++)
        see(n->fees[i].interval, seen, &count);
    return count;
}

bool naive_has_room(const struct naive *n, uint64_t interval)
{
    uint64_t seen[NAIVE_INTERVALS];
    uint32_t count = intervals_of(n, seen);
    bool known = false;
    for (uint32_t i = 0; i < count; i++)
        known = known || seen[i] == interval;
    return n->order_count < n->limits.orders && (known || count < n->limits.intervals);
}

/* -- time -------------------------------------------------------------------------------------------------
 */

bool naive_closed(const struct naive *n, uint64_t interval, int64_t second)
{
    return interval != 0 && (wide)interval <= (wide)second + (wide)n->policy.gate_seconds;
}

void naive_drop(struct naive *n, uint32_t at)
{
    const struct order *order = &n->orders[at];
    struct account *owner = &n->accounts[order->account];
    if (order->id & MARKET_BID_FLAG)
        owner->escrow.nano -= order->energy.wh * order->price.micro_per_kwh;
    else
        owner->on_sale.wh -= order->energy.wh;
    n->orders[at] = n->orders[--n->order_count];
}

void naive_wait(struct naive *n, uint64_t interval, int64_t amount)
{
    for (uint32_t i = 0; i < n->fee_count; i++)
        if (n->fees[i].interval == interval) {
            n->fees[i].amount += amount;
            return;
        }
    CHECK(n->fee_count < NAIVE_INTERVALS);
    n->fees[n->fee_count++] = (struct naive_fee){interval, amount};
}

static void pass_time(struct naive *n, int64_t second)
{
    for (uint32_t i = n->order_count; i-- > 0;)
        if (naive_closed(n, n->orders[i].interval, second))
            naive_drop(n, i);
    for (uint32_t i = n->fee_count; i-- > 0;)
        if (naive_closed(n, n->fees[i].interval, second)) {
            naive_distribution(n)->money.nano += n->fees[i].amount;
            n->fees[i] = n->fees[--n->fee_count];
        }
    for (uint32_t i = n->use_count; i-- > 0;)
        if (naive_closed(n, n->uses[i].interval, second))
            n->uses[i] = n->uses[--n->use_count];
    for (uint32_t i = n->order_count; i-- > 0;)
        if (n->orders[i].expires != 0 && (wide)n->orders[i].expires <= (wide)second)
            naive_drop(n, i);
}

/* -- the operator's actions -------------------------------------------------------------------------------
 */

static bool name_good(struct bytes name)
{
    if (name.size < 1 || name.size > MARKET_NAME_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool other = (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
        if (!letter && (i == 0 || !other))
            return false;
    }
    return true;
}

static bool role_can_be_admitted(const struct naive *n, uint8_t role, bool opening)
{
    if (role == ROLE_OPERATOR || role == ROLE_DISTRIBUTION)
        return opening && find_role(n, role) == NAIVE_NOBODY;
    return role >= 1 && role <= 5;
}

static enum verdict admit(struct naive *n, const struct naive_call *c)
{
    struct bytes name = c->action->admit.name;
    const struct address *address = &c->action->admit.participant;
    uint8_t role = c->action->admit.role;
    if (!name_good(name))
        return VERDICT_NAME;
    if (!role_can_be_admitted(n, role, c->actor == NAIVE_NOBODY))
        return VERDICT_ROLE;
    if (address_is_none(address))
        return VERDICT_NAME;
    if (find(n, address) != NAIVE_NOBODY || is_retired(n, address) || name_taken(n, name))
        return VERDICT_ALREADY_ADMITTED;
    if (n->account_count == n->limits.accounts)
        return VERDICT_FULL;
    struct account *account = &n->accounts[n->account_count++];
    *account = (struct account){.address = *address, .role = role};
    memcpy(account->name, name.data, name.size);
    return VERDICT_OK;
}

static enum verdict revoke(struct naive *n, const struct naive_call *c)
{
    uint32_t who = find(n, &c->action->revoke.participant);
    if (who == NAIVE_NOBODY)
        return VERDICT_NOT_ADMITTED;
    if (n->accounts[who].revoked)
        return VERDICT_REVOKED;
    if (n->accounts[who].role == ROLE_OPERATOR || n->accounts[who].role == ROLE_DISTRIBUTION)
        return VERDICT_ROLE;
    n->accounts[who].revoked = true;
    for (uint32_t i = n->order_count; i-- > 0;)
        if (n->orders[i].account == who)
            naive_drop(n, i);
    return VERDICT_OK;
}

static enum verdict rekey(struct naive *n, const struct naive_call *c)
{
    const struct address *successor = &c->action->rekey.successor;
    uint32_t who = find(n, &c->action->rekey.participant);
    if (who == NAIVE_NOBODY)
        return VERDICT_NOT_ADMITTED;
    if (address_is_none(successor))
        return VERDICT_NAME;
    if (find(n, successor) != NAIVE_NOBODY || is_retired(n, successor))
        return VERDICT_ALREADY_ADMITTED;
    if (n->retired_count == n->limits.accounts)
        return VERDICT_FULL;
    n->retired[n->retired_count++] = (struct naive_retired){n->accounts[who].address, who};
    n->accounts[who].address = *successor;
    n->accounts[who].revoked = false;
    return VERDICT_OK;
}

static enum verdict mint(struct naive *n, const struct naive_call *c)
{
    int64_t money = c->action->mint.money.nano, energy = c->action->mint.energy.wh;
    uint32_t to = find(n, &c->action->mint.to);
    if (to == NAIVE_NOBODY)
        return VERDICT_NOT_ADMITTED;
    if (money < 0 || energy < 0 || (money == 0 && energy == 0))
        return VERDICT_AMOUNT;
    if (money > INT64_MAX - n->money_total || energy > INT64_MAX - n->energy_total)
        return VERDICT_OVERFLOW;
    n->money_total += money;
    n->energy_total += energy;
    n->accounts[to].money.nano += money;
    n->accounts[to].energy.wh += energy;
    return VERDICT_OK;
}

static enum verdict set_market(struct naive *n, const struct naive_call *c)
{
    if (c->action->market.state > 1)
        return VERDICT_POLICY;
    n->state = c->action->market.state;
    return VERDICT_OK;
}

static enum verdict correct(struct naive *n, const struct naive_call *c)
{
    int64_t money = c->action->correction.money.nano, energy = c->action->correction.energy.wh;
    if (!c->action->correction.known)
        return VERDICT_UNKNOWN_TRANSACTION;
    uint32_t from = find(n, &c->action->correction.from), to = find(n, &c->action->correction.to);
    if (from == NAIVE_NOBODY || to == NAIVE_NOBODY)
        return VERDICT_NOT_ADMITTED;
    if (from == to)
        return VERDICT_SAME_ACCOUNT;
    if (money < 0 || energy < 0 || (money == 0 && energy == 0))
        return VERDICT_AMOUNT;
    struct account *payer = &n->accounts[from], *payee = &n->accounts[to];
    if (money > payer->money.nano - payer->escrow.nano)
        return VERDICT_MONEY;
    if (energy > payer->energy.wh - payer->on_sale.wh)
        return VERDICT_ENERGY;
    payer->money.nano -= money;
    payee->money.nano += money;
    payer->energy.wh -= energy;
    payee->energy.wh += energy;
    return VERDICT_OK;
}

static enum verdict set_sealer(struct naive *n, const struct naive_call *c)
{
    if (address_is_none(&c->action->sealer.sealer))
        return VERDICT_NAME;
    n->sealer = c->action->sealer.sealer;
    return VERDICT_OK;
}

/* -- the distribution company's, and the transfer ---------------------------------------------------------
 */

static void remove_line(struct naive *n, uint32_t buyer, uint32_t seller)
{
    for (uint32_t i = n->line_count; i-- > 0;)
        if (n->lines[i].buyer == buyer && n->lines[i].seller == seller)
            n->lines[i] = n->lines[--n->line_count];
    for (uint32_t i = n->use_count; i-- > 0;)
        if (n->uses[i].buyer == buyer && n->uses[i].seller == seller)
            n->uses[i] = n->uses[--n->use_count];
}

static enum verdict set_line(struct naive *n, const struct naive_call *c)
{
    int64_t capacity = c->action->line.capacity.wh;
    uint32_t buyer = find(n, &c->action->line.buyer), seller = find(n, &c->action->line.seller);
    if (buyer == NAIVE_NOBODY || seller == NAIVE_NOBODY)
        return VERDICT_NOT_ADMITTED;
    if (buyer == seller)
        return VERDICT_SAME_ACCOUNT;
    if (capacity < -1)
        return VERDICT_CAPACITY;
    struct naive_line *line = (struct naive_line *)naive_line_of(n, buyer, seller);
    if (capacity == -1) {
        remove_line(n, buyer, seller);
    } else if (line != NULL) {
        line->capacity = capacity;
    } else {
        if (n->line_count == n->limits.lines)
            return VERDICT_FULL;
        n->lines[n->line_count++] = (struct naive_line){buyer, seller, capacity};
    }
    n->version++;
    return VERDICT_OK;
}

static enum verdict set_policy(struct naive *n, const struct naive_call *c)
{
    const struct policy *p = &c->action->policy;
    int64_t low = p->band_low.micro_per_kwh, high = p->band_high.micro_per_kwh;
    if (find_role(n, ROLE_DISTRIBUTION) == NAIVE_NOBODY)
        return VERDICT_NOT_ADMITTED;
    if (p->mode > 2 || p->recipient > 1 || p->penalty.micro_per_kwh < 0 ||
        p->penalty.micro_per_kwh > MARKET_PRICE_MAX || low < 0 || high < low || high > MARKET_PRICE_MAX)
        return VERDICT_POLICY;
    n->policy = *p;
    n->version++;
    return VERDICT_OK;
}

static enum verdict transfer(struct naive *n, const struct naive_call *c)
{
    int64_t amount = c->action->transfer.amount.nano;
    uint32_t to = find(n, &c->action->transfer.to);
    if (to == NAIVE_NOBODY)
        return VERDICT_NOT_ADMITTED;
    if (n->accounts[to].revoked)
        return VERDICT_REVOKED;
    if (to == c->actor)
        return VERDICT_SAME_ACCOUNT;
    if (amount < 1)
        return VERDICT_AMOUNT;
    struct account *from = &n->accounts[c->actor];
    if (amount > from->money.nano - from->escrow.nano)
        return VERDICT_MONEY;
    from->money.nano -= amount;
    n->accounts[to].money.nano += amount;
    return VERDICT_OK;
}

/* -- applying ---------------------------------------------------------------------------------------------
 */

#define ROLE(role) (1u << ROLE_##role)
#define ANYONE     (~0u)

static const struct {
    unsigned roles;
    naive_rule *rule;
    bool opens; /* may open a market */
} rules[ACTION_TYPES] = {
    [ACTION_SELL] = {ROLE(PROSUMER), naive_sell, false},
    [ACTION_BUY] = {ROLE(PROSUMER) | ROLE(CONSUMER), naive_buy, false},
    [ACTION_UPDATE] = {ANYONE, naive_update, false},
    [ACTION_CANCEL] = {ANYONE, naive_cancel, false},
    [ACTION_TRANSFER] = {ANYONE, transfer, false},
    [ACTION_ADMIT] = {ROLE(OPERATOR), admit, true},
    [ACTION_REVOKE] = {ROLE(OPERATOR), revoke, false},
    [ACTION_REKEY] = {ROLE(OPERATOR), rekey, false},
    [ACTION_MINT] = {ROLE(OPERATOR), mint, true},
    [ACTION_SET_LINE] = {ROLE(DISTRIBUTION), set_line, true},
    [ACTION_SET_POLICY] = {ROLE(DISTRIBUTION), set_policy, true},
    [ACTION_SET_MARKET] = {ROLE(OPERATOR), set_market, false},
    [ACTION_CORRECTION] = {ROLE(OPERATOR), correct, false},
    [ACTION_SET_SEALER] = {ROLE(OPERATOR), set_sealer, true},
};

static enum verdict who_acts(const struct naive *n, const struct action *action, uint32_t *actor_out)
{
    uint32_t actor = find(n, &action->actor);
    if (actor == NAIVE_NOBODY)
        return is_retired(n, &action->actor) ? VERDICT_REVOKED : VERDICT_NOT_ADMITTED;
    if (n->accounts[actor].revoked)
        return VERDICT_REVOKED;
    if (!(rules[action->type].roles & 1u << n->accounts[actor].role))
        return VERDICT_ROLE;
    *actor_out = actor;
    return VERDICT_OK;
}

static bool same_balances(const struct account *a, const struct account *b)
{
    return a->money.nano == b->money.nano && a->escrow.nano == b->escrow.nano &&
           a->energy.wh == b->energy.wh && a->on_sale.wh == b->on_sale.wh;
}

static void find_touched(const struct naive *before, const struct naive *after, struct naive_outcome *out)
{
    for (uint32_t i = 0; i < before->account_count; i++)
        if (!same_balances(&before->accounts[i], &after->accounts[i]))
            out->touched[out->touched_count++] = i;
}

enum verdict naive_apply(struct naive *n, const struct action *action, struct wall now,
                         struct naive_outcome *out)
{
    static struct naive before;
    struct naive_call call = {action, NAIVE_NOBODY, now.ms / 1000 - (now.ms % 1000 < 0), out};
    out->order = 0;
    out->trade_count = out->passed_count = out->touched_count = 0;
    pass_time(n, call.second);
    naive_copy(&before, n);
    enum verdict verdict = who_acts(n, action, &call.actor);
    if (verdict == VERDICT_OK)
        verdict = rules[action->type].rule(n, &call);
    if (verdict == VERDICT_OK) {
        find_touched(&before, n, out);
        return verdict;
    }
    naive_copy(n, &before);
    out->order = 0;
    out->trade_count = 0;
    if (verdict != VERDICT_LINE_FULL)
        out->passed_count = 0;
    return verdict;
}

enum verdict naive_open(struct naive *n, const struct action *action)
{
    static struct naive_outcome out;
    struct naive_call call = {action, NAIVE_NOBODY, 0, &out};
    CHECK(rules[action->type].opens);
    return rules[action->type].rule(n, &call);
}

bool naive_audit(const struct naive *n)
{
    static int64_t escrow[NAIVE_ACCOUNTS], on_sale[NAIVE_ACCOUNTS];
    memset(escrow, 0, sizeof escrow);
    memset(on_sale, 0, sizeof on_sale);
    for (uint32_t i = 0; i < n->order_count; i++) {
        const struct order *o = &n->orders[i];
        if (o->energy.wh < 1 || o->price.micro_per_kwh < 0)
            return false;
        if (o->id & MARKET_BID_FLAG)
            escrow[o->account] += o->energy.wh * o->price.micro_per_kwh;
        else
            on_sale[o->account] += o->energy.wh;
    }
    wide money = 0, energy = 0;
    for (uint32_t i = 0; i < n->fee_count; i++)
        money += n->fees[i].amount;
    for (uint32_t i = 0; i < n->account_count; i++) {
        const struct account *a = &n->accounts[i];
        if (a->escrow.nano != escrow[i] || a->on_sale.wh != on_sale[i] || a->money.nano < escrow[i] ||
            a->energy.wh < on_sale[i])
            return false;
        money += a->money.nano;
        energy += a->energy.wh;
    }
    return money == n->money_total && energy == n->energy_total;
}
