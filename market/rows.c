#include "market/rows.h"

#include "market/accounts.h"
#include "market/intervals.h"
#include "market/lines.h"
#include "market/orders.h"
#include "market/row_codec.h"

#include <busbar/check.h>

/* -- in order ---------------------------------------------------------------------------------------------
 */

static bool in_order(const struct row_mark *x, const struct row_mark *y)
{
    if (x->kind != y->kind)
        return x->kind < y->kind;
    return x->a != y->a ? x->a < y->a : x->b <= y->b;
}

static void merge_runs(const struct row_mark *from, size_t middle, size_t end, struct row_mark *to)
{
    size_t left = 0, right = middle;
    for (size_t i = 0; i < end; i++) {
        bool take_left = left < middle && (right == end || in_order(&from[left], &from[right]));
        to[i] = from[take_left ? left++ : right++];
    }
}

/* Sorts `count` marks by key, upwards from runs of one, between the two scratch arrays; where they end. */
static const struct row_mark *sort_marks(const struct market *m, size_t count)
{
    struct row_mark *from = m->marks, *to = m->marks_other;
    for (size_t run = 1; run < count; run *= 2) {
        for (size_t start = 0; start < count; start += 2 * run) {
            size_t end = start + 2 * run < count ? 2 * run : count - start;
            merge_runs(from + start, run < end ? run : end, end, to + start);
        }
        struct row_mark *other = from;
        from = to;
        to = other;
    }
    return from;
}

/* -- all rows ---------------------------------------------------------------------------------------------
 */

static void show(const struct market *m, struct row_key key, const void *record, uint32_t number,
                 row_visit *visit, void *context)
{
    uint8_t value[MARKET_ROW_MAX];
    visit(context, key, (struct bytes){value, row_codec_encode(m, key.kind, record, number, value)});
}

/* The rows of a kind whose records are in order already. */
static void show_ordered(const struct market *m, uint8_t kind, uint32_t count, row_visit *visit,
                         void *context)
{
    struct row_key key;
    for (uint32_t number = 0; number < count; number++) {
        const void *record = row_codec_record(m, kind, number);
        if (row_codec_key(kind, record, number, &key))
            show(m, key, record, number, visit, context);
    }
}

/* The rows of a kind whose records are anywhere among the first `end`. */
static void show_sorted(const struct market *m, uint8_t kind, uint32_t end, row_visit *visit, void *context)
{
    size_t count = 0;
    struct row_key key;
    for (uint32_t number = 0; number < end; number++)
        if (row_codec_key(kind, row_codec_record(m, kind, number), number, &key))
            m->marks[count++] = (struct row_mark){key.a, key.b, kind, number + 1, NULL};
    const struct row_mark *marks = sort_marks(m, count);
    for (size_t i = 0; i < count; i++)
        show(m, (struct row_key){kind, marks[i].a, marks[i].b}, row_codec_record(m, kind, marks[i].now - 1),
             marks[i].now - 1, visit, context);
}

void market_rows(const struct market *m, row_visit *visit, void *context)
{
    show_ordered(m, ROW_PARAMETERS, 1, visit, context);
    show_ordered(m, ROW_ACCOUNT, m->head->accounts, visit, context);
    show_ordered(m, ROW_RETIRED, m->head->retired, visit, context);
    show_sorted(m, ROW_ORDER, m->head->order_slots.fresh, visit, context);
    show_sorted(m, ROW_LINE, m->head->lines, visit, context);
    show_sorted(m, ROW_USE, m->head->use_slots.fresh, visit, context);
    struct row_key key;
    struct tree_cursor at = tree_first(&m->trees, m->head->starts);
    for (; at.node != NULL; tree_step(&m->trees, &at)) {
        const struct interval *interval = &m->intervals[tree_record(at)];
        if (row_codec_key(ROW_FEE, interval, 0, &key))
            show(m, key, interval, 0, visit, context);
    }
}

size_t market_row(const struct market *m, struct row_key key, uint8_t *value_out)
{
    uint32_t buyer = (uint32_t)(key.a >> 32), seller = (uint32_t)key.a, number = STATE_NONE;
    switch ((enum row_kind)key.kind) {
    case ROW_PARAMETERS:
        number = 0;
        break;
    case ROW_ACCOUNT:
        number = key.a < m->head->accounts ? (uint32_t)key.a : STATE_NONE;
        break;
    case ROW_RETIRED:
        number = key.a < m->head->retired ? (uint32_t)key.a : STATE_NONE;
        break;
    case ROW_ORDER:
        number = key.a == 0 ? STATE_NONE : orders_find(m, key.a);
        break;
    case ROW_LINE:
        number = lines_find(m, buyer, seller);
        break;
    case ROW_USE:
        number = lines_use(m, buyer, seller, key.b);
        break;
    case ROW_FEE:
        number = intervals_find(m, key.a);
        break;
    case ROW_KINDS:
        break;
    }
    struct row_key found;
    if (number == STATE_NONE ||
        !row_codec_key(key.kind, row_codec_record(m, key.kind, number), number, &found) || found.a != key.a ||
        found.b != key.b)
        return 0;
    return row_codec_encode(m, key.kind, row_codec_record(m, key.kind, number), number, value_out);
}

/* -- what changed: read out of the journal, which has the old bytes of every line that was written ---------
 */

struct changes {
    const struct market *m;
    size_t count; /* of marks */
};

/* Marks the row that a record was, and the row that it is. */
static void mark(struct changes *c, uint8_t kind, uint32_t number, const void *then)
{
    struct row_key was, is;
    bool had = row_codec_key(kind, then, number, &was);
    bool has = row_codec_key(kind, row_codec_record(c->m, kind, number), number, &is);
    bool same = had && has && was.a == is.a && was.b == is.b;
    struct row_mark *marks = c->m->marks;
    if (had)
        marks[c->count++] = (struct row_mark){was.a, was.b, kind, same ? number + 1 : 0, then};
    if (has && !same)
        marks[c->count++] = (struct row_mark){is.a, is.b, kind, number + 1, NULL};
}

/* Marks the records of one kind that a line at `offset` of the state holds. */
static bool mark_line(struct changes *c, uint8_t kind, const void *base, size_t size, size_t count,
                      const uint8_t *line, const uint8_t *saved)
{
    if (line < (const uint8_t *)base || line >= (const uint8_t *)base + count * size)
        return false;
    size_t first = (size_t)(line - (const uint8_t *)base) / size;
    for (size_t i = first; i < count && i < first + JOURNAL_LINE / size; i++)
        mark(c, kind, (uint32_t)i, saved + (i - first) * size);
    return true;
}

static void mark_records(struct changes *c, const uint8_t *line, const uint8_t *saved)
{
    const struct market *m = c->m;
    const struct market_limits *l = &m->limits;
    (void)(mark_line(c, ROW_ACCOUNT, m->holders, sizeof *m->holders, l->accounts, line, saved) ||
           mark_line(c, ROW_RETIRED, m->retired, sizeof *m->retired, l->accounts, line, saved) ||
           mark_line(c, ROW_ORDER, m->orders, sizeof *m->orders, l->orders, line, saved) ||
           mark_line(c, ROW_FEE, m->intervals, sizeof *m->intervals, l->intervals, line, saved) ||
           mark_line(c, ROW_LINE, m->lines, sizeof *m->lines, l->lines, line, saved) ||
           mark_line(c, ROW_USE, m->uses, sizeof *m->uses, l->uses, line, saved));
}

/* Shows a row that `count` marks speak of: at most one knows what it was and one what it is. */
static void show_change(const struct market *m, const struct row_mark *marks, size_t count, row_visit *visit,
                        void *context)
{
    uint8_t was[MARKET_ROW_MAX], is[MARKET_ROW_MAX];
    struct bytes then = {was, 0}, now = {is, 0};
    uint8_t kind = (uint8_t)marks->kind;
    for (size_t i = 0; i < count; i++) {
        uint32_t number = marks[i].now - 1;
        if (marks[i].then != NULL) /* an account's name is found by its number, which is its key */
            then.size = row_codec_encode(m, kind, marks[i].then, (uint32_t)marks->a, was);
        if (marks[i].now != 0)
            now.size = row_codec_encode(m, kind, row_codec_record(m, kind, number), number, is);
    }
    if (!bytes_equal(then, now))
        visit(context, (struct row_key){kind, marks->a, marks->b}, now);
}

void market_changes(struct market *m, row_visit *visit, void *context)
{
    const struct journal_level *block = &m->journal.block;
    struct changes changes = {m, 0};
    struct head then = *m->head;
    for (uint32_t i = 0; i < block->count; i++) {
        const uint8_t *line = m->journal.base + (size_t)block->lines[i] * JOURNAL_LINE;
        const uint8_t *saved = block->saved + (size_t)i * JOURNAL_LINE;
        size_t offset = (size_t)(line - (const uint8_t *)m->head);
        if (line >= (const uint8_t *)m->head && offset < sizeof then)
            memcpy((uint8_t *)&then + offset, saved,
                   sizeof then - offset < JOURNAL_LINE ? sizeof then - offset : JOURNAL_LINE);
        else
            mark_records(&changes, line, saved);
    }
    mark(&changes, ROW_PARAMETERS, 0, &then);
    const struct row_mark *marks = sort_marks(m, changes.count);
    for (size_t i = 0, next; i < changes.count; i = next) {
        for (next = i + 1; next < changes.count && in_order(&marks[next], &marks[i]); next++)
            ;
        show_change(m, &marks[i], next - i, visit, context);
    }
}
