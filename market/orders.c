#include "market/orders.h"

#include "market/accounts.h"
#include "market/book.h"
#include "market/intervals.h"

#include <busbar/check.h>

static uint64_t hash_of(uint64_t id)
{
    return table_mix(id, 2);
}

uint32_t orders_find(const struct market *m, uint64_t id)
{
    struct table_walk walk = table_find(&m->by_id, hash_of(id));
    for (uint32_t slot; (slot = table_next(&m->by_id, &walk)) != TABLE_NONE;)
        if (m->orders[slot].id == id)
            return slot;
    return STATE_NONE;
}

void orders_expect_entry(const struct market *m, uint64_t id)
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
    STATE_WRITE(m, &m->head->orders);
    STATE_WRITE(m, &m->intervals[o->interval]);
    m->head->orders++;
    m->intervals[o->interval].orders++;
    orders_expect_entry(m, o->id);
    bool alone = book_insert(m, slot);
    table_put(&m->by_id, hash_of(o->id), slot);
    return alone ? slot : STATE_NONE;
}

void orders_remove(struct market *m, uint32_t slot)
{
    struct open_order *o = &m->orders[slot];
    table_take(&m->by_id, hash_of(o->id), slot);
    book_erase(m, slot);
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
    if (book_is_bid(order.id))
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
    if (o->place != place || o->price.micro_per_kwh != price.micro_per_kwh)
        book_move(m, slot, price, place);
}
