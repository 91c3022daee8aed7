#include "market/intervals.h"

#include <busbar/check.h>

static uint64_t hash_of(uint64_t start)
{
    return table_mix(start, 1);
}

static tree_key key_of(uint64_t start, uint32_t slot)
{
    return tree_key_of(0, start, slot);
}

uint32_t intervals_find(const struct market *m, uint64_t start)
{
    struct table_walk walk = table_find(&m->by_start, hash_of(start));
    for (uint32_t slot; (slot = table_next(&m->by_start, &walk)) != TABLE_NONE;)
        if (m->intervals[slot].start == start)
            return slot;
    return STATE_NONE;
}

bool intervals_room(const struct market *m, uint64_t start)
{
    return m->head->intervals < m->limits.intervals || intervals_find(m, start) != STATE_NONE;
}

uint32_t intervals_obtain(struct market *m, uint64_t start)
{
    uint32_t slot = intervals_find(m, start);
    if (slot != STATE_NONE)
        return slot;
    slot = pool_take(&m->interval_slots);
    CHECK(slot != POOL_NONE);
    struct interval *interval = &m->intervals[slot];
    STATE_WRITE(m, interval);
    STATE_WRITE(m, m->head);
    *interval = (struct interval){.start = start, .tried = UINT64_MAX, .first_use = STATE_NONE};
    m->head->intervals++;
    if (start != 0 && start < m->head->first_start)
        m->head->first_start = start;
    table_put(&m->by_start, hash_of(start), slot);
    CHECK(tree_insert(&m->trees, &m->head->starts, key_of(start, slot)));
    return slot;
}

void intervals_release(struct market *m, uint32_t slot)
{
    struct interval *interval = &m->intervals[slot];
    if (interval->orders > 0 || interval->uses > 0 || interval->fees.nano != 0)
        return;
    table_take(&m->by_start, hash_of(interval->start), slot);
    tree_erase(&m->trees, &m->head->starts, key_of(interval->start, slot));
    STATE_WRITE(m, m->head);
    m->head->intervals--;
    pool_give(&m->interval_slots, slot);
}

void intervals_add_fees(struct market *m, uint32_t slot, struct money fees)
{
    STATE_WRITE(m, &m->intervals[slot]);
    STATE_WRITE(m, m->head);
    bool fits = money_add(m->intervals[slot].fees, fees, &m->intervals[slot].fees) &&
                money_add(m->head->fees_waiting, fees, &m->head->fees_waiting);
    CHECK(fits && m->intervals[slot].fees.nano >= 0);
    m->money_moved.nano += fees.nano;
}

uint32_t intervals_from(const struct market *m, uint64_t start)
{
    struct tree_cursor cursor = tree_seek(&m->trees, m->head->starts, key_of(start, 0));
    return cursor.node == NULL ? STATE_NONE : tree_record(cursor);
}
