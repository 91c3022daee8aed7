/* The thesis's three cases to the last digit (Tables 2 to 4), with the posts left and the trades in order;
 * and cases of others: liquibook's all-or-none, Grid Singularity's pay-as-offer. */
#include "tests/market/rig_acts.h"

struct balance {
    unsigned who;
    int64_t money, energy;
};

struct post {
    unsigned seller;
    int64_t energy, price;
};

struct traded {
    unsigned seller;
    int64_t energy, price, fee;
};

/* A table of the thesis: what is bought under which policy, and what comes of it. */
struct table_case {
    struct policy policy;
    int64_t buy;
    struct balance after[4];
    struct post posts[4];
    struct traded trades[5];
};

static const struct table_case case1 = {
    .policy = {.mode = POLICY_NONE},
    .buy = 8000,
    .after = {{C1, 9212800000, 58000},
              {P1, 10589200000, 44000},
              {P2, 10198000000, 48000},
              {P3, 10000000000, 50000}},
    .posts = {{P2, 5000, 99000}, {P3, 8000, 99700}},
    .trades = {{P1, 6000, 98200, 0}, {P2, 2000, 99000, 0}},
};

static const struct table_case case2 = {
    .policy = {.mode = POLICY_LIMIT},
    .buy = 8000,
    .after = {{C1, 9212000000, 58000},
              {P1, 10491000000, 45000},
              {P2, 10297000000, 47000},
              {P3, 10000000000, 50000}},
    .posts = {{P1, 1000, 98200}, {P2, 4000, 99000}, {P3, 8000, 99700}},
    .trades = {{P1, 5000, 98200, 0}, {P2, 3000, 99000, 0}},
};

static const struct table_case case3 = {
    .policy = {.mode = POLICY_PENALTY, .recipient = RECIPIENT_SELLER, .penalty = {1000}},
    .buy = 15000,
    .after = {{C1, 8517400000, 65000},
              {P1, 10590200000, 44000},
              {P2, 10693000000, 43000},
              {P3, 10199400000, 48000}},
    .posts = {{P3, 6000, 99700}},
    .trades = {{P1, 5000, 98200, 0}, {P2, 7000, 99000, 0}, {P1, 1000, 98200, 1000}, {P3, 2000, 99700, 0}},
};

static void expect_book(const struct post *posts, size_t count)
{
    struct order book[8];
    assert_int_equal(market_book(rig.market, 0, false, book, 8), count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(book[i].account, posts[i].seller);
        assert_int_equal(book[i].energy.wh, posts[i].energy);
        assert_int_equal(book[i].price.micro_per_kwh, posts[i].price);
    }
}

static void expect_trades(const struct traded *trades)
{
    uint32_t count = 0;
    for (; trades[count].seller != 0; count++) {
        const struct trade *t = &rig.out.trades[count];
        assert_true(count < rig.out.trade_count);
        assert_int_equal(t->buyer, C1);
        assert_int_equal(t->seller, trades[count].seller);
        assert_int_equal(t->energy.wh, trades[count].energy);
        assert_int_equal(t->price.micro_per_kwh, trades[count].price);
        assert_int_equal(t->fee.micro_per_kwh, trades[count].fee);
    }
    assert_int_equal(rig.out.trade_count, count);
}

static void run_case(const struct table_case *c)
{
    static const struct post posted[] = {{P1, 6000, 98200}, {P2, 7000, 99000}, {P3, 8000, 99700}};
    static const int64_t capacities[] = {5000, 10000, 5000};
    assert_int_equal(rig_policy(c->policy), VERDICT_OK);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(rig_line(C1, posted[i].seller, capacities[i]), VERDICT_OK);
        assert_int_equal(rig_sell(posted[i].seller, 0, posted[i].energy, posted[i].price, 0), VERDICT_OK);
    }
    expect_book(posted, 3);
    assert_int_equal(rig_buy(C1, 0, c->buy, 100000, FILL_ALL_OR_NOTHING), VERDICT_OK);
    expect_trades(c->trades);
    for (int i = 0; i < 4; i++) {
        struct account account = rig_account(c->after[i].who);
        assert_int_equal(account.money.nano, c->after[i].money);
        assert_int_equal(account.energy.wh, c->after[i].energy);
    }
    size_t left = 0;
    while (left < 4 && c->posts[left].seller != 0)
        left++;
    expect_book(c->posts, left);
}

static void test_case1(void **state)
{
    (void)state;
    run_case(&case1);
    assert_int_equal(rig.out.passed_total, 0);
}

static void test_case2(void **state)
{
    (void)state;
    run_case(&case2);
    assert_int_equal(rig.out.passed_total, 1);
    assert_int_equal(rig.out.passed[0].seller, P1);
    assert_int_equal(rig.out.passed[0].post, 1);
    assert_int_equal(rig.out.passed[0].headroom.wh, 0);
}

static void test_case3(void **state)
{
    (void)state;
    run_case(&case3);
    assert_int_equal(rig_account(EDC).money.nano, 0);
    struct line_view line;
    market_line(rig.market, 0, 0, &line);
    assert_int_equal(line.capacity.wh, 5000);
    assert_int_equal(line.used.wh, 6000);
}

/* As §3.6.3 says it in words: the additional revenue is the distribution company's. */
static void test_case3_in_words(void **state)
{
    (void)state;
    struct table_case words = case3;
    words.policy.recipient = RECIPIENT_DISTRIBUTION;
    words.after[1].money -= 1000 * 1000;
    run_case(&words);
    assert_int_equal(rig_account(EDC).money.nano, 1000 * 1000);
}

/* Figure 9: three units at ten. */
static void test_figure9(void **state)
{
    (void)state;
    assert_int_equal(rig_sell(P1, 0, 3000, 300000, 0), VERDICT_OK);
    assert_int_equal(rig_buy(P2, 0, 3000, 300000, FILL_ALL_OR_NOTHING), VERDICT_OK);
    assert_int_equal(rig_account(P1).money.nano, RIG_MONEY + 900000000); /* 90 cents */
}

/* Asks 100 @ 1251 and 100 @ 1252, a buy of 300 @ 1251 gets nothing. */
static void test_all_or_none(void **state)
{
    (void)state;
    assert_int_equal(rig_sell(P1, 0, 100, 1251, 0), VERDICT_OK);
    assert_int_equal(rig_sell(P2, 0, 100, 1252, 0), VERDICT_OK);
    assert_int_equal(rig_buy(C1, 0, 300, 1251, FILL_ALL_OR_NOTHING), VERDICT_TOO_DEAR);
    assert_int_equal(rig_buy(C1, 0, 200, 1252, FILL_ALL_OR_NOTHING), VERDICT_OK);
    static const struct traded trades[] = {{P1, 100, 1251, 0}, {P2, 100, 1252, 0}, {0, 0, 0, 0}};
    expect_trades(trades);
}

/* A bid of 100 against 10 @ .6, 20 @ .7, 30 @ .8, 50 @ .9 takes 10, 20, 30, 40, whatever the order of
 * posting. */
static void test_pay_as_offer(void **state)
{
    (void)state;
    assert_int_equal(rig_sell(P3, 0, 30, 800000, 0), VERDICT_OK);
    assert_int_equal(rig_sell(P1, 0, 50, 900000, 0), VERDICT_OK);
    assert_int_equal(rig_sell(P1, 0, 10, 600000, 0), VERDICT_OK);
    assert_int_equal(rig_sell(P2, 0, 20, 700000, 0), VERDICT_OK);
    assert_int_equal(rig_buy(C1, 0, 100, 900000, FILL_ALL_OR_NOTHING), VERDICT_OK);
    static const struct traded trades[] = {
        {P1, 10, 600000, 0}, {P2, 20, 700000, 0}, {P3, 30, 800000, 0}, {P1, 40, 900000, 0}, {0, 0, 0, 0}};
    expect_trades(trades);
}

/* Equal prices: who was first; a raised amount or another price goes to the end, a lowered amount does not.
 */
static void test_ties(void **state)
{
    (void)state;
    for (unsigned who = P1; who <= P3; who++)
        assert_int_equal(rig_sell(who, 0, 10, 5000, 0), VERDICT_OK);
    assert_int_equal(rig_update(P1, 1, 9, 5000), VERDICT_OK);
    static const struct post same[] = {{P1, 9, 5000}, {P2, 10, 5000}, {P3, 10, 5000}};
    expect_book(same, 3);
    assert_int_equal(rig_update(P1, 1, 10, 5000), VERDICT_OK);
    static const struct post raised[] = {{P2, 10, 5000}, {P3, 10, 5000}, {P1, 10, 5000}};
    expect_book(raised, 3);
    assert_int_equal(rig_update(P2, 2, 10, 4999), VERDICT_OK);
    assert_int_equal(rig_update(P2, 2, 10, 5000), VERDICT_OK);
    static const struct post moved[] = {{P3, 10, 5000}, {P1, 10, 5000}, {P2, 10, 5000}};
    expect_book(moved, 3);
}

/* Without a fee, at the same delivered price the line that is not exceeded is first. */
static void test_not_exceeded_first(void **state)
{
    (void)state;
    assert_int_equal(rig_policy((struct policy){.mode = POLICY_PENALTY, .penalty = {1000}}), VERDICT_OK);
    assert_int_equal(rig_line(C1, P1, 10), VERDICT_OK);
    assert_int_equal(rig_sell(P1, 0, 20, 5000, 0), VERDICT_OK);
    assert_int_equal(rig_sell(P2, 0, 10, 6000, 0), VERDICT_OK);
    assert_int_equal(rig_sell(P3, 0, 10, 6001, 0), VERDICT_OK);
    assert_int_equal(rig_buy(C1, 0, 35, 7000, FILL_ALL_OR_NOTHING), VERDICT_OK);
    static const struct traded trades[] = {
        {P1, 10, 5000, 0}, {P2, 10, 6000, 0}, {P1, 10, 5000, 1000}, {P3, 5, 6001, 0}, {0, 0, 0, 0}};
    expect_trades(trades);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_case1),          TEST(test_case2),   TEST(test_case3),
        TEST(test_case3_in_words), TEST(test_figure9), TEST(test_all_or_none),
        TEST(test_pay_as_offer),   TEST(test_ties),    TEST(test_not_exceeded_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
