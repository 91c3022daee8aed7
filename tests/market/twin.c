#include "tests/market/twin.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/mman.h>

/* Rows ascending by key. */
struct rows {
    uint32_t count;
    struct naive_row rows[NAIVE_ROWS_MAX];
};

struct twin {
    struct market_limits limits;
    size_t size;
    struct market *engine;
    struct naive naive, committed;
    struct naive_outcome outcome;
    struct rows mirror; /* built from the changes alone */
    struct rows present, wanted;
    uint64_t hash; /* of the rows compared last */
};

static bool differs(const char *what)
{
    fprintf(stderr, "the engine and the naive contract differ: %s\n", what);
    return false;
}

#define SAME(a, b)                                                                                           \
    do {                                                                                                     \
        if ((a) != (b)) {                                                                                    \
            fprintf(stderr, "%s: engine %" PRId64 ", naive %" PRId64 "\n", #a, (int64_t)(a), (int64_t)(b));  \
            return false;                                                                                    \
        }                                                                                                    \
    } while (0)

static struct market *new_engine(const struct twin *t)
{
    void *memory =
        mmap(NULL, t->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    CHECK(memory != MAP_FAILED);
    return market_init(memory, &t->limits);
}

struct twin *twin_new(const struct market_limits *limits)
{
    struct twin *t = calloc(1, sizeof *t);
    CHECK(t != NULL);
    t->limits = *limits;
    t->size = market_size(limits);
    CHECK(t->size > 0);
    t->engine = new_engine(t);
    naive_init(&t->naive, limits);
    naive_copy(&t->committed, &t->naive);
    return t;
}

void twin_free(struct twin *t)
{
    munmap(t->engine, t->size);
    free(t);
}

const struct naive *twin_naive(const struct twin *t)
{
    return &t->naive;
}

/* -- outcomes -----------------------------------------------------------------------------------------------
 */

static bool same_trade(const struct trade *e, const struct trade *n)
{
    SAME(e->buyer, n->buyer);
    SAME(e->seller, n->seller);
    SAME(e->post, n->post);
    SAME(e->bid, n->bid);
    SAME(e->interval, n->interval);
    SAME(e->energy.wh, n->energy.wh);
    SAME(e->price.micro_per_kwh, n->price.micro_per_kwh);
    SAME(e->fee.micro_per_kwh, n->fee.micro_per_kwh);
    SAME(e->network, n->network);
    SAME(e->version, n->version);
    return true;
}

/* The accounts touched, as a set: in which order they change within one action is the engine's affair. */
static bool same_touched(const struct outcome *e, const struct naive_outcome *n)
{
    bool seen[NAIVE_ACCOUNTS] = {false};
    SAME(e->touched_count, n->touched_count);
    for (uint32_t i = 0; i < e->touched_count; i++) {
        if (e->touched[i] >= NAIVE_ACCOUNTS || seen[e->touched[i]])
            return differs("an account is touched twice");
        seen[e->touched[i]] = true;
    }
    for (uint32_t i = 0; i < n->touched_count; i++)
        if (!seen[n->touched[i]])
            return differs("an account that changed is not among the touched");
    return true;
}

static bool same_outcome(const struct outcome *e, const struct naive_outcome *n)
{
    SAME(e->order, n->order);
    SAME(e->trade_count, n->trade_count);
    for (uint32_t i = 0; i < n->trade_count; i++)
        if (!same_trade(&e->trades[i], &n->trades[i]))
            return false;
    uint32_t kept = n->passed_count < MARKET_PASSED_MAX ? n->passed_count : MARKET_PASSED_MAX;
    SAME(e->passed_total, n->passed_count);
    SAME(e->passed_count, kept);
    for (uint32_t i = 0; i < kept; i++) {
        SAME(e->passed[i].post, n->passed[i].post);
        SAME(e->passed[i].seller, n->passed[i].seller);
        SAME(e->passed[i].headroom.wh, n->passed[i].headroom.wh);
    }
    return same_touched(e, n);
}

bool twin_open(struct twin *t, const struct action *action)
{
    enum verdict e = market_open(t->engine, action), n = naive_open(&t->naive, action);
    if (e != n)
        fprintf(stderr, "opening: the engine says %s, the naive contract %s\n", verdict_word(e),
                verdict_word(n));
    return e == n;
}

bool twin_apply(struct twin *t, const struct action *action, struct wall now, enum verdict *verdict_out)
{
    struct outcome outcome;
    enum verdict e = market_apply(t->engine, action, now, &outcome);
    enum verdict n = naive_apply(&t->naive, action, now, &t->outcome);
    *verdict_out = n;
    if (e != n) {
        fprintf(stderr, "action type %d: the engine says %s, the naive contract %s\n", (int)action->type,
                verdict_word(e), verdict_word(n));
        return false;
    }
    return same_outcome(&outcome, &t->outcome);
}

void twin_spend_nonce(struct twin *t, uint32_t index)
{
    market_spend_nonce(t->engine, index);
    t->naive.accounts[index].nonce++;
}

/* -- rows ---------------------------------------------------------------------------------------------------
 */

static int compare_keys(const struct row_key *a, const struct row_key *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->a != b->a)
        return a->a < b->a ? -1 : 1;
    return (a->b > b->b) - (a->b < b->b);
}

/* The place of the key, or where it would stand. */
static uint32_t place_of(const struct rows *rows, const struct row_key *key)
{
    uint32_t low = 0, high = rows->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (compare_keys(&rows->rows[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void put_row(struct rows *rows, const struct row_key *key, struct bytes value)
{
    uint32_t at = place_of(rows, key);
    bool there = at < rows->count && compare_keys(&rows->rows[at].key, key) == 0;
    struct naive_row *row = &rows->rows[at];
    if (value.size == 0) {
        if (there)
            memmove(row, row + 1, (--rows->count - at) * sizeof *row);
        return;
    }
    CHECK(value.size <= MARKET_ROW_MAX && rows->count < NAIVE_ROWS_MAX);
    if (!there)
        memmove(row + 1, row, (rows->count++ - at) * sizeof *row);
    row->key = *key;
    row->size = (uint32_t)value.size;
    memcpy(row->bytes, value.data, value.size);
}

/* A visit that must come in ascending order. */
struct visit {
    struct rows *rows;
    struct row_key last;
    bool ascending;
};

static void visit_row(void *context, struct row_key key, struct bytes value)
{
    struct visit *visit = context;
    visit->ascending = visit->ascending && compare_keys(&visit->last, &key) < 0;
    visit->last = key;
    put_row(visit->rows, &key, value);
}

static bool same_rows(const struct rows *a, const struct rows *b)
{
    if (a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (compare_keys(&a->rows[i].key, &b->rows[i].key) != 0 || a->rows[i].size != b->rows[i].size ||
            memcmp(a->rows[i].bytes, b->rows[i].bytes, a->rows[i].size) != 0)
            return false;
    return true;
}

/* All rows of the engine, into t->present; each also by itself. */
static bool read_rows(struct twin *t)
{
    struct visit visit = {.rows = &t->present, .ascending = true};
    t->present.count = 0;
    market_rows(t->engine, visit_row, &visit);
    if (!visit.ascending)
        return differs("rows are not ascending");
    for (uint32_t i = 0; i < t->present.count; i++) {
        uint8_t bytes[MARKET_ROW_MAX];
        const struct naive_row *row = &t->present.rows[i];
        if (market_row(t->engine, row->key, bytes) != row->size || memcmp(bytes, row->bytes, row->size) != 0)
            return differs("a row by itself is another");
    }
    return true;
}

bool twin_commit(struct twin *t)
{
    struct visit visit = {.rows = &t->mirror, .ascending = true};
    market_changes(t->engine, visit_row, &visit);
    if (!visit.ascending)
        return differs("changes are not ascending");
    market_commit(t->engine);
    naive_copy(&t->committed, &t->naive);
    return true;
}

bool twin_rollback(struct twin *t)
{
    market_rollback(t->engine);
    naive_copy(&t->naive, &t->committed);
    return read_rows(t) && (same_rows(&t->present, &t->mirror) || differs("rows after a rollback"));
}

static bool row_refused(const struct naive_row *row)
{
    fprintf(stderr, "row %d %" PRIu64 " %" PRIu64 " cannot be loaded:", row->key.kind, row->key.a,
            row->key.b);
    for (uint32_t i = 0; i < row->size; i++)
        fprintf(stderr, " %02x", row->bytes[i]);
    fputc('\n', stderr);
    return false;
}

bool twin_reload(struct twin *t)
{
    if (!twin_commit(t) || !read_rows(t))
        return false;
    if (!same_rows(&t->present, &t->mirror))
        return differs("the changes do not lead to the rows");
    struct market *loaded = new_engine(t);
    for (uint32_t i = 0; i < t->present.count; i++) {
        const struct naive_row *row = &t->present.rows[i];
        if (market_load(loaded, row->key, (struct bytes){row->bytes, row->size}) != BB_OK)
            return row_refused(row);
    }
    if (market_loaded(loaded) != BB_OK)
        return differs("the rows cannot be loaded");
    market_commit(loaded);
    munmap(t->engine, t->size);
    t->engine = loaded;
    return read_rows(t) && (same_rows(&t->present, &t->mirror) || differs("rows after loading"));
}

/* The rows with one byte of one of them changed: refused, or a market that has exactly these rows. */
bool twin_load_damaged(struct twin *t, uint32_t row, uint32_t byte, uint8_t flip)
{
    struct market *loaded = new_engine(t);
    enum status status = read_rows(t) ? BB_OK : BB_MALFORMED;
    struct naive_row *damaged = &t->present.rows[row % t->present.count];
    damaged->bytes[byte % damaged->size] ^= flip;
    for (uint32_t i = 0; status == BB_OK && i < t->present.count; i++) {
        const struct naive_row *r = &t->present.rows[i];
        status = market_load(loaded, r->key, (struct bytes){r->bytes, r->size});
    }
    if (status == BB_OK)
        status = market_loaded(loaded);
    bool good = true;
    if (status == BB_OK) {
        struct visit visit = {.rows = &t->wanted, .ascending = true};
        t->wanted.count = 0;
        market_rows(loaded, visit_row, &visit);
        good =
            (visit.ascending && same_rows(&t->wanted, &t->present)) || differs("rows after loading damage");
        /* All that is due by the end of time happens in it. */
        struct outcome outcome;
        struct action nobody = {.type = ACTION_TRANSFER};
        market_apply(loaded, &nobody, (struct wall){INT64_MAX}, &outcome);
        good = good && (market_audit(loaded) || differs("sums after loading damage"));
    }
    munmap(loaded, t->size);
    return good;
}

/* -- the whole state ----------------------------------------------------------------------------------------
 */

static bool same_parameters(const struct twin *t)
{
    struct parameters p;
    const struct naive *n = &t->naive;
    int64_t waiting = 0;
    market_parameters(t->engine, &p);
    for (uint32_t i = 0; i < n->fee_count; i++)
        waiting += n->fees[i].amount;
    SAME(p.policy.mode, n->policy.mode);
    SAME(p.policy.recipient, n->policy.recipient);
    SAME(p.policy.penalty.micro_per_kwh, n->policy.penalty.micro_per_kwh);
    SAME(p.policy.band_low.micro_per_kwh, n->policy.band_low.micro_per_kwh);
    SAME(p.policy.band_high.micro_per_kwh, n->policy.band_high.micro_per_kwh);
    SAME(p.policy.interval_seconds, n->policy.interval_seconds);
    SAME(p.policy.gate_seconds, n->policy.gate_seconds);
    SAME(p.state, n->state);
    SAME(address_equal(&p.sealer, &n->sealer), true);
    SAME(p.network_version, n->version);
    SAME(p.money_total.nano, n->money_total);
    SAME(p.energy_total.wh, n->energy_total);
    SAME(p.fees_waiting.nano, waiting);
    SAME(p.accounts, n->account_count);
    SAME(p.orders, n->order_count);
    SAME(p.lines, n->line_count);
    return true;
}

static bool same_account(const struct market *engine, const struct naive *naive, uint32_t index)
{
    struct account a;
    const struct account *b = &naive->accounts[index];
    uint32_t found = NAIVE_ACCOUNTS;
    market_account(engine, index, &a);
    SAME(address_equal(&a.address, &b->address), true);
    SAME(strcmp(a.name, b->name), 0);
    SAME(a.role, b->role);
    SAME(a.revoked, b->revoked);
    SAME(a.nonce, b->nonce);
    SAME(a.money.nano, b->money.nano);
    SAME(a.escrow.nano, b->escrow.nano);
    SAME(a.energy.wh, b->energy.wh);
    SAME(a.on_sale.wh, b->on_sale.wh);
    SAME(market_find(engine, &b->address, &found), true);
    SAME(found, index);
    SAME(market_find_name(engine, bytes_of(b->name), &found), true);
    SAME(found, index);
    SAME(market_retired(engine, &b->address, &found), false);
    return true;
}

static bool same_accounts(const struct twin *t)
{
    for (uint32_t i = 0; i < t->naive.account_count; i++)
        if (!same_account(t->engine, &t->naive, i))
            return false;
    for (uint32_t i = 0; i < t->naive.retired_count; i++) {
        uint32_t found = NAIVE_ACCOUNTS;
        SAME(market_find(t->engine, &t->naive.retired[i].address, &found), false);
        SAME(market_retired(t->engine, &t->naive.retired[i].address, &found), true);
        SAME(found, t->naive.retired[i].account);
    }
    return true;
}

static bool same_order(const struct order *a, const struct order *b)
{
    SAME(a->id, b->id);
    SAME(a->account, b->account);
    SAME(a->interval, b->interval);
    SAME(a->energy.wh, b->energy.wh);
    SAME(a->price.micro_per_kwh, b->price.micro_per_kwh);
    SAME(a->expires, b->expires);
    SAME(a->sequence, b->sequence);
    return true;
}

/* Best first: posts cheap first, bids dear first, then by place in time. */
static int by_rank(const void *a, const void *b)
{
    const struct order *x = a, *y = b;
    bool bid = x->id & MARKET_BID_FLAG;
    if (x->price.micro_per_kwh != y->price.micro_per_kwh)
        return (x->price.micro_per_kwh < y->price.micro_per_kwh) == bid ? 1 : -1;
    return (x->sequence > y->sequence) - (x->sequence < y->sequence);
}

static bool same_side(const struct twin *t, uint64_t interval, bool bids)
{
    static struct order mine[NAIVE_ORDERS], theirs[NAIVE_ORDERS];
    size_t count = 0;
    for (uint32_t i = 0; i < t->naive.order_count; i++) {
        const struct order *o = &t->naive.orders[i];
        if (o->interval == interval && bids == ((o->id & MARKET_BID_FLAG) != 0))
            mine[count++] = *o;
    }
    qsort(mine, count, sizeof *mine, by_rank);
    SAME(market_book(t->engine, interval, bids, theirs, NAIVE_ORDERS), count);
    for (size_t i = 0; i < count; i++) {
        struct order alone;
        if (!same_order(&theirs[i], &mine[i]))
            return false;
        SAME(market_order(t->engine, mine[i].id, &alone), true);
        if (!same_order(&alone, &mine[i]))
            return false;
    }
    return true;
}

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

static bool same_book(const struct twin *t)
{
    uint64_t mine[NAIVE_INTERVALS], theirs[NAIVE_INTERVALS];
    size_t count = 0;
    for (uint32_t i = 0; i < t->naive.order_count; i++) {
        size_t k = 0;
        while (k < count && mine[k] != t->naive.orders[i].interval)
            k++;
        if (k == count)
            mine[count++] = t->naive.orders[i].interval;
    }
    qsort(mine, count, sizeof *mine, by_number);
    SAME(market_intervals(t->engine, theirs, NAIVE_INTERVALS), count);
    for (size_t i = 0; i < count; i++) {
        SAME(theirs[i], mine[i]);
        if (!same_side(t, mine[i], false) || !same_side(t, mine[i], true))
            return false;
    }
    return true;
}

static int64_t used_of(const struct naive *n, const struct line_view *view)
{
    for (uint32_t i = 0; i < n->use_count; i++)
        if (n->uses[i].buyer == view->buyer && n->uses[i].seller == view->seller &&
            n->uses[i].interval == view->interval)
            return n->uses[i].used;
    return 0;
}

static bool same_line(const struct twin *t, uint32_t index, uint64_t interval)
{
    struct line_view view;
    market_line(t->engine, index, interval, &view);
    for (uint32_t i = 0; i < t->naive.line_count; i++) {
        const struct naive_line *line = &t->naive.lines[i];
        if (line->buyer != view.buyer || line->seller != view.seller)
            continue;
        SAME(view.capacity.wh, line->capacity);
        SAME(view.interval, interval);
        SAME(view.used.wh, used_of(&t->naive, &view));
        return true;
    }
    return differs("a line that should not be there");
}

static bool same_lines(const struct twin *t)
{
    bool seen[NAIVE_ACCOUNTS][NAIVE_ACCOUNTS] = {{false}};
    for (uint32_t i = 0; i < t->naive.line_count; i++) {
        struct line_view view;
        market_line(t->engine, i, 0, &view);
        if (view.buyer >= NAIVE_ACCOUNTS || view.seller >= NAIVE_ACCOUNTS || seen[view.buyer][view.seller])
            return differs("a line is there twice");
        seen[view.buyer][view.seller] = true;
        if (!same_line(t, i, 0) || !same_line(t, i, 900))
            return false;
        for (uint32_t k = 0; k < t->naive.use_count; k++)
            if (!same_line(t, i, t->naive.uses[k].interval))
                return false;
    }
    return true;
}

/* FNV-1a over keys and values. */
static uint64_t hash_of(const struct rows *rows)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct naive_row *row = &rows->rows[i];
        uint8_t key[17];
        struct writer w = writer_at(key, sizeof key);
        write_u8(&w, row->key.kind);
        write_u64(&w, row->key.a);
        write_u64(&w, row->key.b);
        for (size_t k = 0; k < sizeof key; k++)
            hash = (hash ^ key[k]) * UINT64_C(0x100000001b3);
        for (uint32_t k = 0; k < row->size; k++)
            hash = (hash ^ row->bytes[k]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* All rows, byte for byte. */
static bool same_state(struct twin *t)
{
    struct visit visit = {.rows = &t->wanted, .ascending = true};
    t->wanted.count = 0;
    naive_rows(&t->naive, visit_row, &visit);
    t->hash = hash_of(&t->wanted);
    return read_rows(t) && (same_rows(&t->present, &t->wanted) || differs("rows"));
}

uint64_t twin_hash(const struct twin *t)
{
    return t->hash;
}

bool twin_compare(struct twin *t)
{
    if (!naive_audit(&t->naive))
        return differs("the naive contract's sums");
    if (!market_audit(t->engine))
        return differs("the engine's sums");
    return same_parameters(t) && same_accounts(t) && same_book(t) && same_lines(t) && same_state(t);
}
