#include "market/time.h"

#include "market/accounts.h"
#include "market/book.h"
#include "market/intervals.h"
#include "market/lines.h"
#include "market/orders.h"

#include <busbar/check.h>

bool time_closed(const struct market *m, uint64_t start)
{
    /* start <= second + gate, whose sum may need more than 64 bits; seconds before 1970 are negative. */
    uint64_t gate = m->head->policy.gate_seconds, second = (uint64_t)m->second;
    if (m->second < 0)
        return gate >= -second && gate - -second >= start;
    return start <= second || start - second <= gate;
}

bool time_expired(const struct market *m, uint64_t expires)
{
    return expires != 0 && m->second >= 0 && expires <= (uint64_t)m->second;
}

/* Pays the interval's fees out and empties it. */
static void close_interval(struct market *m, uint32_t slot)
{
    struct interval *interval = &m->intervals[slot];
    struct money fees = interval->fees;
    lines_forget(m, slot);
    if (fees.nano != 0) {
        CHECK(m->head->distribution != 0);
        intervals_add_fees(m, slot, (struct money){-fees.nano});
        accounts_add_to(m, m->head->distribution - 1, (struct accounts_change){.money = fees});
    }
    bool held = interval->orders > 0;
    while (interval->posts != TREE_EMPTY)
        orders_close(m, tree_record(book_best(m, slot, false)));
    while (interval->bids != TREE_EMPTY)
        orders_close(m, tree_record(book_best(m, slot, true)));
    if (!held) /* else the last order has released it */
        intervals_release(m, slot);
}

static void close_intervals(struct market *m)
{
    uint32_t slot;
    while ((slot = intervals_from(m, 1)) != STATE_NONE && time_closed(m, m->intervals[slot].start))
        close_interval(m, slot);
    STATE_WRITE(m, m->head);
    m->head->first_start = slot == STATE_NONE ? UINT64_MAX : m->intervals[slot].start;
}

static void expire_orders(struct market *m)
{
    uint32_t slot;
    while ((slot = book_first_to_expire(m)) != STATE_NONE && time_expired(m, m->orders[slot].expires))
        orders_close(m, slot);
    STATE_WRITE(m, m->head);
    m->head->first_end = slot == STATE_NONE ? UINT64_MAX : m->orders[slot].expires;
}

void time_pass(struct market *m, struct wall now)
{
    m->second = now.ms / 1000 - (now.ms % 1000 < 0);
    if (time_closed(m, m->head->first_start))
        close_intervals(m);
    if (time_expired(m, m->head->first_end))
        expire_orders(m);
}
