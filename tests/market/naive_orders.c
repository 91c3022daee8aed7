/* The orders of the naive contract, and the matcher of figure 10 as a loop that ranks again after each step.
 */
#include "tests/market/naive_parts.h"

#include <busbar/check.h>

/* What a buyer looks for, and what came of it. */
struct want {
    uint32_t buyer;
    uint64_t interval, bid;
    int64_t need, max;
    bool dear; /* an offer above the maximum was left */
};

struct offer {
    int64_t energy, fee;
    bool exceeded, passed_over;
};

/* What the network says for a pair. */
static struct offer ask(const struct naive *n, uint32_t buyer, uint32_t seller, uint64_t interval)
{
    const struct naive_line *line = naive_line_of(n, buyer, seller);
    int64_t penalty = n->policy.penalty.micro_per_kwh;
    if (line == NULL || n->policy.mode == POLICY_NONE)
        return (struct offer){INT64_MAX, 0, false, false};
    int64_t used = naive_used(n, buyer, seller, interval);
    if (used < line->capacity)
        return (struct offer){line->capacity - used, 0, false, false};
    if (n->policy.mode == POLICY_LIMIT)
        return (struct offer){0, 0, false, true};
    return (struct offer){INT64_MAX, penalty, true, false};
}

/* Counts energy on a line that there is; false when there is no room to do so. */
static bool use(struct naive *n, uint32_t buyer, uint32_t seller, uint64_t interval, int64_t energy)
{
    if (naive_line_of(n, buyer, seller) == NULL)
        return true;
    for (uint32_t i = 0; i < n->use_count; i++) {
        struct naive_use *u = &n->uses[i];
        if (u->buyer == buyer && u->seller == seller && u->interval == interval) {
            u->used = energy > INT64_MAX - u->used ? INT64_MAX : u->used + energy;
            return true;
        }
    }
    if (n->use_count == n->limits.uses)
        return false;
    n->uses[n->use_count++] = (struct naive_use){buyer, seller, interval, energy};
    return true;
}

static bool before(const struct order *a, const struct offer *x, const struct order *b, const struct offer *y)
{
    int64_t p = a->price.micro_per_kwh + x->fee, q = b->price.micro_per_kwh + y->fee;
    if (p != q)
        return p < q;
    if (x->exceeded != y->exceeded)
        return y->exceeded;
    return a->sequence < b->sequence;
}

/* The first in rank among the candidates that were not passed over yet; n->order_count when there is none. */
static uint32_t first(const struct naive *n, const struct want *w, const bool *skip, struct offer *offer_out)
{
    uint32_t best = n->order_count;
    for (uint32_t i = 0; i < n->order_count; i++) {
        const struct order *o = &n->orders[i];
        if ((o->id & MARKET_BID_FLAG) || o->interval != w->interval || o->account == w->buyer ||
            o->energy.wh == 0 || skip[i])
            continue;
        struct offer offer = ask(n, w->buyer, o->account, w->interval);
        if (best == n->order_count || before(o, &offer, &n->orders[best], offer_out)) {
            best = i;
            *offer_out = offer;
        }
    }
    return best;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Finds trades for w->need, lowers it and the posts (empty ones stay until settled) and counts the lines'
 * use. Money does not move yet. */
static enum verdict match(struct naive *n, struct want *w, struct naive_outcome *out)
{
    bool skip[NAIVE_ORDERS] = {false};
    while (w->need > 0) {
        struct offer offer = {0, 0, false, false};
        uint32_t at = first(n, w, skip, &offer);
        if (at == n->order_count)
            return VERDICT_OK;
        struct order *post = &n->orders[at];
        if (post->price.micro_per_kwh + offer.fee > w->max) {
            w->dear = true;
            return VERDICT_OK;
        }
        if (offer.passed_over) {
            skip[at] = true;
            if (w->bid == 0)
                out->passed[out->passed_count++] = (struct passed){post->id, post->account, {0}};
            continue;
        }
        int64_t energy = least(least(w->need, post->energy.wh), offer.energy);
        if (out->trade_count == MARKET_TRADES_MAX)
            return VERDICT_TOO_MANY_TRADES;
        if (!use(n, w->buyer, post->account, w->interval, energy))
            return VERDICT_FULL;
        post->energy.wh -= energy;
        w->need -= energy;
        out->trades[out->trade_count++] = (struct trade){.buyer = w->buyer,
                                                         .seller = post->account,
                                                         .post = post->id,
                                                         .bid = w->bid,
                                                         .interval = w->interval,
                                                         .energy = {energy},
                                                         .price = post->price,
                                                         .fee = {offer.fee},
                                                         .network = n->policy.mode == POLICY_NONE ? 0 : 1,
                                                         .version = n->version};
    }
    return VERDICT_OK;
}

static int64_t cost_of(const struct trade *t)
{
    return t->energy.wh * (t->price.micro_per_kwh + t->fee.micro_per_kwh);
}

/* Moves what the trades from number `from` on say, and deletes the posts that they emptied. */
static void settle(struct naive *n, const struct naive_outcome *out, uint32_t from)
{
    for (uint32_t i = from; i < out->trade_count; i++) {
        const struct trade *t = &out->trades[i];
        struct account *buyer = &n->accounts[t->buyer], *seller = &n->accounts[t->seller];
        int64_t fee = t->energy.wh * t->fee.micro_per_kwh;
        buyer->money.nano -= cost_of(t);
        seller->money.nano += cost_of(t) - fee;
        seller->energy.wh -= t->energy.wh;
        seller->on_sale.wh -= t->energy.wh;
        buyer->energy.wh += t->energy.wh;
        if (fee == 0)
            continue;
        if (n->policy.recipient == RECIPIENT_SELLER)
            seller->money.nano += fee;
        else if (t->interval == 0)
            naive_distribution(n)->money.nano += fee;
        else
            naive_wait(n, t->interval, fee);
    }
    for (uint32_t i = n->order_count; i-- > 0;)
        if (n->orders[i].energy.wh == 0)
            n->orders[i] = n->orders[--n->order_count];
}

static uint32_t find_order(const struct naive *n, uint64_t id)
{
    uint32_t at = 0;
    while (at < n->order_count && n->orders[at].id != id)
        at++;
    return at;
}

/* The best bid of the interval that ranks behind `last` (NULL: the best of all); order_count: none. */
static uint32_t next_bid(const struct naive *n, uint64_t interval, const struct order *last)
{
    uint32_t best = n->order_count;
    for (uint32_t i = 0; i < n->order_count; i++) {
        const struct order *o = &n->orders[i];
        if (!(o->id & MARKET_BID_FLAG) || o->interval != interval)
            continue;
        if (last != NULL &&
            (o->price.micro_per_kwh > last->price.micro_per_kwh ||
             (o->price.micro_per_kwh == last->price.micro_per_kwh && o->sequence <= last->sequence)))
            continue;
        const struct order *b = &n->orders[best];
        if (best == n->order_count || o->price.micro_per_kwh > b->price.micro_per_kwh ||
            (o->price.micro_per_kwh == b->price.micro_per_kwh && o->sequence < b->sequence))
            best = i;
    }
    return best;
}

/* Every resting bid of the interval against the whole book. */
static enum verdict try_bids(struct naive *n, uint64_t interval, struct naive_outcome *out)
{
    struct order bid, *last = NULL;
    for (;;) {
        uint32_t at = next_bid(n, interval, last);
        if (at == n->order_count)
            return VERDICT_OK;
        bid = n->orders[at];
        last = &bid;
        struct want want = {bid.account, interval, bid.id, bid.energy.wh, bid.price.micro_per_kwh, false};
        uint32_t from = out->trade_count;
        enum verdict verdict = match(n, &want, out);
        if (verdict != VERDICT_OK)
            return verdict;
        n->accounts[bid.account].escrow.nano -= (bid.energy.wh - want.need) * bid.price.micro_per_kwh;
        n->orders[at].energy.wh = want.need;
        settle(n, out, from);
    }
}

static enum verdict check_interval(const struct naive *n, uint64_t interval, int64_t second)
{
    if (interval == 0)
        return VERDICT_OK;
    if (n->policy.interval_seconds != 0 && interval % n->policy.interval_seconds != 0)
        return VERDICT_INTERVAL;
    return naive_closed(n, interval, second) ? VERDICT_GATE_CLOSED : VERDICT_OK;
}

static bool passed_already(uint64_t expires, int64_t second)
{
    return expires != 0 && second >= 0 && expires <= (uint64_t)second;
}

static enum verdict check_offer(const struct naive *n, int64_t energy, int64_t price)
{
    int64_t low = n->policy.band_low.micro_per_kwh, high = n->policy.band_high.micro_per_kwh;
    if (energy < 1 || energy > MARKET_ENERGY_MAX)
        return VERDICT_AMOUNT;
    if (price < 0 || price > MARKET_PRICE_MAX)
        return VERDICT_PRICE;
    return (low != 0 || high != 0) && (price < low || price > high) ? VERDICT_PRICE_BAND : VERDICT_OK;
}

enum verdict naive_sell(struct naive *n, const struct naive_call *c)
{
    const struct action *a = c->action;
    struct account *seller = &n->accounts[c->actor];
    if (n->state != MARKET_OPEN)
        return VERDICT_HALTED;
    enum verdict verdict = check_offer(n, a->sell.energy.wh, a->sell.price.micro_per_kwh);
    if (verdict == VERDICT_OK)
        verdict = check_interval(n, a->sell.interval, c->second);
    if (verdict != VERDICT_OK)
        return verdict;
    if (passed_already(a->sell.expires, c->second))
        return VERDICT_EXPIRED;
    if (a->sell.energy.wh > seller->energy.wh - seller->on_sale.wh)
        return VERDICT_ENERGY;
    if (!naive_has_room(n, a->sell.interval))
        return VERDICT_FULL;
    c->out->order = n->next_post;
    n->orders[n->order_count++] = (struct order){.id = n->next_post++,
                                                 .account = c->actor,
                                                 .interval = a->sell.interval,
                                                 .energy = a->sell.energy,
                                                 .price = a->sell.price,
                                                 .expires = a->sell.expires,
                                                 .sequence = n->next_place++};
    seller->on_sale.wh += a->sell.energy.wh;
    return try_bids(n, a->sell.interval, c->out);
}

static enum verdict rest(struct naive *n, const struct naive_call *c, const struct want *w)
{
    if (!naive_has_room(n, w->interval))
        return VERDICT_FULL;
    c->out->order = n->next_bid;
    n->orders[n->order_count++] = (struct order){.id = n->next_bid++,
                                                 .account = c->actor,
                                                 .interval = w->interval,
                                                 .energy = {w->need},
                                                 .price = {w->max},
                                                 .expires = c->action->buy.expires,
                                                 .sequence = n->next_place++};
    n->accounts[c->actor].escrow.nano += w->need * w->max;
    return VERDICT_OK;
}

static enum verdict check_buy(const struct naive *n, const struct naive_call *c)
{
    const struct action *a = c->action;
    if (n->state != MARKET_OPEN)
        return VERDICT_HALTED;
    if (a->buy.energy.wh < 1 || a->buy.energy.wh > MARKET_ENERGY_MAX)
        return VERDICT_AMOUNT;
    if (a->buy.max_price.micro_per_kwh < 0 || a->buy.max_price.micro_per_kwh > MARKET_PRICE_MAX)
        return VERDICT_PRICE;
    if (a->buy.fill > 2)
        return VERDICT_FILL;
    enum verdict verdict = check_interval(n, a->buy.interval, c->second);
    if (verdict == VERDICT_OK && a->buy.fill == FILL_REST && passed_already(a->buy.expires, c->second))
        return VERDICT_EXPIRED;
    return verdict;
}

enum verdict naive_buy(struct naive *n, const struct naive_call *c)
{
    const struct action *a = c->action;
    struct account *buyer = &n->accounts[c->actor];
    struct want want = {c->actor, a->buy.interval, 0, a->buy.energy.wh, a->buy.max_price.micro_per_kwh,
                        false};
    enum verdict verdict = check_buy(n, c);
    if (verdict == VERDICT_OK)
        verdict = match(n, &want, c->out);
    if (verdict != VERDICT_OK)
        return verdict;
    bool rests = want.need > 0 && a->buy.fill == FILL_REST;
    if (want.need > 0 && !rests && (a->buy.fill == FILL_ALL_OR_NOTHING || c->out->trade_count == 0))
        return c->out->passed_count > 0 ? VERDICT_LINE_FULL
               : want.dear              ? VERDICT_TOO_DEAR
                                        : VERDICT_NO_OFFERS;
    int64_t cost = rests ? want.need * want.max : 0;
    for (uint32_t i = 0; i < c->out->trade_count; i++)
        cost += cost_of(&c->out->trades[i]);
    if (cost > buyer->money.nano - buyer->escrow.nano)
        return VERDICT_MONEY;
    settle(n, c->out, 0);
    return rests ? rest(n, c, &want) : VERDICT_OK;
}

enum verdict naive_update(struct naive *n, const struct naive_call *c)
{
    const struct action *a = c->action;
    struct account *owner = &n->accounts[c->actor];
    if (n->state != MARKET_OPEN)
        return VERDICT_HALTED;
    uint32_t at = find_order(n, a->update.order);
    if (at == n->order_count)
        return VERDICT_UNKNOWN_ORDER;
    struct order *post = &n->orders[at];
    if (post->account != c->actor)
        return VERDICT_NOT_OWNER;
    if (post->id & MARKET_BID_FLAG)
        return VERDICT_NOT_A_POST;
    enum verdict verdict = check_offer(n, a->update.energy.wh, a->update.price.micro_per_kwh);
    if (verdict != VERDICT_OK)
        return verdict;
    if (a->update.energy.wh > owner->energy.wh - owner->on_sale.wh + post->energy.wh)
        return VERDICT_ENERGY;
    if (a->update.price.micro_per_kwh != post->price.micro_per_kwh || a->update.energy.wh > post->energy.wh)
        post->sequence = n->next_place++;
    owner->on_sale.wh += a->update.energy.wh - post->energy.wh;
    post->energy = a->update.energy;
    post->price = a->update.price;
    c->out->order = post->id;
    return try_bids(n, post->interval, c->out);
}

enum verdict naive_cancel(struct naive *n, const struct naive_call *c)
{
    uint32_t at = find_order(n, c->action->cancel.order);
    if (at == n->order_count)
        return VERDICT_UNKNOWN_ORDER;
    if (n->orders[at].account != c->actor)
        return VERDICT_NOT_OWNER;
    c->out->order = c->action->cancel.order;
    naive_drop(n, at);
    return VERDICT_OK;
}
