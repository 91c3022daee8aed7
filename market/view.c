#include "market/view.h"

#include "market/accounts.h"
#include "market/book.h"
#include "market/intervals.h"
#include "market/lines.h"
#include "market/orders.h"

#include <busbar/check.h>

bool market_find(const struct market *m, const struct address *address, uint32_t *index_out)
{
    uint32_t index = accounts_find(m, address, NULL);
    if (index != STATE_NONE)
        *index_out = index;
    return index != STATE_NONE;
}

bool market_find_name(const struct market *m, struct bytes name, uint32_t *index_out)
{
    uint32_t index = accounts_named(m, name);
    if (index != STATE_NONE)
        *index_out = index;
    return index != STATE_NONE;
}

bool market_retired(const struct market *m, const struct address *address, uint32_t *index_out)
{
    uint32_t index;
    accounts_find(m, address, &index);
    if (index != STATE_NONE)
        *index_out = index;
    return index != STATE_NONE;
}

void market_account(const struct market *m, uint32_t index, struct account *out)
{
    CHECK(index < m->head->accounts);
    const struct holder *h = &m->holders[index];
    *out = (struct account){.address = h->address,
                            .role = h->role,
                            .revoked = h->revoked,
                            .nonce = h->nonce,
                            .money = h->money,
                            .escrow = h->escrow,
                            .energy = h->energy,
                            .on_sale = h->on_sale};
    memcpy(out->name, m->names[index].text, sizeof out->name);
}

static struct order order_of(const struct open_order *o)
{
    return (struct order){o->id, o->account, o->start, o->energy, o->price, o->expires, o->place};
}

bool market_order(const struct market *m, uint64_t id, struct order *out)
{
    uint32_t slot = id == 0 ? STATE_NONE : orders_find(m, id);
    if (slot != STATE_NONE)
        *out = order_of(&m->orders[slot]);
    return slot != STATE_NONE;
}

size_t market_book(const struct market *m, uint64_t start, bool bids, struct order *out, size_t capacity)
{
    uint32_t interval = intervals_find(m, start);
    if (interval == STATE_NONE)
        return 0;
    size_t count = 0;
    struct tree_cursor at = book_best(m, interval, bids);
    for (; at.node != NULL && count < capacity; tree_step(&m->trees, &at))
        out[count++] = order_of(&m->orders[tree_record(at)]);
    return count;
}

size_t market_intervals(const struct market *m, uint64_t *out, size_t capacity)
{
    size_t count = 0;
    struct tree_cursor at = tree_first(&m->trees, m->head->starts);
    for (; at.node != NULL; tree_step(&m->trees, &at)) {
        const struct interval *interval = &m->intervals[tree_record(at)];
        if (interval->orders == 0)
            continue;
        if (count < capacity)
            out[count] = interval->start;
        count++;
    }
    return count;
}

void market_line(const struct market *m, uint32_t index, uint64_t start, struct line_view *out)
{
    CHECK(index < m->head->lines);
    const struct line *line = &m->lines[index];
    uint32_t use = lines_use(m, line->buyer, line->seller, start);
    struct energy used = {use == STATE_NONE ? 0 : m->uses[use].used.wh};
    *out = (struct line_view){line->buyer, line->seller, start, line->capacity, used};
}

void market_parameters(const struct market *m, struct parameters *out)
{
    const struct head *h = m->head;
    *out = (struct parameters){.policy = h->policy,
                               .state = h->state,
                               .sealer = h->sealer,
                               .network_version = h->network_version,
                               .money_total = h->money_total,
                               .energy_total = h->energy_total,
                               .fees_waiting = h->fees_waiting,
                               .accounts = h->accounts,
                               .orders = h->orders,
                               .lines = h->lines};
}
