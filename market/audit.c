/* Everything that is kept as a sum, a count or an index, computed again from the records. */
#include "market/accounts.h"
#include "market/book.h"
#include "market/intervals.h"
#include "market/lines.h"
#include "market/orders.h"

/* Adds what cannot be negative; false when the sum outgrows the totals, which are of 63 bits, too. */
static bool add(int64_t *sum, int64_t amount)
{
    return !__builtin_add_overflow(*sum, amount, sum);
}

/* What the open orders of each account hold, in the scratch: a: escrow, b: on sale. */
static bool audit_order(const struct market *m, uint32_t interval, uint32_t slot, bool bid)
{
    const struct open_order *o = &m->orders[slot];
    struct row_mark *held = &m->marks[o->account];
    if (o->id == 0 || orders_find(m, o->id) != slot || o->interval != interval ||
        o->start != m->intervals[interval].start || book_is_bid(o->id) != bid || o->energy.wh < 1)
        return false;
    if (bid)
        held->a += (uint64_t)(o->energy.wh * o->price.micro_per_kwh);
    else
        held->b += (uint64_t)o->energy.wh;
    return true;
}

static bool audit_side(const struct market *m, uint32_t interval, bool bids, uint32_t *count)
{
    tree_key last = tree_key_of(0, 0, 0);
    for (struct tree_cursor at = book_best(m, interval, bids); at.node != NULL; tree_step(&m->trees, &at)) {
        if (!bb_wide_below(last, tree_at(at)) || !audit_order(m, interval, tree_record(at), bids))
            return false;
        last = tree_at(at);
        ++*count;
    }
    return true;
}

static bool audit_uses(const struct market *m, uint32_t interval, uint32_t *count)
{
    for (uint32_t use = m->intervals[interval].first_use; use != STATE_NONE;
         use = m->uses[use].next_of_interval) {
        const struct line_use *u = &m->uses[use];
        if (u->used.wh < 1 || u->interval != interval || u->start != m->intervals[interval].start ||
            lines_find(m, u->buyer, u->seller) == STATE_NONE ||
            lines_use(m, u->buyer, u->seller, u->start) != use)
            return false;
        ++*count;
    }
    return true;
}

static bool audit_intervals(const struct market *m)
{
    uint32_t intervals = 0, orders = 0, uses = 0;
    int64_t fees = 0;
    struct tree_cursor at = tree_first(&m->trees, m->head->starts);
    for (; at.node != NULL; tree_step(&m->trees, &at)) {
        uint32_t slot = tree_record(at), orders_before = orders, uses_before = uses;
        const struct interval *i = &m->intervals[slot];
        if (intervals_find(m, i->start) != slot || i->fees.nano < 0 || !audit_side(m, slot, false, &orders) ||
            !audit_side(m, slot, true, &orders) || !audit_uses(m, slot, &uses) ||
            i->orders != orders - orders_before || i->uses != uses - uses_before ||
            (i->orders == 0 && i->uses == 0 && i->fees.nano == 0) || !add(&fees, i->fees.nano))
            return false;
        intervals++;
    }
    return intervals == m->head->intervals && orders == m->head->orders && uses == m->head->uses &&
           fees == m->head->fees_waiting.nano;
}

static bool audit_expiries(const struct market *m)
{
    uint32_t expiring = 0, found = 0;
    for (uint32_t slot = 0; slot < m->head->order_slots.fresh; slot++)
        expiring += m->orders[slot].id != 0 && m->orders[slot].expiring;
    struct tree_cursor at = tree_first(&m->trees, m->head->expiries);
    for (; at.node != NULL; tree_step(&m->trees, &at), found++)
        if (m->orders[tree_record(at)].id == 0 || m->orders[tree_record(at)].expires < m->head->first_end)
            return false;
    return expiring == found;
}

static bool audit_accounts(const struct market *m)
{
    int64_t money = m->head->fees_waiting.nano, energy = 0;
    for (uint32_t i = 0; i < m->head->accounts; i++) {
        const struct holder *h = &m->holders[i];
        if (h->escrow.nano < 0 || h->on_sale.wh < 0 || h->escrow.nano > h->money.nano ||
            h->on_sale.wh > h->energy.wh || (uint64_t)h->escrow.nano != m->marks[i].a ||
            (uint64_t)h->on_sale.wh != m->marks[i].b || accounts_find(m, &h->address, NULL) != i ||
            !add(&money, h->money.nano) || !add(&energy, h->energy.wh))
            return false;
    }
    return money == m->head->money_total.nano && energy == m->head->energy_total.wh;
}

bool market_audit(const struct market *m)
{
    for (uint32_t i = 0; i < m->head->accounts; i++)
        m->marks[i].a = m->marks[i].b = 0;
    return audit_intervals(m) && audit_expiries(m) && audit_accounts(m);
}
