#include "market/orders.h"

#include "market/accounts.h"
#include "market/intervals.h"

#include <busbar/check.h>

/* Ledger time never reaches this second (2^63 ms are less): such an expiry needs no place in the tree, and
 * the others leave room for the order's number beside them: 54 + 50 bits. */
#define NEVER (UINT64_C(1) << 54)

_Static_assert(STATE_PLACES_END <= UINT64_C(1) << 49, "a number and its side fit 50 bits");

static uint64_t hash_of(uint64_t id)
{
    return table_mix(id, 2);
}

static tree_key expiry_key(const struct open_order *order, uint32_t slot)
{
    uint64_t number = order->id << 1 | orders_is_bid(order->id);
    return (tree_key)order->expires << (50 + TREE_RECORD_BITS) | (tree_key)number << TREE_RECORD_BITS | slot;
}

static tree_key book_key(const struct open_order *order, uint32_t slot)
{
    int64_t price = order->price.micro_per_kwh;
    uint64_t rank = (uint64_t)(orders_is_bid(order->id) ? MARKET_PRICE_MAX - price : price);
    return (tree_key)rank << (64 + TREE_RECORD_BITS) | (tree_key)order->place << TREE_RECORD_BITS | slot;
}

static uint32_t *book_of(struct market *m, const struct open_order *order)
{
    struct interval *interval = &m->intervals[order->interval];
    return orders_is_bid(order->id) ? &interval->bids : &interval->posts;
}

uint32_t orders_find(const struct market *m, uint64_t id)
{
    struct table_walk walk = table_find(&m->by_id, hash_of(id));
    for (uint32_t slot; (slot = table_next(&m->by_id, &walk)) != TABLE_NONE;)
        if (m->orders[slot].id == id)
            return slot;
    return STATE_NONE;
}

void orders_expect_id(const struct market *m, uint64_t id)
{
    table_expect(&m->by_id, hash_of(id));
}

void orders_expect(const struct market *m, uint64_t id)
{
    struct table_walk walk = table_find(&m->by_id, hash_of(id));
    uint32_t slot = table_next(&m->by_id, &walk);
    if (slot != TABLE_NONE)
        __builtin_prefetch(&m->orders[slot]);
}

void orders_expect_post(const struct market *m, uint32_t interval, struct price price)
{
    struct open_order order = {.id = 1, .price = price, .place = m->head->next_place};
    if (price.micro_per_kwh >= 0 && price.micro_per_kwh <= MARKET_PRICE_MAX)
        tree_expect(&m->trees, m->intervals[interval].posts, book_key(&order, 0));
    if (m->head->order_slots.freed > 0)
        __builtin_prefetch(&m->orders[m->order_slots.stack[m->head->order_slots.freed - 1]]);
}

void orders_expect_best(const struct market *m, uint32_t interval)
{
    struct tree_cursor best = orders_best(m, interval, false);
    if (best.node != NULL)
        __builtin_prefetch(&m->orders[tree_record(best)]);
}

bool orders_room(const struct market *m, uint64_t start, uint32_t leaving)
{
    return m->head->orders - leaving < m->limits.orders && m->head->next_place < STATE_PLACES_END &&
           intervals_room(m, start);
}

uint32_t orders_open(struct market *m, const struct open_order *order)
{
    uint32_t slot = pool_take(&m->order_slots);
    CHECK(slot != POOL_NONE);
    struct open_order *o = &m->orders[slot];
    STATE_WRITE(m, o);
    *o = *order;
    o->interval = intervals_obtain(m, order->start);
    o->expiring = o->expires != 0 && o->expires < NEVER;
    STATE_WRITE(m, &m->head->orders);
    STATE_WRITE(m, &m->intervals[o->interval]);
    m->head->orders++;
    m->intervals[o->interval].orders++;
    table_put(&m->by_id, hash_of(o->id), slot);
    if (!tree_insert(&m->trees, book_of(m, o), book_key(o, slot)))
        return STATE_NONE;
    if (o->expiring) {
        if (!tree_insert(&m->trees, &m->head->expiries, expiry_key(o, slot)))
            return STATE_NONE;
        if (o->expires < m->head->first_end) {
            STATE_WRITE(m, &m->head->first_end);
            m->head->first_end = o->expires;
        }
    }
    return slot;
}

void orders_remove(struct market *m, uint32_t slot)
{
    struct open_order *o = &m->orders[slot];
    table_take(&m->by_id, hash_of(o->id), slot);
    tree_erase(&m->trees, book_of(m, o), book_key(o, slot));
    if (o->expiring)
        tree_erase(&m->trees, &m->head->expiries, expiry_key(o, slot));
    STATE_WRITE(m, &m->head->orders);
    STATE_WRITE(m, &m->intervals[o->interval]);
    STATE_WRITE(m, o);
    m->head->orders--;
    m->intervals[o->interval].orders--;
    o->id = 0;
    pool_give(&m->order_slots, slot);
}

void orders_close(struct market *m, uint32_t slot)
{
    struct open_order order = m->orders[slot];
    orders_remove(m, slot);
    intervals_release(m, order.interval);
    struct accounts_change change = {{0}, {0}, {0}, {0}};
    if (orders_is_bid(order.id))
        change.escrow.nano = -(order.energy.wh * order.price.micro_per_kwh);
    else
        change.on_sale.wh = -order.energy.wh;
    accounts_add_to(m, order.account, change);
}

void orders_reduce(struct market *m, uint32_t slot, struct energy energy)
{
    struct open_order *o = &m->orders[slot];
    STATE_WRITE(m, o);
    CHECK(energy.wh > 0 && energy.wh <= o->energy.wh);
    o->energy.wh -= energy.wh;
}

void orders_change(struct market *m, uint32_t slot, struct energy energy, struct price price, uint64_t place)
{
    struct open_order *o = &m->orders[slot];
    STATE_WRITE(m, o);
    o->energy = energy;
    if (o->place == place && o->price.micro_per_kwh == price.micro_per_kwh)
        return;
    uint32_t *book = book_of(m, o);
    struct open_order changed = *o;
    changed.place = place;
    changed.price = price;
    tree_expect(&m->trees, *book, book_key(&changed, slot));
    tree_erase(&m->trees, book, book_key(o, slot));
    *o = changed;
    CHECK(tree_insert(&m->trees, book, book_key(o, slot)));
}

struct tree_cursor orders_best(const struct market *m, uint32_t interval, bool bids)
{
    const struct interval *i = &m->intervals[interval];
    return tree_first(&m->trees, bids ? i->bids : i->posts);
}

struct tree_cursor orders_behind(const struct market *m, uint32_t interval, bool bids,
                                 const struct open_order *order)
{
    const struct interval *i = &m->intervals[interval];
    return tree_seek(&m->trees, bids ? i->bids : i->posts, book_key(order, TREE_RECORD_MASK) + 1);
}

uint32_t orders_first_to_expire(const struct market *m)
{
    struct tree_cursor cursor = tree_first(&m->trees, m->head->expiries);
    return cursor.node == NULL ? STATE_NONE : tree_record(cursor);
}
