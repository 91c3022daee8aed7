/* The layout of a market's memory: one pass that only counts, and the same pass again that hands out. */
#include "market/state.h"

#include <busbar/check.h>

#define ACCOUNTS_MAX  (1u << 24)
#define ORDERS_MAX    (1u << 24)
#define LINES_MAX     (1u << 24)
#define INTERVALS_MAX 65536u
#define USES_MAX      (1u << 26)

_Static_assert(sizeof(struct holder) == JOURNAL_LINE, "one account, one line");
_Static_assert(sizeof(struct open_order) == JOURNAL_LINE, "one order, one line");
_Static_assert(sizeof(struct interval) == JOURNAL_LINE, "one interval, one line");
_Static_assert(sizeof(struct line_use) == JOURNAL_LINE, "one use, one line");
_Static_assert(sizeof(struct retired_key) == 32 && sizeof(struct line) == 32, "two fit a line exactly");
_Static_assert(ACCOUNTS_MAX <= 1u << TREE_RECORD_BITS && ORDERS_MAX <= 1u << TREE_RECORD_BITS,
               "records are numbered in 24 bits");

/* Hands out ranges of [base, …) one after the other; base NULL: only counts. */
struct layout {
    uint8_t *base;
    size_t used;
};

static void *take(struct layout *layout, size_t count, size_t size)
{
    size_t start = layout->used;
    layout->used += (count * size + JOURNAL_LINE - 1) / JOURNAL_LINE * JOURNAL_LINE;
    return layout->base == NULL ? NULL : layout->base + start;
}

static void take_table(struct layout *layout, struct market *m, struct table *table, uint32_t count)
{
    table->journal = &m->journal;
    table->bits = table_bits(count);
    table->entries = take(layout, (size_t)1 << table->bits, sizeof *table->entries);
}

static void take_pool(struct layout *layout, struct market *m, struct pool *pool, struct pool_count *count,
                      uint32_t capacity)
{
    *pool = (struct pool){&m->journal, count, take(layout, capacity, sizeof(uint32_t)), capacity};
}

static void take_state(struct layout *layout, struct market *m)
{
    const struct market_limits *l = &m->limits;
    m->head = take(layout, 1, sizeof *m->head);
    m->holders = take(layout, l->accounts, sizeof *m->holders);
    m->names = take(layout, l->accounts, sizeof *m->names);
    m->retired = take(layout, l->accounts, sizeof *m->retired);
    m->orders = take(layout, l->orders, sizeof *m->orders);
    m->intervals = take(layout, l->intervals, sizeof *m->intervals);
    m->lines = take(layout, l->lines, sizeof *m->lines);
    m->uses = take(layout, l->uses, sizeof *m->uses);
    take_table(layout, m, &m->by_address, l->accounts * 2);
    take_table(layout, m, &m->by_name, l->accounts);
    take_table(layout, m, &m->by_id, l->orders);
    take_table(layout, m, &m->by_start, l->intervals);
    take_table(layout, m, &m->by_pair, l->lines);
    take_table(layout, m, &m->by_use, l->uses);
    struct head *head = m->head;
    bool real = layout->base != NULL;
    take_pool(layout, m, &m->order_slots, real ? &head->order_slots : NULL, l->orders);
    take_pool(layout, m, &m->interval_slots, real ? &head->interval_slots : NULL, l->intervals);
    take_pool(layout, m, &m->use_slots, real ? &head->use_slots : NULL, l->uses);
    /* Two sides an interval, the intervals by start, the orders by expiry. */
    uint32_t nodes = tree_nodes_max((uint64_t)l->intervals * 2 + 2, (uint64_t)l->orders * 2 + l->intervals);
    m->trees.journal = &m->journal;
    m->trees.nodes = take(layout, nodes, sizeof *m->trees.nodes);
    take_pool(layout, m, &m->trees.pool, real ? &head->nodes : NULL, nodes);
}

static void take_level(struct layout *layout, struct journal_level *level, size_t lines)
{
    level->bits = take(layout, lines / 64 + 1, sizeof *level->bits);
    level->lines = take(layout, lines, sizeof *level->lines);
    level->saved = take(layout, lines, JOURNAL_LINE);
}

/* The whole of it; the size. */
static size_t lay_out(struct layout *layout, struct market *m)
{
    take(layout, 1, sizeof *m);
    size_t start = layout->used;
    take_state(layout, m);
    size_t lines = (layout->used - start) / JOURNAL_LINE;
    m->journal.base = layout->base == NULL ? NULL : layout->base + start;
    take_level(layout, &m->journal.block, lines);
    take_level(layout, &m->journal.action, lines);
    m->trades = take(layout, MARKET_TRADES_MAX, sizeof *m->trades);
    m->sources = take(layout, MARKET_TRADES_MAX, sizeof *m->sources);
    m->dearer = take(layout, m->limits.orders, sizeof *m->dearer);
    m->touched = take(layout, m->limits.accounts, sizeof *m->touched);
    m->touched_in = take(layout, m->limits.accounts, sizeof *m->touched_in);
    m->marks = take(layout, state_marks_max(&m->limits), sizeof *m->marks);
    m->marks_other = take(layout, state_marks_max(&m->limits), sizeof *m->marks_other);
    return layout->used;
}

size_t state_marks_max(const struct market_limits *l)
{
    /* A record that can be given to another key marks two rows. */
    return 1 + (size_t)l->accounts * 2 + ((size_t)l->orders + l->lines + l->uses + l->intervals) * 2;
}

static bool limits_good(const struct market_limits *l)
{
    return l->accounts >= 3 && l->accounts <= ACCOUNTS_MAX && l->orders >= 1 && l->orders <= ORDERS_MAX &&
           l->lines <= LINES_MAX && l->intervals >= 1 && l->intervals <= INTERVALS_MAX && l->uses <= USES_MAX;
}

size_t market_size(const struct market_limits *limits)
{
    if (!limits_good(limits))
        return 0;
    struct market counting = {.limits = *limits};
    struct layout layout = {NULL, 0};
    return lay_out(&layout, &counting);
}

struct market *market_init(void *memory, const struct market_limits *limits)
{
    CHECK(limits_good(limits) && (uintptr_t)memory % JOURNAL_LINE == 0);
    struct market *m = memory;
    struct layout layout = {memory, 0};
    m->limits = *limits;
    lay_out(&layout, m);
    STATE_WRITE(m, m->head);
    m->head->next_post = m->head->next_place = 1;
    m->head->next_bid = MARKET_BID_FLAG + 1;
    m->head->first_start = m->head->first_end = UINT64_MAX;
    journal_commit(&m->journal);
    return m;
}
