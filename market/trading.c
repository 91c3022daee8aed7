#include "market/trading.h"

#include "market/accounts.h"
#include "market/book.h"
#include "market/intervals.h"
#include "market/matching.h"
#include "market/orders.h"
#include "market/time.h"

static enum verdict check_energy(struct energy energy)
{
    return energy.wh >= 1 && energy.wh <= MARKET_ENERGY_MAX ? VERDICT_OK : VERDICT_AMOUNT;
}

static enum verdict check_price(struct price price)
{
    return price.micro_per_kwh >= 0 && price.micro_per_kwh <= MARKET_PRICE_MAX ? VERDICT_OK : VERDICT_PRICE;
}

/* What a post may say. */
static enum verdict check_offer(const struct market *m, struct energy energy, struct price price)
{
    int64_t low = m->head->policy.band_low.micro_per_kwh, high = m->head->policy.band_high.micro_per_kwh;
    enum verdict verdict = check_energy(energy);
    if (verdict == VERDICT_OK)
        verdict = check_price(price);
    if (verdict == VERDICT_OK && (low != 0 || high != 0) &&
        (price.micro_per_kwh < low || price.micro_per_kwh > high))
        verdict = VERDICT_PRICE_BAND;
    return verdict;
}

static enum verdict check_interval(const struct market *m, uint64_t start)
{
    uint64_t length = m->head->policy.interval_seconds;
    if (start == 0)
        return VERDICT_OK;
    if (length != 0 && start % length != 0)
        return VERDICT_INTERVAL;
    return time_closed(m, start) ? VERDICT_GATE_CLOSED : VERDICT_OK;
}

/* Opens the action's journal when resting bids could refuse it half-way. */
static void begin_if_bids(struct market *m, uint32_t interval)
{
    if (interval != STATE_NONE && m->intervals[interval].bids != TREE_EMPTY)
        journal_begin(&m->journal);
}

/* Tries the bids, and lets the interval go if that has emptied it. */
static enum verdict offer_to_bids(struct market *m, uint32_t interval, uint32_t post)
{
    enum verdict verdict = matching_try_bids(m, interval, post);
    if (verdict == VERDICT_OK)
        intervals_release(m, interval);
    return verdict;
}

/* The next number and place; both are spent by it. */
static void number(struct market *m, uint64_t *next, struct open_order *order)
{
    STATE_WRITE(m, next);
    STATE_WRITE(m, &m->head->next_place);
    order->id = (*next)++;
    order->place = m->head->next_place++;
    m->order = order->id;
}

enum verdict trading_sell(struct market *m, const struct action *action, uint32_t actor)
{
    uint64_t start = action->sell.interval;
    if (m->head->state != MARKET_OPEN)
        return VERDICT_HALTED;
    enum verdict verdict = check_offer(m, action->sell.energy, action->sell.price);
    if (verdict == VERDICT_OK)
        verdict = check_interval(m, start);
    if (verdict != VERDICT_OK)
        return verdict;
    if (time_expired(m, action->sell.expires))
        return VERDICT_EXPIRED;
    if (action->sell.energy.wh > accounts_free_energy(m, actor).wh)
        return VERDICT_ENERGY;
    if (!orders_room(m, start, 0))
        return VERDICT_FULL;
    begin_if_bids(m, intervals_find(m, start));
    struct open_order order = {.start = start,
                               .energy = action->sell.energy,
                               .price = action->sell.price,
                               .expires = action->sell.expires,
                               .account = actor};
    number(m, &m->head->next_post, &order);
    accounts_add_to(m, actor, (struct accounts_change){.on_sale = order.energy});
    uint32_t slot = orders_open(m, &order);
    return offer_to_bids(m, m->orders[slot].interval, slot);
}

enum verdict trading_update(struct market *m, const struct action *action, uint32_t actor)
{
    struct energy energy = action->update.energy;
    struct price price = action->update.price;
    if (m->head->state != MARKET_OPEN)
        return VERDICT_HALTED;
    uint32_t slot = orders_find(m, action->update.order);
    if (slot == STATE_NONE)
        return VERDICT_UNKNOWN_ORDER;
    const struct open_order *order = &m->orders[slot];
    if (order->account != actor)
        return VERDICT_NOT_OWNER;
    if (book_is_bid(order->id))
        return VERDICT_NOT_A_POST;
    enum verdict verdict = check_offer(m, energy, price);
    if (verdict != VERDICT_OK)
        return verdict;
    struct energy more = {energy.wh - order->energy.wh};
    if (more.wh > accounts_free_energy(m, actor).wh)
        return VERDICT_ENERGY;
    bool moves = more.wh > 0 || price.micro_per_kwh != order->price.micro_per_kwh;
    if (moves && m->head->next_place == STATE_PLACES_END)
        return VERDICT_FULL;
    begin_if_bids(m, order->interval);
    STATE_WRITE(m, &m->head->next_place);
    orders_change(m, slot, energy, price, moves ? m->head->next_place++ : order->place);
    accounts_add_to(m, actor, (struct accounts_change){.on_sale = more});
    m->order = order->id;
    return offer_to_bids(m, order->interval, slot);
}

enum verdict trading_cancel(struct market *m, const struct action *action, uint32_t actor)
{
    uint32_t slot = orders_find(m, action->cancel.order);
    if (slot == STATE_NONE)
        return VERDICT_UNKNOWN_ORDER;
    if (m->orders[slot].account != actor)
        return VERDICT_NOT_OWNER;
    m->order = action->cancel.order;
    orders_close(m, slot);
    return VERDICT_OK;
}

static enum verdict check_buy(const struct market *m, const struct action *action)
{
    if (m->head->state != MARKET_OPEN)
        return VERDICT_HALTED;
    enum verdict verdict = check_energy(action->buy.energy);
    if (verdict == VERDICT_OK)
        verdict = check_price(action->buy.max_price);
    if (verdict == VERDICT_OK && action->buy.fill >= FILL_END)
        verdict = VERDICT_FILL;
    if (verdict == VERDICT_OK)
        verdict = check_interval(m, action->buy.interval);
    if (verdict == VERDICT_OK && action->buy.fill == FILL_REST && time_expired(m, action->buy.expires))
        verdict = VERDICT_EXPIRED;
    return verdict;
}

/* The remainder stands as a bid, its cost in escrow. */
static void rest(struct market *m, const struct action *action, const struct matching_want *want)
{
    struct open_order order = {.start = action->buy.interval,
                               .energy = want->need,
                               .price = want->max,
                               .expires = action->buy.expires,
                               .account = want->buyer};
    uint32_t interval = intervals_obtain(m, order.start);
    if (m->intervals[interval].bids == TREE_EMPTY) {
        STATE_WRITE(m, &m->intervals[interval]);
        m->intervals[interval].tried = m->head->network_version;
    }
    number(m, &m->head->next_bid, &order);
    struct money escrow = {order.energy.wh * order.price.micro_per_kwh};
    accounts_add_to(m, want->buyer, (struct accounts_change){.escrow = escrow});
    orders_open(m, &order);
}

static enum verdict shortage(const struct market *m, const struct matching_want *want)
{
    if (m->passed_total > 0)
        return VERDICT_LINE_FULL;
    return want->dear ? VERDICT_TOO_DEAR : VERDICT_NO_OFFERS;
}

enum verdict trading_buy(struct market *m, const struct action *action, uint32_t actor)
{
    enum verdict verdict = check_buy(m, action);
    if (verdict != VERDICT_OK)
        return verdict;
    struct matching_want want = {
        actor, intervals_find(m, action->buy.interval), 0, action->buy.energy, action->buy.max_price, false};
    if (m->head->lines > 0)
        journal_begin(&m->journal); /* finding counts the lines' use */
    if (want.interval != STATE_NONE)
        verdict = matching_find(m, &want);
    if (verdict != VERDICT_OK)
        return verdict;
    uint8_t fill = action->buy.fill;
    bool rests = want.need.wh > 0 && fill == FILL_REST;
    if (want.need.wh > 0 && !rests && (fill == FILL_ALL_OR_NOTHING || m->trade_count == 0))
        return shortage(m, &want);
    struct matching_sum sum = matching_sum(m, 0);
    int64_t escrow = rests ? want.need.wh * want.max.micro_per_kwh : 0;
    if (sum.cost.nano + escrow > accounts_free_money(m, actor).nano) /* together at most energy × maximum */
        return VERDICT_MONEY;
    if (rests && !orders_room(m, action->buy.interval, sum.emptied))
        return VERDICT_FULL;
    matching_settle(m, 0, actor, STATE_NONE);
    if (rests)
        rest(m, action, &want);
    if (want.interval != STATE_NONE)
        intervals_release(m, want.interval);
    return VERDICT_OK;
}

enum verdict trading_transfer(struct market *m, const struct action *action, uint32_t actor)
{
    struct money amount = action->transfer.amount;
    uint32_t to = accounts_find(m, &action->transfer.to, NULL);
    if (to == STATE_NONE)
        return VERDICT_NOT_ADMITTED;
    if (m->holders[to].revoked)
        return VERDICT_REVOKED;
    if (to == actor)
        return VERDICT_SAME_ACCOUNT;
    if (amount.nano < 1)
        return VERDICT_AMOUNT;
    if (amount.nano > accounts_free_money(m, actor).nano)
        return VERDICT_MONEY;
    accounts_add_to(m, actor, (struct accounts_change){.money = {-amount.nano}});
    accounts_add_to(m, to, (struct accounts_change){.money = amount});
    return VERDICT_OK;
}
