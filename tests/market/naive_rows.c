/* The naive state as the rows that market/rows.h describes. */
#include "tests/market/naive.h"

#include <busbar/check.h>
#include <stdlib.h>

/* Rows in the order in which the arrays have them; sorted before they are told. */
struct list {
    uint32_t count;
    struct naive_row rows[NAIVE_ROWS_MAX];
};

static struct writer begin(struct list *list, uint8_t kind, uint64_t a, uint64_t b)
{
    CHECK(list->count < NAIVE_ROWS_MAX);
    struct naive_row *row = &list->rows[list->count];
    row->key = (struct row_key){kind, a, b};
    return writer_at(row->bytes, sizeof row->bytes);
}

static void end(struct list *list, const struct writer *w)
{
    CHECK(w->ok);
    list->rows[list->count++].size = (uint32_t)w->size;
}

static void put_i64(struct writer *w, int64_t value)
{
    write_u64(w, (uint64_t)value);
}

static void put_address(struct writer *w, const struct address *address)
{
    write_bytes(w, (struct bytes){address->bytes, sizeof address->bytes});
}

static void put_parameters(const struct naive *n, struct list *list)
{
    struct writer w = begin(list, ROW_PARAMETERS, 0, 0);
    int64_t waiting = 0;
    for (uint32_t i = 0; i < n->fee_count; i++)
        waiting += n->fees[i].amount;
    write_u8(&w, n->policy.mode);
    write_u8(&w, n->policy.recipient);
    put_i64(&w, n->policy.penalty.micro_per_kwh);
    put_i64(&w, n->policy.band_low.micro_per_kwh);
    put_i64(&w, n->policy.band_high.micro_per_kwh);
    write_u64(&w, n->policy.interval_seconds);
    write_u64(&w, n->policy.gate_seconds);
    write_u8(&w, n->state);
    put_address(&w, &n->sealer);
    write_u64(&w, n->version);
    put_i64(&w, n->money_total);
    put_i64(&w, n->energy_total);
    put_i64(&w, waiting);
    write_u64(&w, n->next_post);
    write_u64(&w, n->next_bid);
    write_u64(&w, n->next_place);
    end(list, &w);
}

static void put_account(const struct account *a, uint32_t index, struct list *list)
{
    struct writer w = begin(list, ROW_ACCOUNT, index, 0);
    put_address(&w, &a->address);
    write_u8(&w, a->role);
    write_u8(&w, a->revoked);
    write_u64(&w, a->nonce);
    put_i64(&w, a->money.nano);
    put_i64(&w, a->escrow.nano);
    put_i64(&w, a->energy.wh);
    put_i64(&w, a->on_sale.wh);
    write_u8(&w, (uint8_t)strlen(a->name));
    write_bytes(&w, bytes_of(a->name));
    end(list, &w);
}

static void put_order(const struct order *o, struct list *list)
{
    struct writer w = begin(list, ROW_ORDER, o->id, 0);
    write_u32(&w, o->account);
    write_u64(&w, o->interval);
    put_i64(&w, o->energy.wh);
    put_i64(&w, o->price.micro_per_kwh);
    write_u64(&w, o->expires);
    write_u64(&w, o->sequence);
    end(list, &w);
}

/* A row of one number. */
static void put_number(struct list *list, uint8_t kind, uint64_t a, uint64_t b, int64_t value)
{
    struct writer w = begin(list, kind, a, b);
    put_i64(&w, value);
    end(list, &w);
}

static uint64_t pair_of(uint32_t buyer, uint32_t seller)
{
    return (uint64_t)buyer << 32 | seller;
}

static int by_key(const void *a, const void *b)
{
    const struct row_key *x = &((const struct naive_row *)a)->key, *y = &((const struct naive_row *)b)->key;
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (x->a != y->a)
        return x->a < y->a ? -1 : 1;
    return (x->b > y->b) - (x->b < y->b);
}

void naive_rows(const struct naive *n, row_visit *visit, void *context)
{
    static struct list list;
    list.count = 0;
    put_parameters(n, &list);
    for (uint32_t i = 0; i < n->account_count; i++)
        put_account(&n->accounts[i], i, &list);
    for (uint32_t i = 0; i < n->retired_count; i++) {
        struct writer w = begin(&list, ROW_RETIRED, i, 0);
        put_address(&w, &n->retired[i].address);
        write_u32(&w, n->retired[i].account);
        end(&list, &w);
    }
    for (uint32_t i = 0; i < n->order_count; i++)
        put_order(&n->orders[i], &list);
    for (uint32_t i = 0; i < n->line_count; i++)
        put_number(&list, ROW_LINE, pair_of(n->lines[i].buyer, n->lines[i].seller), 0, n->lines[i].capacity);
    for (uint32_t i = 0; i < n->use_count; i++)
        put_number(&list, ROW_USE, pair_of(n->uses[i].buyer, n->uses[i].seller), n->uses[i].interval,
                   n->uses[i].used);
    for (uint32_t i = 0; i < n->fee_count; i++)
        put_number(&list, ROW_FEE, n->fees[i].interval, 0, n->fees[i].amount);
    qsort(list.rows, list.count, sizeof *list.rows, by_key);
    for (uint32_t i = 0; i < list.count; i++)
        visit(context, list.rows[i].key, (struct bytes){list.rows[i].bytes, list.rows[i].size});
}
