/* Rows: what changed, what is undone, what is loaded again; and rows that lie. */
#include "market/state.h"
#include "tests/market/rig_acts.h"

#include <stdlib.h>
#include <string.h>

#define OK(call) assert_int_equal(call, VERDICT_OK)

static struct rows first, second, third;

static uint64_t next(uint64_t *seed, uint64_t below)
{
    *seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *seed;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return (z ^ z >> 29) % below;
}

/* Something of everything: posts, bids, lines, use, fees, a replaced key, a revoked account. */
static void populate(void)
{
    OK(rig_policy((struct policy){.mode = POLICY_PENALTY, .penalty = {1000}, .interval_seconds = 900}));
    OK(rig_line(C1, P1, 10));
    OK(rig_line(C2, P1, 0));
    for (uint64_t interval = 0; interval <= 1800; interval += 900) {
        OK(rig_sell(P1, interval, 400, 5000, interval));
        OK(rig_sell(P2, interval, 100, 9000, 0));
        OK(rig_buy(C1, interval, 30, 8000, FILL_ALL_OR_NOTHING));
        OK(rig_buy(C2, interval, 10, 4000, FILL_REST));
    }
    struct action rekey = {.type = ACTION_REKEY, .rekey = {rig_address(P3), rig_address(40)}};
    OK(rig_apply(OPERATOR, rekey));
    struct action admit = {.type = ACTION_ADMIT, .admit = {rig_address(41), bytes_of("late"), ROLE_METER}};
    OK(rig_apply(OPERATOR, admit));
    OK(rig_apply(OPERATOR, (struct action){.type = ACTION_REVOKE, .revoke = {rig_address(41)}}));
    OK(rig_apply(OPERATOR, (struct action){.type = ACTION_SET_SEALER, .sealer = {rig_address(42)}}));
}

/* A random action that is often accepted. */
static void stir(uint64_t *seed)
{
    unsigned who = P1 + (unsigned)next(seed, RIG_ACCOUNTS - P1);
    uint64_t interval = next(seed, 3) * 900, post = 1 + next(seed, 40);
    int64_t energy = 1 + (int64_t)next(seed, 50), price = 4000 + (int64_t)next(seed, 6) * 500;
    rig.now.ms += (int64_t)next(seed, 2000);
    switch (next(seed, 8)) {
    case 0:
    case 1:
        (void)rig_sell(who, interval, energy, price, next(seed, 2) * (uint64_t)(rig.now.ms / 1000 + 5));
        break;
    case 2:
    case 3:
        (void)rig_buy(who, interval, energy, price, (enum fill)next(seed, 3));
        break;
    case 4:
        (void)rig_update(who, post, energy, price);
        break;
    case 5:
        (void)rig_cancel(who, next(seed, 2) * MARKET_BID_FLAG + post);
        break;
    case 6:
        (void)rig_line(who, P1 + (unsigned)next(seed, 3), (int64_t)next(seed, 40) - 1);
        break;
    default:
        market_spend_nonce(rig.market, who);
        break;
    }
}

static void expect_same(const struct rows *a, const struct rows *b)
{
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->bytes, b->bytes, a->size);
}

/* -- what changed ---------------------------------------------------------------------------------------- */

/* One row of `rows` at *at, which moves on; its size, 0 at the end. Kind and key are its first 17 bytes. */
static size_t row_at(const struct rows *rows, size_t *at, const uint8_t **row_out)
{
    if (*at == rows->size)
        return 0;
    *row_out = rows->bytes + *at;
    size_t size = 18u + (*row_out)[17];
    *at += size;
    return size;
}

static int compare_keys(const uint8_t *a, const uint8_t *b)
{
    struct reader x = reader_at((struct bytes){a, 17}), y = reader_at((struct bytes){b, 17});
    uint64_t p = read_u8(&x), q = read_u8(&y);
    for (int i = 0; p == q && i < 2; i++) {
        p = read_u64(&x);
        q = read_u64(&y);
    }
    return p < q ? -1 : p > q;
}

/* The difference of two states, as market_changes should give it. */
static void difference(const struct rows *old, const struct rows *new, struct rows *out)
{
    size_t a = 0, b = 0;
    const uint8_t *x = NULL, *y = NULL;
    size_t size_x = row_at(old, &a, &x), size_y = row_at(new, &b, &y);
    out->size = out->count = 0;
    while (size_x > 0 || size_y > 0) {
        int order = size_x == 0 ? 1 : size_y == 0 ? -1 : compare_keys(x, y);
        bool same = order == 0 && size_x == size_y && memcmp(x, y, size_x) == 0;
        size_t size = order < 0 ? 18 : size_y;
        if (!same) {
            memcpy(out->bytes + out->size, order < 0 ? x : y, size);
            if (order < 0)
                out->bytes[out->size + 17] = 0; /* it is gone */
            out->size += size;
            out->count++;
        }
        if (order <= 0)
            size_x = row_at(old, &a, &x);
        if (order >= 0)
            size_y = row_at(new, &b, &y);
    }
}

static uint64_t seed_of_run(void)
{
    const char *given = getenv("BUSBAR_SEED");
    uint64_t seed = given == NULL ? 20261128 : strtoull(given, NULL, 0);
    print_message("seed %llu\n", (unsigned long long)seed);
    return seed;
}

static void test_changes(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    rig_changes(rig.market, &third);
    assert_int_equal(third.count, 0);
    rig_rows(rig.market, &first);
    populate();
    for (int round = 0; round < 60; round++) {
        for (uint64_t i = next(&seed, 20); i > 0; i--)
            stir(&seed);
        rig_rows(rig.market, &second);
        difference(&first, &second, &third);
        rig_changes(rig.market, &first);
        expect_same(&first, &third);
        market_commit(rig.market);
        rig_rows(rig.market, &first);
        expect_same(&first, &second);
    }
}

/* Each row by itself is what it is among all. */
static void check_row(void *context, struct row_key key, struct bytes value)
{
    uint8_t alone[MARKET_ROW_MAX];
    assert_int_equal(market_row(rig.market, key, alone), value.size);
    assert_memory_equal(alone, value.data, value.size);
    ++*(size_t *)context;
}

static void test_single_rows(void **state)
{
    (void)state;
    uint8_t value[MARKET_ROW_MAX];
    size_t count = 0;
    populate();
    market_rows(rig.market, check_row, &count);
    assert_true(count > 20);
    static const struct row_key none[] = {{0, 0, 0},
                                          {ROW_PARAMETERS, 1, 0},
                                          {ROW_ACCOUNT, 100, 0},
                                          {ROW_ACCOUNT, 0, 1},
                                          {ROW_RETIRED, 1, 0},
                                          {ROW_ORDER, 0, 0},
                                          {ROW_ORDER, 99, 0},
                                          {ROW_LINE, 5, 0},
                                          {ROW_USE, 5, 0},
                                          {ROW_FEE, 0, 0},
                                          {ROW_FEE, 1, 0},
                                          {ROW_KINDS, 0, 0},
                                          {255, UINT64_MAX, UINT64_MAX}};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_int_equal(market_row(rig.market, none[i], value), 0);
}

/* -- undone -----------------------------------------------------------------------------------------------
 */

/* After a rollback the market goes on as if nothing had been: rows, and what happens next. */
static void test_rollback(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    populate();
    market_commit(rig.market);
    for (int round = 0; round < 20; round++) {
        struct wall now = rig.now;
        uint64_t again = seed;
        rig_rows(rig.market, &first);
        for (int i = 0; i < 20; i++)
            stir(&seed);
        rig.now.ms += round % 5 == 0 ? 1000000 : 0; /* all intervals close */
        stir(&seed);
        rig_rows(rig.market, &second);
        market_rollback(rig.market);
        assert_true(market_audit(rig.market));
        rig_rows(rig.market, &third);
        expect_same(&first, &third);
        rig.now = now;
        for (int i = 0; i < 20; i++)
            stir(&again);
        rig.now.ms += round % 5 == 0 ? 1000000 : 0;
        stir(&again);
        rig_rows(rig.market, &third);
        expect_same(&second, &third);
        if (round % 2 == 0)
            market_commit(rig.market);
        else
            market_rollback(rig.market);
        rig.now = round % 2 == 0 && round % 5 != 0 ? rig.now : now;
    }
}

/* The memory itself, the part that is state, byte by byte: whatever was derived is undone, too. */
static void test_rollback_of_memory(void **state)
{
    (void)state;
    uint64_t seed = 7;
    populate();
    market_commit(rig.market);
    const uint8_t *start = rig.market->journal.base;
    size_t size = (size_t)((const uint8_t *)rig.market->journal.block.bits - start);
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, start, size);
    for (int i = 0; i < 50; i++)
        stir(&seed);
    assert_true(memcmp(copy, start, size) != 0);
    market_rollback(rig.market);
    assert_memory_equal(copy, start, size);
    free(copy);
}

/* -- loaded again ------------------------------------------------------------------------------------------
 */

struct loading {
    struct market *market;
    enum status status;
    size_t skip;  /* this row is left out */
    size_t twist; /* this byte of all values is changed */
    uint8_t with;
    size_t row, at;
};

static void load_row(void *context, struct row_key key, struct bytes value)
{
    struct loading *l = context;
    uint8_t copy[MARKET_ROW_MAX];
    memcpy(copy, value.data, value.size);
    if (l->twist >= l->at && l->twist < l->at + value.size)
        copy[l->twist - l->at] ^= l->with;
    l->at += value.size;
    if (l->row++ != l->skip && l->status == BB_OK)
        l->status = market_load(l->market, key, (struct bytes){copy, value.size});
}

static enum status load_all(struct loading *l)
{
    market_rows(rig.market, load_row, l);
    return l->status == BB_OK ? market_loaded(l->market) : l->status;
}

static struct loading loading_into(struct market *market)
{
    return (struct loading){market, BB_OK, SIZE_MAX, SIZE_MAX, 0, 0, 0};
}

/* A market that was loaded has the same rows and goes on alike, trade by trade. */
static void test_load(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    populate();
    for (int round = 0; round < 10; round++) {
        void *memory;
        size_t size;
        for (int i = 0; i < 20; i++)
            stir(&seed);
        market_commit(rig.market);
        struct rig original = rig;
        struct market *loaded = rig_new(&rig.limits, &memory, &size);
        struct loading loading = loading_into(loaded);
        assert_int_equal(load_all(&loading), BB_OK);
        rig_rows(rig.market, &first);
        rig_rows(loaded, &second);
        expect_same(&first, &second);
        uint64_t again = seed;
        for (int i = 0; i < 40; i++)
            stir(&seed);
        rig_rows(rig.market, &first);
        rig.market = loaded;
        rig.now = original.now;
        for (int i = 0; i < 40; i++)
            stir(&again);
        rig_rows(rig.market, &second);
        expect_same(&first, &second);
        rig_free(original.memory, original.size);
        rig.memory = memory;
        rig.size = size;
    }
}

/* Any byte of any row changed: refused, or a market that is sound and has what the rows say. */
static void test_lies(void **state)
{
    (void)state;
    uint64_t seed = seed_of_run();
    size_t refused = 0, taken = 0;
    populate();
    rig_rows(rig.market, &first);
    struct market *original = rig.market;
    for (size_t i = 0; i < 3000; i++) {
        void *memory;
        size_t size;
        struct loading loading = loading_into(rig_new(&rig.limits, &memory, &size));
        loading.twist = i % (first.size - first.count * 18);
        loading.with = (uint8_t)(1u << next(&seed, 8));
        rig.market = original;
        if (load_all(&loading) != BB_OK) {
            refused++;
        } else {
            taken++;
            rig.market = loading.market;
            assert_true(market_audit(rig.market));
            (void)rig_sell(P1, 0, 10, 5000, 0);
        }
        rig_free(memory, size);
    }
    rig.market = original;
    print_message("%zu refused, %zu taken\n", refused, taken);
    assert_true(refused > 500 && taken > 0);
}

/* A row too few: only a market without it is one (a line without use, a retired key, an unused account). */
static void test_missing_rows(void **state)
{
    (void)state;
    populate();
    rig_rows(rig.market, &first);
    struct market *original = rig.market;
    for (size_t i = 0; i < first.count; i++) {
        void *memory;
        size_t size;
        struct loading loading = loading_into(rig_new(&rig.limits, &memory, &size));
        loading.skip = i;
        if (load_all(&loading) == BB_OK)
            assert_true(market_audit(loading.market));
        else
            assert_true(loading.status == BB_MALFORMED || loading.status == BB_OK);
        if (i < 1 + RIG_ACCOUNTS)
            assert_int_not_equal(loading.status, BB_OK);
        rig_free(memory, size);
    }
    assert_ptr_equal(rig.market, original);
}

static void test_full_and_out_of_order(void **state)
{
    (void)state;
    populate();
    void *memory;
    size_t size;
    static const struct market_limits small[] = {{7, 4096, 64, 16, 64},
                                                 {64, 5, 64, 16, 64},
                                                 {64, 4096, 1, 16, 64},
                                                 {64, 4096, 64, 2, 64},
                                                 {64, 4096, 64, 16, 2}};
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        struct loading loading = loading_into(rig_new(&small[i], &memory, &size));
        assert_int_equal(load_all(&loading), BB_FULL);
        rig_free(memory, size);
    }
    struct market *market = rig_new(&rig.limits, &memory, &size);
    struct bytes nothing = {NULL, 0};
    assert_int_equal(market_load(market, (struct row_key){ROW_ACCOUNT, 0, 0}, nothing), BB_MALFORMED);
    assert_int_equal(market_load(market, (struct row_key){ROW_PARAMETERS, 0, 0}, nothing), BB_MALFORMED);
    assert_int_equal(market_load(market, (struct row_key){ROW_KINDS, 0, 0}, nothing), BB_MALFORMED);
    assert_int_equal(market_load(market, (struct row_key){0, 0, 0}, nothing), BB_MALFORMED);
    rig_free(memory, size);
    market = rig_new(&rig.limits, &memory, &size);
    assert_int_equal(market_loaded(market), BB_MALFORMED);
    rig_free(memory, size);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_changes), TEST(test_single_rows), TEST(test_rollback),     TEST(test_rollback_of_memory),
        TEST(test_load),    TEST(test_lies),        TEST(test_missing_rows), TEST(test_full_and_out_of_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
