/* The rules of docs/market.md that are more than a refusal: time, fees, resting bids, the network, keys. */
#include "tests/market/rig_acts.h"

#include <string.h>

#define OK(call) assert_int_equal(call, VERDICT_OK)
#define BID(n)   (MARKET_BID_FLAG + (n))

/* Lets ledger time come to a second, by an action of nobody. */
static void at_second(int64_t second)
{
    rig.now.ms = second * 1000;
    assert_int_equal(rig_cancel(NOBODY, 0), VERDICT_NOT_ADMITTED);
}

static struct parameters parameters(void)
{
    struct parameters now;
    market_parameters(rig.market, &now);
    return now;
}

static bool is_open(uint64_t id)
{
    struct order order;
    return market_order(rig.market, id, &order);
}

static enum verdict rest(unsigned who, uint64_t interval, int64_t energy, int64_t max, uint64_t expires)
{
    return rig_apply(
        who, (struct action){.type = ACTION_BUY, .buy = {interval, {energy}, {max}, FILL_REST, expires}});
}

static void test_expiry(void **state)
{
    (void)state;
    OK(rig_sell(P1, 0, 100, 5000, 10));
    OK(rig_sell(P1, 900, 200, 5000, 11));
    OK(rest(C1, 0, 50, 1000, 10));
    assert_int_equal(rig_account(P1).on_sale.wh, 300);
    assert_int_equal(rig_account(C1).escrow.nano, 50000);
    rig.now.ms = 9999;
    at_second(9);
    assert_true(is_open(1) && is_open(BID(1)));
    at_second(10);
    assert_false(is_open(1) || is_open(BID(1)));
    assert_true(is_open(2));
    assert_int_equal(rig_account(P1).on_sale.wh, 200);
    assert_int_equal(rig_account(C1).escrow.nano, 0);
    at_second(11);
    assert_int_equal(parameters().orders, 0);
    assert_int_equal(market_intervals(rig.market, NULL, 0), 0);
}

/* An expiry that ledger time never reaches is one, too. */
static void test_expiry_bounds(void **state)
{
    (void)state;
    static const uint64_t late[] = {INT64_MAX / 1000 + 1, UINT64_C(1) << 54, INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < 4; i++)
        OK(rig_sell(P1, 0, 1, 5000, late[i]));
    OK(rig_sell(P1, 0, 1, 5000, INT64_MAX / 1000));
    rig.now.ms = INT64_MIN;
    OK(rig_sell(P1, 1, 1, 5000, 1)); /* before all time */
    rig.now.ms = -1;                 /* second -1, rounded down */
    OK(rig_sell(P1, 1, 1, 5000, 1));
    rig.now.ms = INT64_MAX;
    assert_int_equal(rig_sell(P1, 1, 1, 5000, 0), VERDICT_GATE_CLOSED);
    assert_int_equal(parameters().orders, 4);
}

/* An interval closes `gate` before its start: orders go, fees are paid, use is forgotten; interval 0 stays.
 */
static void test_closing_pays_fees(void **state)
{
    (void)state;
    OK(rig_policy((struct policy){.mode = POLICY_PENALTY, .penalty = {1000}, .gate_seconds = 100}));
    OK(rig_line(C1, P1, 10));
    for (uint64_t interval = 0; interval <= 1800; interval += 900) {
        OK(rig_sell(P1, interval, 40, 5000, 0));
        OK(rig_buy(C1, interval, 30, 6000, FILL_ALL_OR_NOTHING));
        OK(rest(C2, interval, 7, 3, 0));
    }
    assert_int_equal(rig_account(EDC).money.nano, 20000); /* at once for interval 0 */
    assert_int_equal(parameters().fees_waiting.nano, 40000);
    at_second(799);
    assert_int_equal(parameters().fees_waiting.nano, 40000);
    at_second(800);
    assert_int_equal(parameters().fees_waiting.nano, 20000);
    assert_int_equal(rig_account(EDC).money.nano, 40000);
    assert_false(is_open(2) || is_open(BID(2)));
    assert_true(is_open(1) && is_open(3) && is_open(BID(3)));
    struct line_view line;
    market_line(rig.market, 0, 900, &line);
    assert_int_equal(line.used.wh, 0);
    market_line(rig.market, 0, 1800, &line);
    assert_int_equal(line.used.wh, 30);
    /* Also by a new policy, at the next action. */
    OK(rig_policy((struct policy){.mode = POLICY_PENALTY, .penalty = {1000}, .gate_seconds = UINT64_MAX}));
    at_second(800);
    assert_int_equal(parameters().fees_waiting.nano, 0);
    assert_int_equal(rig_account(EDC).money.nano, 60000);
    assert_int_equal(parameters().orders, 2);
    market_line(rig.market, 0, 0, &line);
    assert_int_equal(line.used.wh, 30);
    assert_int_equal(rig_account(P1).on_sale.wh, 10);
    assert_int_equal(rig_account(C2).escrow.nano, 21);
}

/* A bid is filled by several sales, pays each seller's own price, and gets the rest of its escrow back. */
static void test_resting_bid(void **state)
{
    (void)state;
    OK(rig_sell(P1, 0, 100, 6000, 0));
    OK(rig_buy(C1, 0, 1000, 10000, FILL_REST));
    assert_int_equal(rig.out.trade_count, 1);
    assert_int_equal(rig.out.order, BID(1));
    assert_int_equal(rig_account(C1).money.nano, RIG_MONEY - 600000);
    assert_int_equal(rig_account(C1).escrow.nano, 9000000);
    OK(rig_sell(P2, 0, 300, 7000, 0));
    assert_int_equal(rig.out.trade_count, 1);
    assert_int_equal(rig.out.trades[0].bid, BID(1));
    assert_int_equal(rig.out.trades[0].buyer, C1);
    assert_int_equal(rig.out.trades[0].energy.wh, 300);
    assert_int_equal(rig_account(C1).money.nano, RIG_MONEY - 600000 - 2100000);
    assert_int_equal(rig_account(C1).escrow.nano, 6000000);
    OK(rig_sell(P3, 0, 300, 10001, 0)); /* too dear */
    assert_int_equal(rig.out.trade_count, 0);
    OK(rig_update(P3, 3, 500, 10000));
    assert_int_equal(rig.out.trade_count, 1);
    assert_int_equal(rig_account(C1).escrow.nano, 1000000);
    OK(rig_sell(P1, 0, 150, 9000, 0)); /* more than the bid still needs */
    assert_int_equal(rig.out.trades[0].energy.wh, 100);
    assert_false(is_open(BID(1)));
    assert_int_equal(rig_account(C1).escrow.nano, 0);
    assert_int_equal(rig_account(C1).money.nano, RIG_MONEY - 600000 - 2100000 - 5000000 - 900000);
    assert_int_equal(rig_account(C1).energy.wh, RIG_ENERGY + 1000);
}

/* The dearest bid first, then the earlier; never one's own post; a cancelled one not at all. */
static void test_bids_in_order(void **state)
{
    (void)state;
    OK(rest(C1, 0, 10, 5000, 0));
    OK(rest(C2, 0, 10, 5000, 0));
    OK(rest(P1, 0, 10, 7000, 0));
    OK(rest(P2, 0, 10, 6000, 0));
    OK(rest(P3, 0, 10, 6500, 0));
    OK(rig_cancel(P3, BID(5)));
    assert_int_equal(rig_account(P3).escrow.nano, 0);
    struct order bids[8];
    assert_int_equal(market_book(rig.market, 0, true, bids, 8), 4);
    static const uint64_t ranked[] = {BID(3), BID(4), BID(1), BID(2)};
    for (int i = 0; i < 4; i++)
        assert_int_equal(bids[i].id, ranked[i]);
    OK(rig_sell(P1, 0, 25, 5000, 0));
    assert_int_equal(rig.out.order, 1);
    assert_int_equal(rig.out.trade_count, 3);
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(rig.out.trades[i].bid, ranked[i + 1]);
    assert_int_equal(rig.out.trades[2].energy.wh, 5);
    assert_false(is_open(1));
    assert_true(is_open(BID(3)));
}

/* A bid that could not trade for its line trades when the line is opened, at the next sale of its interval,
 * with all the posts there are, not only the new one. */
static void test_bids_after_a_line_opens(void **state)
{
    (void)state;
    OK(rig_policy((struct policy){.mode = POLICY_LIMIT}));
    OK(rig_line(C1, P1, 0));
    OK(rig_sell(P1, 0, 100, 5000, 0));
    OK(rest(C1, 0, 100, 5000, 0));
    assert_int_equal(rig.out.trade_count, 0);
    OK(rig_sell(P1, 0, 1, 5000, 0));
    assert_int_equal(rig.out.trade_count, 0);
    OK(rig_line(C1, P1, 60));
    assert_true(is_open(BID(1)));
    OK(rig_sell(P2, 0, 1, 6000, 0));
    assert_int_equal(rig.out.trade_count, 1);
    assert_int_equal(rig.out.trades[0].energy.wh, 60);
    OK(rig_line(C1, P1, -1));
    OK(rig_sell(P2, 900, 1, 6000, 0)); /* another interval: not tried */
    assert_int_equal(rig.out.trade_count, 0);
    OK(rig_sell(P2, 0, 1, 6000, 0));
    assert_int_equal(rig.out.trade_count, 1);
    assert_int_equal(rig.out.trades[0].energy.wh, 40);
}

/* A bid beyond a line's capacity pays the penalty only up to its maximum, in one action on both sides of it.
 */
static void test_bid_and_penalty(void **state)
{
    (void)state;
    OK(rig_policy((struct policy){.mode = POLICY_PENALTY, .penalty = {1000}}));
    OK(rig_line(C1, P1, 10));
    OK(rest(C1, 900, 100, 6000, 0));
    OK(rig_sell(P1, 900, 30, 5000, 0));
    assert_int_equal(rig.out.trade_count, 2);
    assert_int_equal(rig.out.trades[1].fee.micro_per_kwh, 1000);
    assert_int_equal(rig_account(C1).money.nano, RIG_MONEY - 50000 - 120000);
    assert_int_equal(rig_account(C1).escrow.nano, 70 * 6000);
    assert_int_equal(parameters().fees_waiting.nano, 20000);
    OK(rig_sell(P1, 900, 30, 5001, 0));
    assert_int_equal(rig.out.trade_count, 0);
}

/* Use is counted in every mode from when the line is set, and kept when its capacity changes. */
static void test_use(void **state)
{
    (void)state;
    struct line_view line;
    OK(rig_sell(P1, 0, 1000, 5000, 0));
    OK(rig_buy(C1, 0, 100, 5000, FILL_PARTIAL));
    OK(rig_line(C1, P1, 50));
    OK(rig_buy(C1, 0, 100, 5000, FILL_PARTIAL)); /* one trade, also across the capacity */
    assert_int_equal(rig.out.trade_count, 1);
    assert_int_equal(rig.out.trades[0].network, 0);
    market_line(rig.market, 0, 0, &line);
    assert_int_equal(line.used.wh, 100);
    OK(rig_policy((struct policy){.mode = POLICY_LIMIT}));
    assert_int_equal(rig_buy(C1, 0, 1, 5000, FILL_PARTIAL), VERDICT_LINE_FULL);
    OK(rig_line(C1, P1, 130));
    OK(rig_buy(C1, 0, 100, 5000, FILL_PARTIAL));
    assert_int_equal(rig.out.trades[0].energy.wh, 30);
    assert_int_equal(rig.out.trades[0].network, 1);
    assert_int_equal(rig.out.trades[0].version, 3);
    OK(rig_line(C1, P1, -1));
    assert_int_equal(parameters().lines, 0);
    OK(rig_line(C1, P1, -1));
    assert_int_equal(parameters().network_version, 5);
    OK(rig_line(C1, P1, 10));
    OK(rig_buy(C1, 0, 10, 5000, FILL_ALL_OR_NOTHING)); /* its use went with it */
}

/* Sellers passed over: all are counted, sixteen are named, in rank order. */
static void test_passed_over(void **state)
{
    (void)state;
    OK(rig_policy((struct policy){.mode = POLICY_LIMIT}));
    OK(rig_line(C1, P1, 0));
    for (int64_t i = 0; i < 20; i++)
        OK(rig_sell(P1, 0, 1, 5020 - i, 0));
    OK(rig_sell(P2, 0, 10, 5100, 0));
    OK(rig_buy(C1, 0, 5, 5100, FILL_ALL_OR_NOTHING));
    assert_int_equal(rig.out.passed_total, 20);
    assert_int_equal(rig.out.passed_count, MARKET_PASSED_MAX);
    for (uint32_t i = 0; i < MARKET_PASSED_MAX; i++)
        assert_int_equal(rig.out.passed[i].post, 20 - i);
    OK(rest(C1, 0, 7, 5100, 0)); /* met before it rests: those below are recorded all the same */
    assert_int_equal(rig.out.order, BID(1));
    assert_int_equal(rig.out.passed_total, 20);
}

static void test_rekey(void **state)
{
    (void)state;
    struct address old = rig_address(P1), successor = rig_address(50);
    struct action rekey = {.type = ACTION_REKEY, .rekey = {old, successor}};
    uint32_t index;
    OK(rig_sell(P1, 0, 1000, 5000, 0));
    market_spend_nonce(rig.market, P1);
    OK(rig_apply(OPERATOR, rekey));
    assert_false(market_find(rig.market, &old, &index));
    assert_true(market_retired(rig.market, &old, &index));
    assert_int_equal(index, P1);
    assert_true(market_find(rig.market, &successor, &index));
    assert_int_equal(index, P1);
    assert_false(market_retired(rig.market, &successor, &index));
    struct account account = rig_account(P1);
    assert_string_equal(account.name, "p1");
    assert_int_equal(account.nonce, 1);
    assert_int_equal(account.on_sale.wh, 1000);
    OK(rig_cancel(50, 1));
    rekey.rekey.participant = rig_address(OPERATOR);
    rekey.rekey.successor = rig_address(51);
    OK(rig_apply(OPERATOR, rekey)); /* the operator's own */
    assert_int_equal(rig_apply(OPERATOR, rekey), VERDICT_REVOKED);
}

static void test_revoke(void **state)
{
    (void)state;
    OK(rig_sell(P1, 0, 1000, 5000, 50));
    OK(rig_sell(P2, 0, 1000, 5000, 50));
    OK(rest(P1, 900, 10, 7, 0));
    OK(rig_apply(OPERATOR, (struct action){.type = ACTION_REVOKE, .revoke = {rig_address(P1)}}));
    assert_int_equal(parameters().orders, 1);
    assert_int_equal(rig_account(P1).on_sale.wh, 0);
    assert_int_equal(rig_account(P1).escrow.nano, 0);
    assert_int_equal(rig_account(P1).money.nano, RIG_MONEY);
    assert_true(rig_account(P1).revoked);
    at_second(51);
    assert_int_equal(parameters().orders, 0);
}

static void test_correction(void **state)
{
    (void)state;
    struct action action = {.type = ACTION_CORRECTION};
    action.correction.known = true;
    action.correction.from = rig_address(P1);
    action.correction.to = rig_address(C1);
    action.correction.money.nano = 7;
    action.correction.energy.wh = 9;
    OK(rig_apply(OPERATOR, (struct action){.type = ACTION_REVOKE, .revoke = {rig_address(P1)}}));
    OK(rig_apply(OPERATOR, action));
    assert_int_equal(rig.out.touched_count, 2);
    assert_int_equal(rig.out.touched[0], P1);
    assert_int_equal(rig.out.touched[1], C1);
    assert_int_equal(rig_account(C1).money.nano, RIG_MONEY + 7);
    assert_int_equal(rig_account(P1).energy.wh, RIG_ENERGY - 9);
}

static void test_sealer_and_opening(void **state)
{
    (void)state;
    struct address sealer = rig_address(77);
    OK(rig_apply(OPERATOR, (struct action){.type = ACTION_SET_SEALER, .sealer = {sealer}}));
    struct parameters now = parameters();
    assert_memory_equal(&now.sealer, &sealer, sizeof sealer);
    struct action second = {.type = ACTION_ADMIT,
                            .admit = {rig_address(60), bytes_of("other"), ROLE_OPERATOR}};
    assert_int_equal(market_open(rig.market, &second), VERDICT_ROLE);
    second.admit.role = ROLE_DISTRIBUTION;
    assert_int_equal(market_open(rig.market, &second), VERDICT_ROLE);
}

static void test_limits(void **state)
{
    (void)state;
    static const struct market_limits bad[] = {
        {2, 1, 1, 1, 1}, {(1 << 24) + 1, 1, 1, 1, 1}, {3, 0, 1, 1, 1},          {3, (1 << 24) + 1, 1, 1, 1},
        {3, 1, 1, 0, 1}, {3, 1, 1, 65537, 1},         {3, 1, UINT32_MAX, 1, 1}, {3, 1, 1, 1, UINT32_MAX}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(market_size(&bad[i]), 0);
    struct market_limits least = {3, 1, 0, 1, 0}, most = {1 << 24, 1 << 24, 1 << 24, 65536, 1 << 26};
    assert_true(market_size(&least) > 0);
    assert_true(market_size(&most) > market_size(&least));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_expiry),
        TEST(test_expiry_bounds),
        TEST(test_closing_pays_fees),
        TEST(test_resting_bid),
        TEST(test_bids_in_order),
        TEST(test_bids_after_a_line_opens),
        TEST(test_bid_and_penalty),
        TEST(test_use),
        TEST(test_passed_over),
        TEST(test_rekey),
        TEST(test_revoke),
        TEST(test_correction),
        TEST(test_sealer_and_opening),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
