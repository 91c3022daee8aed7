#include "market/lines.h"

#include "market/intervals.h"

#include <busbar/check.h>

static uint64_t pair_hash(uint32_t buyer, uint32_t seller)
{
    return table_mix((uint64_t)buyer << 32 | seller, 3);
}

static uint64_t use_hash(uint32_t buyer, uint32_t seller, uint64_t start)
{
    /* A sum: anybody may choose a start, and in a product one number could blot out the other. */
    return table_mix((uint64_t)buyer << 32 | seller, 3) + table_mix(start, 5);
}

uint32_t lines_find(const struct market *m, uint32_t buyer, uint32_t seller)
{
    if (m->head->lines == 0)
        return STATE_NONE;
    struct table_walk walk = table_find(&m->by_pair, pair_hash(buyer, seller));
    for (uint32_t line; (line = table_next(&m->by_pair, &walk)) != TABLE_NONE;)
        if (m->lines[line].buyer == buyer && m->lines[line].seller == seller)
            return line;
    return STATE_NONE;
}

uint32_t lines_use(const struct market *m, uint32_t buyer, uint32_t seller, uint64_t start)
{
    struct table_walk walk = table_find(&m->by_use, use_hash(buyer, seller, start));
    for (uint32_t use; (use = table_next(&m->by_use, &walk)) != TABLE_NONE;) {
        const struct line_use *u = &m->uses[use];
        if (u->buyer == buyer && u->seller == seller && u->start == start)
            return use;
    }
    return STATE_NONE;
}

void lines_set(struct market *m, uint32_t buyer, uint32_t seller, struct energy capacity)
{
    uint32_t line = lines_find(m, buyer, seller);
    if (line != STATE_NONE) {
        STATE_WRITE(m, &m->lines[line]);
        m->lines[line].capacity = capacity;
        return;
    }
    line = m->head->lines;
    CHECK(line < m->limits.lines);
    STATE_WRITE(m, m->head);
    STATE_WRITE(m, &m->lines[line]);
    m->head->lines++;
    m->lines[line] = (struct line){
        .buyer = buyer, .seller = seller, .capacity = capacity, .first_use = STATE_NONE, .live = true};
    table_put(&m->by_pair, pair_hash(buyer, seller), line);
}

static void remove_use(struct market *m, uint32_t use)
{
    struct line_use *u = &m->uses[use];
    struct line *line = &m->lines[lines_find(m, u->buyer, u->seller)];
    struct interval *interval = &m->intervals[u->interval];
    STATE_WRITE(m, u);
    STATE_WRITE(m, line);
    STATE_WRITE(m, interval);
    STATE_WRITE(m, m->head);
    uint32_t *of_line =
        u->before_of_line == STATE_NONE ? &line->first_use : &m->uses[u->before_of_line].next_of_line;
    uint32_t *of_interval = u->before_of_interval == STATE_NONE
                                ? &interval->first_use
                                : &m->uses[u->before_of_interval].next_of_interval;
    STATE_WRITE(m, of_line);
    STATE_WRITE(m, of_interval);
    *of_line = u->next_of_line;
    *of_interval = u->next_of_interval;
    if (u->next_of_line != STATE_NONE) {
        STATE_WRITE(m, &m->uses[u->next_of_line]);
        m->uses[u->next_of_line].before_of_line = u->before_of_line;
    }
    if (u->next_of_interval != STATE_NONE) {
        STATE_WRITE(m, &m->uses[u->next_of_interval]);
        m->uses[u->next_of_interval].before_of_interval = u->before_of_interval;
    }
    table_take(&m->by_use, use_hash(u->buyer, u->seller, u->start), use);
    u->used.wh = 0;
    interval->uses--;
    m->head->uses--;
    pool_give(&m->use_slots, use);
}

static uint32_t add_use(struct market *m, uint32_t line, uint32_t slot)
{
    uint32_t use = pool_take(&m->use_slots);
    if (use == POOL_NONE)
        return use;
    struct line *l = &m->lines[line];
    struct interval *interval = &m->intervals[slot];
    struct line_use *u = &m->uses[use];
    STATE_WRITE(m, u);
    STATE_WRITE(m, l);
    STATE_WRITE(m, interval);
    STATE_WRITE(m, m->head);
    *u =
        (struct line_use){interval->start,     {0},       l->buyer, l->seller, slot, l->first_use, STATE_NONE,
                          interval->first_use, STATE_NONE};
    if (u->next_of_line != STATE_NONE) {
        STATE_WRITE(m, &m->uses[u->next_of_line]);
        m->uses[u->next_of_line].before_of_line = use;
    }
    if (u->next_of_interval != STATE_NONE) {
        STATE_WRITE(m, &m->uses[u->next_of_interval]);
        m->uses[u->next_of_interval].before_of_interval = use;
    }
    l->first_use = interval->first_use = use;
    interval->uses++;
    m->head->uses++;
    table_put(&m->by_use, use_hash(l->buyer, l->seller, interval->start), use);
    return use;
}

void lines_remove(struct market *m, uint32_t buyer, uint32_t seller)
{
    uint32_t line = lines_find(m, buyer, seller);
    if (line == STATE_NONE)
        return;
    while (m->lines[line].first_use != STATE_NONE) {
        uint32_t use = m->lines[line].first_use, interval = m->uses[use].interval;
        remove_use(m, use);
        intervals_release(m, interval);
    }
    table_take(&m->by_pair, pair_hash(buyer, seller), line);
    uint32_t last = m->head->lines - 1;
    STATE_WRITE(m, m->head);
    STATE_WRITE(m, &m->lines[line]);
    STATE_WRITE(m, &m->lines[last]);
    if (last != line) {
        const struct line *moved = &m->lines[last];
        table_renumber(&m->by_pair, pair_hash(moved->buyer, moved->seller), last, line);
        m->lines[line] = *moved;
    }
    m->lines[last] = (struct line){0};
    m->head->lines--;
}

bool lines_add_use(struct market *m, uint32_t line, uint32_t interval, struct energy energy)
{
    const struct line *l = &m->lines[line];
    uint32_t use = lines_use(m, l->buyer, l->seller, m->intervals[interval].start);
    if (use == STATE_NONE) {
        CHECK(energy.wh > 0);
        use = add_use(m, line, interval);
        if (use == POOL_NONE)
            return false;
    }
    struct line_use *u = &m->uses[use];
    STATE_WRITE(m, u);
    if (!energy_add(u->used, energy, &u->used))
        u->used.wh = INT64_MAX;
    CHECK(u->used.wh >= 0);
    if (u->used.wh == 0)
        remove_use(m, use);
    return true;
}

void lines_forget(struct market *m, uint32_t interval)
{
    while (m->intervals[interval].first_use != STATE_NONE)
        remove_use(m, m->intervals[interval].first_use);
}
