#include "market/matching.h"
#include "market/book.h"

#include "market/accounts.h"
#include "market/intervals.h"
#include "market/network.h"
#include "market/orders.h"

#include <busbar/check.h>

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static struct network_offer ask(const struct market *m, const struct matching_want *w,
                                const struct open_order *post)
{
    return network_ask(m, w->buyer, post->account, post->start);
}

/* One trade of `energy` with a post that has `left`. */
static enum verdict add_trade(struct market *m, struct matching_want *w, uint32_t slot, struct energy energy,
                              struct energy left, struct price fee)
{
    const struct open_order *post = &m->orders[slot];
    if (m->trade_count == MARKET_TRADES_MAX)
        return VERDICT_TOO_MANY_TRADES;
    if (m->head->lines > 0) {
        enum verdict verdict = network_take(m, w->buyer, post->account, post->start, energy);
        if (verdict != VERDICT_OK)
            return verdict;
    }
    struct trade *trade = &m->trades[m->trade_count];
    *trade = (struct trade){.buyer = w->buyer,
                            .seller = post->account,
                            .post = post->id,
                            .bid = w->bid,
                            .interval = post->start,
                            .energy = energy,
                            .price = post->price,
                            .fee = fee};
    trade->network = (uint8_t)network_of(m, &trade->version);
    struct trade_source *source = &m->sources[m->trade_count++];
    *source = (struct trade_source){slot, energy.wh == left.wh, {0}};
    CHECK(money_of(energy, fee, &source->fee));
    w->need.wh -= energy.wh;
    return VERDICT_OK;
}

static void pass_over(struct market *m, const struct matching_want *w, const struct open_order *post,
                      struct energy headroom)
{
    if (w->bid != 0)
        return;
    if (m->passed_count < MARKET_PASSED_MAX)
        m->passed[m->passed_count++] = (struct passed){post->id, post->account, headroom};
    m->passed_total++;
}

/* Two streams in price order: `near` walks the book and yields the posts whose line still carries something;
 * posts on exhausted lines queue up behind each other with their fee, so that the queue is in price order
 * too. A line that is exhausted stays so while one buyer buys, so no post ever has to change back. */
struct streams {
    struct tree_cursor near;
    struct energy left; /* of the post at `near` */
    struct network_offer offer;
    uint32_t first, end; /* of market->dearer */
};

static const struct open_order *at_near(const struct market *m, const struct streams *s)
{
    return s->near.node == NULL ? NULL : &m->orders[tree_record(s->near)];
}

static void step_near(const struct market *m, struct streams *s)
{
    tree_step(&m->trees, &s->near);
    const struct open_order *post = at_near(m, s);
    if (post != NULL)
        s->left = post->energy;
}

static int64_t delivered(const struct market *m, const struct dearer *dearer)
{
    return m->orders[dearer->post].price.micro_per_kwh + m->head->policy.penalty.micro_per_kwh;
}

/* Goes on to the first post that offers something at its own price; NULL: none at or below the maximum, or
 * what is queued is cheaper than all that is left to look at. */
static const struct open_order *next_near(struct market *m, struct matching_want *w, struct streams *s)
{
    for (const struct open_order *post; (post = at_near(m, s)) != NULL; step_near(m, s)) {
        if (s->first < s->end && delivered(m, &m->dearer[s->first]) < post->price.micro_per_kwh)
            return NULL;
        if (post->account == w->buyer)
            continue;
        if (post->price.micro_per_kwh > w->max.micro_per_kwh) {
            w->dear = true;
            return NULL;
        }
        s->offer = ask(m, w, post);
        if (!s->offer.exceeded)
            return post;
        if (s->offer.energy.wh == 0)
            pass_over(m, w, post, s->offer.headroom);
        else if (post->price.micro_per_kwh + s->offer.fee.micro_per_kwh > w->max.micro_per_kwh)
            w->dear = true;
        else
            m->dearer[s->end++] = (struct dearer){tree_record(s->near), s->left};
    }
    return NULL;
}

enum verdict matching_find(struct market *m, struct matching_want *w)
{
    struct streams s = {.near = book_best(m, w->interval, false)};
    struct price penalty = m->head->policy.penalty;
    enum verdict verdict = VERDICT_OK;
    if (at_near(m, &s) != NULL)
        s.left = at_near(m, &s)->energy;
    while (w->need.wh > 0 && verdict == VERDICT_OK) {
        const struct open_order *post = next_near(m, w, &s);
        const struct dearer *dearer = s.first < s.end ? &m->dearer[s.first] : NULL;
        if (post == NULL && dearer == NULL)
            break;
        /* At the same delivered price the line that is not exceeded comes first. */
        if (post == NULL || (dearer != NULL && delivered(m, dearer) < post->price.micro_per_kwh)) {
            struct energy energy = {least(w->need.wh, dearer->left.wh)};
            verdict = add_trade(m, w, dearer->post, energy, dearer->left, penalty);
            s.first++;
            continue;
        }
        struct energy energy = {least(least(w->need.wh, s.left.wh), s.offer.energy.wh)};
        verdict = add_trade(m, w, tree_record(s.near), energy, s.left, s.offer.fee);
        s.left.wh -= energy.wh;
        if (s.left.wh == 0)
            step_near(m, &s);
    }
    return verdict;
}

enum verdict matching_find_at(struct market *m, struct matching_want *w, uint32_t slot)
{
    const struct open_order *post = &m->orders[slot];
    struct energy left = post->energy;
    while (w->need.wh > 0 && left.wh > 0) {
        struct network_offer offer = ask(m, w, post);
        if (offer.energy.wh == 0 ||
            post->price.micro_per_kwh + offer.fee.micro_per_kwh > w->max.micro_per_kwh)
            break;
        struct energy energy = {least(least(w->need.wh, left.wh), offer.energy.wh)};
        enum verdict verdict = add_trade(m, w, slot, energy, left, offer.fee);
        if (verdict != VERDICT_OK)
            return verdict;
        left.wh -= energy.wh;
    }
    return VERDICT_OK;
}

struct matching_sum matching_sum(const struct market *m, uint32_t from)
{
    struct matching_sum sum = {{0}, {0}, 0};
    for (uint32_t i = from; i < m->trade_count; i++) {
        const struct trade *t = &m->trades[i];
        struct money cost;
        CHECK(money_of(t->energy, t->price, &cost) && money_add(cost, m->sources[i].fee, &cost) &&
              money_add(sum.cost, cost, &sum.cost));
        sum.energy.wh += t->energy.wh;
        sum.emptied += m->sources[i].empties;
    }
    return sum;
}

static void pay_buyer(struct market *m, uint32_t from, uint32_t buyer, uint32_t bid)
{
    struct matching_sum sum = matching_sum(m, from);
    struct accounts_change change = {.money = {-sum.cost.nano}, .energy = sum.energy};
    if (bid != STATE_NONE) {
        const struct open_order *o = &m->orders[bid];
        change.escrow.nano = -(sum.energy.wh * o->price.micro_per_kwh);
        if (o->energy.wh == sum.energy.wh)
            orders_remove(m, bid);
        else
            orders_reduce(m, bid, sum.energy);
    }
    accounts_add_to(m, buyer, change);
}

static void pay_fee(struct market *m, const struct trade *trade, uint32_t interval, struct money fee)
{
    if (trade->interval != 0) {
        intervals_add_fees(m, interval, fee);
        return;
    }
    CHECK(m->head->distribution != 0);
    accounts_add_to(m, m->head->distribution - 1, (struct accounts_change){.money = fee});
}

void matching_settle(struct market *m, uint32_t from, uint32_t buyer, uint32_t bid)
{
    if (m->trade_count == from)
        return;
    pay_buyer(m, from, buyer, bid);
    for (uint32_t i = from; i < m->trade_count; i++) {
        const struct trade *t = &m->trades[i];
        const struct trade_source *source = &m->sources[i];
        struct accounts_change change = {.money = {t->energy.wh * t->price.micro_per_kwh},
                                         .energy = {-t->energy.wh},
                                         .on_sale = {-t->energy.wh}};
        if (m->head->policy.recipient == RECIPIENT_SELLER)
            change.money.nano += source->fee.nano;
        else if (source->fee.nano != 0)
            pay_fee(m, t, m->orders[source->post].interval, source->fee);
        accounts_add_to(m, t->seller, change);
        if (source->empties)
            orders_remove(m, source->post);
        else
            orders_reduce(m, source->post, t->energy);
    }
}

static struct matching_want want_of(const struct open_order *bid)
{
    return (struct matching_want){bid->account, bid->interval, bid->id, bid->energy, bid->price, false};
}

/* All bids against the whole book, dearest first. */
static enum verdict try_all(struct market *m, uint32_t interval)
{
    struct tree_cursor at = book_best(m, interval, true), post;
    while (at.node != NULL && (post = book_best(m, interval, false)).node != NULL) {
        uint32_t slot = tree_record(at), from = m->trade_count;
        struct open_order bid = m->orders[slot];
        if (bid.price.micro_per_kwh < m->orders[tree_record(post)].price.micro_per_kwh)
            break; /* and so are all the bids behind it */
        struct matching_want want = want_of(&bid);
        enum verdict verdict = matching_find(m, &want);
        if (verdict != VERDICT_OK)
            return verdict;
        matching_settle(m, from, bid.account, slot);
        at = book_behind(m, interval, true, &bid);
    }
    return VERDICT_OK;
}

/* All bids against one post, dearest first. */
static enum verdict try_at(struct market *m, uint32_t interval, uint32_t post)
{
    const struct open_order *offered = &m->orders[post];
    struct tree_cursor at = book_best(m, interval, true);
    while (at.node != NULL && offered->id != 0) {
        uint32_t slot = tree_record(at), from = m->trade_count;
        struct open_order bid = m->orders[slot];
        if (bid.price.micro_per_kwh < offered->price.micro_per_kwh)
            break;
        struct matching_want want = want_of(&bid);
        enum verdict verdict =
            bid.account == offered->account ? VERDICT_OK : matching_find_at(m, &want, post);
        if (verdict != VERDICT_OK)
            return verdict;
        if (m->trade_count == from) {
            tree_step(&m->trees, &at);
            continue;
        }
        matching_settle(m, from, bid.account, slot);
        at = book_behind(m, interval, true, &bid);
    }
    return VERDICT_OK;
}

/* The rule says: every bid against every post. It is enough to try the one post that is new or changed, as
 * long as no bid could trade with any other post before; `tried` says for which version of the network that
 * is known. Why it stays known: a bid that rests, or was tried, has found nothing more at or below its
 * maximum. What happens to the other posts afterwards only takes offers away: posts shrink and go; energy on
 * a line only makes it dearer or exhausts it. What could bring an offer back raises the network's version
 * (SetLine, SetPolicy), or marks the interval (network_give), or is the one post itself. Loaded intervals are
 * marked, too, and trying too much finds nothing: so the mark need not be a row. */
enum verdict matching_try_bids(struct market *m, uint32_t interval, uint32_t post)
{
    struct interval *i = &m->intervals[interval];
    if (i->bids == TREE_EMPTY)
        return VERDICT_OK;
    if (i->tried == m->head->network_version)
        return try_at(m, interval, post);
    enum verdict verdict = try_all(m, interval);
    STATE_WRITE(m, i);
    i->tried = m->head->network_version;
    return verdict;
}
