#include "market/book.h"

#include <busbar/check.h>

/* Ledger time never reaches this second (2^63 ms are less): such an expiry needs no place in the tree, and
 * the others leave room for the order's number beside them: 54 + 50 bits. */
#define NEVER (UINT64_C(1) << 54)

_Static_assert(STATE_PLACES_END <= UINT64_C(1) << 49, "a number and its side fit 50 bits");

static tree_key expiry_key(const struct open_order *order, uint32_t slot)
{
    uint64_t number = order->id << 1 | book_is_bid(order->id);
    return tree_key_of(order->expires >> 14, order->expires << 50 | number, slot);
}

static tree_key book_key(const struct open_order *order, uint32_t slot)
{
    int64_t price = order->price.micro_per_kwh;
    uint64_t rank = (uint64_t)(book_is_bid(order->id) ? MARKET_PRICE_MAX - price : price);
    return tree_key_of(rank, order->place, slot);
}

static uint32_t *book_of(const struct market *m, const struct open_order *order)
{
    struct interval *interval = &m->intervals[order->interval];
    return book_is_bid(order->id) ? &interval->bids : &interval->posts;
}

bool book_insert(struct market *m, uint32_t slot)
{
    struct open_order *o = &m->orders[slot];
    STATE_WRITE(m, o);
    o->expiring = o->expires != 0 && o->expires < NEVER;
    if (!tree_insert(&m->trees, book_of(m, o), book_key(o, slot)))
        return false;
    if (!o->expiring)
        return true;
    if (o->expires < m->head->first_end) {
        STATE_WRITE(m, &m->head->first_end);
        m->head->first_end = o->expires;
    }
    return tree_insert(&m->trees, &m->head->expiries, expiry_key(o, slot));
}

void book_erase(struct market *m, uint32_t slot)
{
    const struct open_order *o = &m->orders[slot];
    tree_erase(&m->trees, book_of(m, o), book_key(o, slot));
    if (o->expiring)
        tree_erase(&m->trees, &m->head->expiries, expiry_key(o, slot));
}

void book_move(struct market *m, uint32_t slot, struct price price, uint64_t place)
{
    struct open_order *o = &m->orders[slot];
    struct open_order moved = *o;
    uint32_t *book = book_of(m, o);
    moved.price = price;
    moved.place = place;
    tree_erase(&m->trees, book, book_key(o, slot));
    STATE_WRITE(m, o);
    *o = moved;
    CHECK(tree_insert(&m->trees, book, book_key(o, slot)));
}

struct tree_cursor book_best(const struct market *m, uint32_t interval, bool bids)
{
    const struct interval *i = &m->intervals[interval];
    return tree_first(&m->trees, bids ? i->bids : i->posts);
}

struct tree_cursor book_behind(const struct market *m, uint32_t interval, bool bids,
                               const struct open_order *order)
{
    const struct interval *i = &m->intervals[interval];
    return tree_seek(&m->trees, bids ? i->bids : i->posts, tree_key_after(book_key(order, 0)));
}

uint32_t book_first_to_expire(const struct market *m)
{
    struct tree_cursor cursor = tree_first(&m->trees, m->head->expiries);
    return cursor.node == NULL ? STATE_NONE : tree_record(cursor);
}

void book_expect(const struct market *m, uint32_t slot)
{
    const struct open_order *o = &m->orders[slot];
    tree_expect(&m->trees, *book_of(m, o), book_key(o, slot));
    if (o->expiring)
        tree_expect(&m->trees, m->head->expiries, expiry_key(o, slot));
}

void book_expect_post(const struct market *m, uint32_t interval, struct price price)
{
    struct open_order order = {.id = 1, .price = price, .place = m->head->next_place};
    if (price.micro_per_kwh >= 0 && price.micro_per_kwh <= MARKET_PRICE_MAX)
        tree_expect(&m->trees, m->intervals[interval].posts, book_key(&order, 0));
}

void book_expect_best(const struct market *m, uint32_t interval)
{
    struct tree_cursor best = book_best(m, interval, false);
    for (int i = 0; i < 2 && best.node != NULL; i++, tree_step(&m->trees, &best))
        __builtin_prefetch(&m->orders[tree_record(best)]);
}
