#include "market/rows.h"

#include "market/accounts.h"
#include "market/intervals.h"
#include "market/lines.h"
#include "market/orders.h"
#include "market/row_codec.h"

#include <busbar/check.h>

/* -- in order ---------------------------------------------------------------------------------------------
 */

static bool same_key(const struct row_mark *x, const struct row_mark *y)
{
    return x->kind == y->kind && x->a == y->a && x->b == y->b;
}

/* The bits in which the keys of some two marks differ. */
static struct row_mark bits_that_differ(const struct row_mark *marks, size_t count)
{
    struct row_mark bits = {0, 0, 0, 0, NULL};
    for (size_t i = 1; i < count; i++) {
        bits.a |= marks[i].a ^ marks[0].a;
        bits.b |= marks[i].b ^ marks[0].b;
        bits.kind |= marks[i].kind ^ marks[0].kind;
    }
    return bits;
}

/* Byte number `at` of a key: 0 to 7 of b, 8 to 15 of a, 16 of the kind. */
static uint8_t byte_of(const struct row_mark *mark, unsigned at)
{
    if (at == 16)
        return (uint8_t)mark->kind;
    return (uint8_t)((at < 8 ? mark->b : mark->a) >> (at % 8 * 8));
}

/* Puts marks in the order of one byte, otherwise as they stand. */
static void sort_by_byte(const struct row_mark *from, size_t count, unsigned at, struct row_mark *to)
{
    size_t starts[257] = {0};
    for (size_t i = 0; i < count; i++)
        starts[byte_of(&from[i], at) + 1]++;
    for (size_t value = 0; value < 256; value++)
        starts[value + 1] += starts[value];
    for (size_t i = 0; i < count; i++)
        to[starts[byte_of(&from[i], at)]++] = from[i];
}

/* Sorts `count` marks by key, between the two scratch arrays, byte by byte from the lowest, leaving out those
 * in which all are alike; where they end. */
static const struct row_mark *sort_marks(const struct market *m, size_t count)
{
    struct row_mark *from = m->marks, *to = m->marks_other;
    struct row_mark differ = bits_that_differ(from, count);
    for (unsigned at = 0; at <= 16; at++) {
        if (byte_of(&differ, at) == 0)
            continue;
        sort_by_byte(from, count, at, to);
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
    struct row_key key = {(uint8_t)marks->kind, marks->a, marks->b};
    bool changed = count == 1 && marks->then != NULL && marks->now != 0 &&
                   row_codec_differs(m, key.kind, marks->then, marks->now - 1);
    for (size_t i = 0; i < count; i++) {
        uint32_t number = marks[i].now - 1;
        if (marks[i].then != NULL &&
            !changed) /* an account's name is found by its number, which is its key */
            then.size = row_codec_encode(m, key.kind, marks[i].then, (uint32_t)key.a, was);
        if (marks[i].now != 0)
            now.size = row_codec_encode(m, key.kind, row_codec_record(m, key.kind, number), number, is);
    }
    if (changed || !bytes_equal(then, now))
        visit(context, key, now);
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
        for (next = i + 1; next < changes.count && same_key(&marks[next], &marks[i]); next++)
            ;
        show_change(m, &marks[i], next - i, visit, context);
    }
}
