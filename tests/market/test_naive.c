/* The naive contract against the thesis's own numbers, so that the other side of the agreement test is known
 * to be right where there is something printed. Source: thesis Tables 2 to 4; docs/market.md. */
#include "tests/market/naive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { DISTRIBUTION, C1, P1, P2, P3, ACCOUNTS };

static const char *const names[] = {"distribution", "C1", "P1", "P2", "P3"};
static struct naive naive;
static struct naive_outcome out;

static struct address address(uint8_t index)
{
    return (struct address){{[19] = (uint8_t)(index + 1)}};
}

static void open_with(const struct action *action)
{
    assert_int_equal(naive_open(&naive, action), VERDICT_OK);
}

static int setup(void **state)
{
    (void)state;
    naive_init(&naive, &(struct market_limits){8, 16, 8, 4, 8});
    for (uint8_t i = 0; i < ACCOUNTS; i++) {
        uint8_t role = i == DISTRIBUTION ? ROLE_DISTRIBUTION : ROLE_PROSUMER;
        open_with(&(struct action){.type = ACTION_ADMIT, .admit = {address(i), bytes_of(names[i]), role}});
        if (i != DISTRIBUTION)
            open_with(&(struct action){.type = ACTION_MINT, .mint = {address(i), {10000000000}, {50000}}});
    }
    return 0;
}

static void policy(uint8_t mode, uint8_t recipient, int64_t penalty)
{
    open_with(&(struct action){
        .type = ACTION_SET_POLICY,
        .policy = {.mode = mode, .recipient = recipient, .penalty = {penalty}, .interval_seconds = 0}});
    static const int64_t capacities[] = {5000, 10000, 5000};
    for (uint8_t i = 0; i < 3 && mode != POLICY_NONE; i++)
        open_with(&(struct action){.type = ACTION_SET_LINE,
                                   .line = {address(C1), address((uint8_t)(P1 + i)), {capacities[i]}}});
}

static enum verdict apply(const struct action *action)
{
    return naive_apply(&naive, action, (struct wall){0}, &out);
}

static void buy(int64_t energy)
{
    static const int64_t energies[] = {6000, 7000, 8000}, prices[] = {98200, 99000, 99700};
    for (uint8_t i = 0; i < 3; i++)
        assert_int_equal(apply(&(struct action){.type = ACTION_SELL,
                                                .actor = address((uint8_t)(P1 + i)),
                                                .sell = {0, {energies[i]}, {prices[i]}, 0}}),
                         VERDICT_OK);
    assert_int_equal(apply(&(struct action){.type = ACTION_BUY,
                                            .actor = address(C1),
                                            .buy = {0, {energy}, {100000}, FILL_ALL_OR_NOTHING, 0}}),
                     VERDICT_OK);
    assert_true(naive_audit(&naive));
}

static void expect(int index, int64_t money, int64_t energy, int64_t on_sale)
{
    assert_int_equal(naive.accounts[index].money.nano, money);
    assert_int_equal(naive.accounts[index].energy.wh, energy);
    assert_int_equal(naive.accounts[index].on_sale.wh, on_sale);
}

static void test_case1(void **state)
{
    (void)state;
    buy(8000);
    expect(C1, 9212800000, 58000, 0);
    expect(P1, 10589200000, 44000, 0);
    expect(P2, 10198000000, 48000, 5000);
    expect(P3, 10000000000, 50000, 8000);
}

static void test_case2(void **state)
{
    (void)state;
    policy(POLICY_LIMIT, RECIPIENT_DISTRIBUTION, 0);
    buy(8000);
    expect(C1, 9212000000, 58000, 0);
    expect(P1, 10491000000, 45000, 1000);
    expect(P2, 10297000000, 47000, 4000);
    expect(P3, 10000000000, 50000, 8000);
    assert_int_equal(out.passed_count, 1);
    assert_int_equal(out.passed[0].seller, P1);
}

static void test_case3(void **state)
{
    (void)state;
    policy(POLICY_PENALTY, RECIPIENT_SELLER, 1000);
    buy(15000);
    expect(C1, 8517400000, 65000, 0);
    expect(P1, 10590200000, 44000, 0);
    expect(P2, 10693000000, 43000, 0);
    expect(P3, 10199400000, 48000, 6000);
    static const int64_t trades[][4] = {
        {P1, 5000, 98200, 0}, {P2, 7000, 99000, 0}, {P1, 1000, 98200, 1000}, {P3, 2000, 99700, 0}};
    assert_int_equal(out.trade_count, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(out.trades[i].seller, trades[i][0]);
        assert_int_equal(out.trades[i].energy.wh, trades[i][1]);
        assert_int_equal(out.trades[i].price.micro_per_kwh, trades[i][2]);
        assert_int_equal(out.trades[i].fee.micro_per_kwh, trades[i][3]);
    }
}

/* The text of the thesis: the penalty belongs to the distribution company. */
static void test_case3_text(void **state)
{
    (void)state;
    policy(POLICY_PENALTY, RECIPIENT_DISTRIBUTION, 1000);
    buy(15000);
    expect(C1, 8517400000, 65000, 0);
    expect(P1, 10589200000, 44000, 0);
    expect(DISTRIBUTION, 1000000, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_case1, setup),
        cmocka_unit_test_setup(test_case2, setup),
        cmocka_unit_test_setup(test_case3, setup),
        cmocka_unit_test_setup(test_case3_text, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
