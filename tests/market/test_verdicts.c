/* Each verdict has a test that shows it; rig_apply looks that no row has changed. */
#include "tests/market/rig_acts.h"

#include <string.h>

#define HALT(state_) ((struct action){.type = ACTION_SET_MARKET, .market = {state_}})
#define PRICE        98200
#define INTERVAL     UINT64_C(900000)

static bool shown[VERDICT_COUNT];

static void expect_at(enum verdict got, enum verdict wanted, int line)
{
    if (got != wanted)
        fail_msg("line %d: %s, wanted %s", line, verdict_word(got), verdict_word(wanted));
    shown[wanted] = true;
}

#define EXPECT(call, verdict) expect_at(call, verdict, __LINE__)

static enum verdict transfer(unsigned from, unsigned to, int64_t amount)
{
    return rig_apply(from, (struct action){.type = ACTION_TRANSFER, .transfer = {rig_address(to), {amount}}});
}

static enum verdict admit(unsigned who, const char *name, uint8_t role)
{
    struct address address = who == NOBODY ? (struct address){{0}} : rig_address(who);
    return rig_apply(OPERATOR,
                     (struct action){.type = ACTION_ADMIT, .admit = {address, bytes_of(name), role}});
}

static enum verdict revoke(unsigned who)
{
    return rig_apply(OPERATOR, (struct action){.type = ACTION_REVOKE, .revoke = {rig_address(who)}});
}

static enum verdict rekey(unsigned who, struct address successor)
{
    return rig_apply(OPERATOR, (struct action){.type = ACTION_REKEY, .rekey = {rig_address(who), successor}});
}

static enum verdict mint(unsigned to, int64_t money, int64_t energy)
{
    return rig_apply(OPERATOR,
                     (struct action){.type = ACTION_MINT, .mint = {rig_address(to), {money}, {energy}}});
}

static enum verdict correct(bool known, unsigned from, unsigned to, int64_t money, int64_t energy)
{
    struct action action = {.type = ACTION_CORRECTION};
    action.correction.known = known;
    action.correction.from = rig_address(from);
    action.correction.to = rig_address(to);
    action.correction.money.nano = money;
    action.correction.energy.wh = energy;
    return rig_apply(OPERATOR, action);
}

static void test_ok(void **state)
{
    (void)state;
    EXPECT(rig_sell(P1, 0, 6000, PRICE, 0), VERDICT_OK);
    assert_int_equal(rig.out.order, 1);
    EXPECT(rig_buy(C1, 0, 6000, PRICE, FILL_ALL_OR_NOTHING), VERDICT_OK);
    assert_int_equal(rig.out.order, 0);
    assert_int_equal(rig.out.touched_count, 2);
}

static void test_not_admitted(void **state)
{
    (void)state;
    EXPECT(rig_sell(NOBODY, 0, 1, PRICE, 0), VERDICT_NOT_ADMITTED);
    EXPECT(transfer(P1, NOBODY, 1), VERDICT_NOT_ADMITTED);
    EXPECT(revoke(NOBODY), VERDICT_NOT_ADMITTED);
    EXPECT(rekey(NOBODY, rig_address(50)), VERDICT_NOT_ADMITTED);
    EXPECT(mint(NOBODY, 1, 1), VERDICT_NOT_ADMITTED);
    EXPECT(rig_line(C1, NOBODY, 1), VERDICT_NOT_ADMITTED);
    EXPECT(rig_line(NOBODY, P1, 1), VERDICT_NOT_ADMITTED);
    EXPECT(correct(true, NOBODY, P1, 1, 1), VERDICT_NOT_ADMITTED);
    EXPECT(correct(true, P1, NOBODY, 1, 1), VERDICT_NOT_ADMITTED);
}

static void test_revoked(void **state)
{
    (void)state;
    EXPECT(revoke(P1), VERDICT_OK);
    EXPECT(rig_sell(P1, 0, 1, PRICE, 0), VERDICT_REVOKED);
    EXPECT(transfer(P2, P1, 1), VERDICT_REVOKED);
    EXPECT(revoke(P1), VERDICT_REVOKED);
    EXPECT(rekey(P1, rig_address(50)), VERDICT_OK);
    EXPECT(rig_sell(P1, 0, 1, PRICE, 0), VERDICT_REVOKED); /* the old key, for ever */
    EXPECT(rig_sell(50, 0, 1, PRICE, 0), VERDICT_OK);
    EXPECT(transfer(P2, P1, 1), VERDICT_NOT_ADMITTED); /* named, it is nobody's */
}

static void test_wrong_role(void **state)
{
    (void)state;
    static const enum action_type operators[] = {ACTION_ADMIT,     ACTION_REVOKE,     ACTION_REKEY,
                                                 ACTION_MINT,      ACTION_SET_MARKET, ACTION_CORRECTION,
                                                 ACTION_SET_SEALER};
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++)
        for (unsigned who = EDC; who < RIG_ACCOUNTS; who++)
            EXPECT(rig_apply(who, (struct action){.type = operators[i]}), VERDICT_ROLE);
    for (unsigned who = 0; who < RIG_ACCOUNTS; who++) {
        if (who != EDC)
            EXPECT(rig_apply(who, (struct action){.type = ACTION_SET_LINE}), VERDICT_ROLE);
        if (who != EDC)
            EXPECT(rig_apply(who, (struct action){.type = ACTION_SET_POLICY}), VERDICT_ROLE);
        if (who < P1 || who > P3)
            EXPECT(rig_sell(who, 0, 1, PRICE, 0), VERDICT_ROLE);
        if (who < P1)
            EXPECT(rig_buy(who, 0, 1, PRICE, FILL_PARTIAL), VERDICT_ROLE);
    }
    EXPECT(admit(50, "x", ROLE_OPERATOR), VERDICT_ROLE);
    EXPECT(admit(50, "x", ROLE_DISTRIBUTION), VERDICT_ROLE);
    EXPECT(admit(50, "x", 0), VERDICT_ROLE);
    EXPECT(admit(50, "x", ROLE_END), VERDICT_ROLE);
    EXPECT(admit(50, "x", 255), VERDICT_ROLE);
    EXPECT(admit(50, "x", ROLE_METER), VERDICT_OK);
    EXPECT(rig_buy(50, 0, 1, PRICE, FILL_PARTIAL), VERDICT_ROLE);
    EXPECT(revoke(OPERATOR), VERDICT_ROLE);
    EXPECT(revoke(EDC), VERDICT_ROLE);
}

static void test_already_admitted(void **state)
{
    (void)state;
    EXPECT(admit(P1, "x", ROLE_CONSUMER), VERDICT_ALREADY_ADMITTED);
    EXPECT(admit(50, "p1", ROLE_CONSUMER), VERDICT_ALREADY_ADMITTED);
    EXPECT(rekey(P1, rig_address(P2)), VERDICT_ALREADY_ADMITTED);
    EXPECT(rekey(P1, rig_address(P1)), VERDICT_ALREADY_ADMITTED);
    EXPECT(rekey(P1, rig_address(50)), VERDICT_OK);
    EXPECT(admit(P1, "x", ROLE_CONSUMER), VERDICT_ALREADY_ADMITTED);
    EXPECT(rekey(50, rig_address(P1)), VERDICT_ALREADY_ADMITTED);
}

static void test_bad_name(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "1a",  "_a",       ".a",  "-a",
                                      "a b", "a/b", "\xc3\xa9", "a\n", "a123456789012345678901234567890x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        EXPECT(admit(50, bad[i], ROLE_CONSUMER), VERDICT_NAME);
    EXPECT(admit(NOBODY, "x", ROLE_CONSUMER), VERDICT_NAME);
    EXPECT(rekey(P1, (struct address){{0}}), VERDICT_NAME);
    EXPECT(rig_apply(OPERATOR, (struct action){.type = ACTION_SET_SEALER}), VERDICT_NAME);
    EXPECT(admit(50, "aZ09_.-789012345678901234567890", ROLE_CONSUMER), VERDICT_OK);
}

static void test_bad_amount(void **state)
{
    (void)state;
    static const int64_t bad[] = {INT64_MIN, -1, 0, MARKET_ENERGY_MAX + 1, INT64_MAX};
    EXPECT(rig_sell(P1, 0, 1000, PRICE, 0), VERDICT_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT(rig_sell(P1, 0, bad[i], PRICE, 0), VERDICT_AMOUNT);
        EXPECT(rig_buy(C1, 0, bad[i], PRICE, FILL_PARTIAL), VERDICT_AMOUNT);
        EXPECT(rig_update(P1, 1, bad[i], PRICE), VERDICT_AMOUNT);
    }
    for (size_t i = 0; i < 3; i++)
        EXPECT(transfer(P1, P2, bad[i]), VERDICT_AMOUNT);
    EXPECT(mint(P1, 0, 0), VERDICT_AMOUNT);
    EXPECT(mint(P1, -1, 1), VERDICT_AMOUNT);
    EXPECT(mint(P1, 1, INT64_MIN), VERDICT_AMOUNT);
    EXPECT(correct(true, P1, P2, 0, 0), VERDICT_AMOUNT);
    EXPECT(correct(true, P1, P2, -1, 1), VERDICT_AMOUNT);
    EXPECT(correct(true, P1, P2, 1, INT64_MIN), VERDICT_AMOUNT);
}

static void test_bad_price(void **state)
{
    (void)state;
    static const int64_t bad[] = {INT64_MIN, -1, MARKET_PRICE_MAX + 1, INT64_MAX};
    EXPECT(rig_sell(P1, 0, 1000, 0, 0), VERDICT_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        EXPECT(rig_sell(P1, 0, 1, bad[i], 0), VERDICT_PRICE);
        EXPECT(rig_buy(C1, 0, 1, bad[i], FILL_PARTIAL), VERDICT_PRICE);
        EXPECT(rig_update(P1, 1, 1, bad[i]), VERDICT_PRICE);
    }
    EXPECT(rig_sell(P1, 0, 1, MARKET_PRICE_MAX, 0), VERDICT_OK);
}

static void test_price_band(void **state)
{
    (void)state;
    EXPECT(rig_policy((struct policy){.band_low = {90000}, .band_high = {100000}}), VERDICT_OK);
    EXPECT(rig_sell(P1, 0, 1, 89999, 0), VERDICT_PRICE_BAND);
    EXPECT(rig_sell(P1, 0, 1, 100001, 0), VERDICT_PRICE_BAND);
    EXPECT(rig_sell(P1, 0, 1, 90000, 0), VERDICT_OK);
    EXPECT(rig_sell(P1, 0, 1, 100000, 0), VERDICT_OK);
    EXPECT(rig_update(P1, 1, 1, 89999), VERDICT_PRICE_BAND);
    EXPECT(rig_buy(C1, 0, 1, 500000, FILL_PARTIAL), VERDICT_OK);
}

static void test_overflow(void **state)
{
    (void)state;
    struct parameters now;
    market_parameters(rig.market, &now);
    EXPECT(mint(P1, INT64_MAX, 0), VERDICT_OVERFLOW);
    EXPECT(mint(P1, 0, INT64_MAX), VERDICT_OVERFLOW);
    EXPECT(mint(P1, INT64_MAX - now.money_total.nano + 1, 1), VERDICT_OVERFLOW);
    EXPECT(mint(P1, INT64_MAX - now.money_total.nano, INT64_MAX - now.energy_total.wh), VERDICT_OK);
    EXPECT(mint(P1, 1, 0), VERDICT_OVERFLOW);
    EXPECT(transfer(P1, P2, rig_account(P1).money.nano), VERDICT_OK);
}

static void test_insufficient_money(void **state)
{
    (void)state;
    EXPECT(transfer(P1, P2, RIG_MONEY + 1), VERDICT_MONEY);
    EXPECT(transfer(P1, P2, INT64_MAX), VERDICT_MONEY);
    EXPECT(correct(true, P1, P2, RIG_MONEY + 1, 0), VERDICT_MONEY);
    EXPECT(rig_sell(P1, 0, 50000, 200001, 0), VERDICT_OK); /* 1000.005 cents for all */
    EXPECT(rig_buy(C1, 0, 50000, 200001, FILL_ALL_OR_NOTHING), VERDICT_MONEY);
    EXPECT(rig_buy(C1, 0, 50000, 200001, FILL_PARTIAL), VERDICT_MONEY);
    EXPECT(rig_buy(C1, 0, 50000, 199999, FILL_REST), VERDICT_OK); /* all but 50 000 nano-$ in escrow */
    EXPECT(rig_buy(C1, 0, 1, 200001, FILL_PARTIAL), VERDICT_MONEY);
    EXPECT(rig_buy(C1, 7, MARKET_ENERGY_MAX, MARKET_PRICE_MAX, FILL_REST), VERDICT_MONEY);
}

static void test_insufficient_energy(void **state)
{
    (void)state;
    EXPECT(rig_sell(P1, 0, RIG_ENERGY + 1, PRICE, 0), VERDICT_ENERGY);
    EXPECT(rig_sell(P1, 0, RIG_ENERGY - 1, PRICE, 0), VERDICT_OK);
    EXPECT(rig_sell(P1, 0, 2, PRICE, 0), VERDICT_ENERGY);
    EXPECT(rig_update(P1, 1, RIG_ENERGY + 1, PRICE), VERDICT_ENERGY);
    EXPECT(rig_update(P1, 1, RIG_ENERGY, PRICE), VERDICT_OK);
    EXPECT(correct(true, P1, P2, 0, 1), VERDICT_ENERGY);
    EXPECT(correct(true, P2, P1, 1, RIG_ENERGY), VERDICT_OK);
    EXPECT(rig_sell(P2, 0, 1, PRICE, 0), VERDICT_ENERGY);
}

static void test_orders_of_others(void **state)
{
    (void)state;
    static const uint64_t unknown[] = {0, 2, INT64_MAX, MARKET_BID_FLAG, MARKET_BID_FLAG + 2, UINT64_MAX};
    EXPECT(rig_sell(P1, 0, 1000, PRICE, 0), VERDICT_OK);
    EXPECT(rig_buy(C1, 0, 1000, PRICE - 1, FILL_REST), VERDICT_OK);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        EXPECT(rig_update(P1, unknown[i], 1, PRICE), VERDICT_UNKNOWN_ORDER);
        EXPECT(rig_cancel(P1, unknown[i]), VERDICT_UNKNOWN_ORDER);
    }
    EXPECT(rig_update(P2, 1, 1, PRICE), VERDICT_NOT_OWNER);
    EXPECT(rig_cancel(OPERATOR, 1), VERDICT_NOT_OWNER);
    EXPECT(rig_cancel(P1, MARKET_BID_FLAG + 1), VERDICT_NOT_OWNER);
    EXPECT(rig_update(C1, MARKET_BID_FLAG + 1, 1, PRICE), VERDICT_NOT_A_POST);
    EXPECT(rig_cancel(C1, MARKET_BID_FLAG + 1), VERDICT_OK);
}

static void test_halted(void **state)
{
    (void)state;
    EXPECT(rig_sell(P1, 0, 1000, PRICE, 0), VERDICT_OK);
    EXPECT(rig_apply(OPERATOR, HALT(MARKET_HALTED)), VERDICT_OK);
    EXPECT(rig_sell(P1, 0, 1, PRICE, 0), VERDICT_HALTED);
    EXPECT(rig_buy(C1, 0, 1, PRICE, FILL_PARTIAL), VERDICT_HALTED);
    EXPECT(rig_update(P1, 1, 1, PRICE), VERDICT_HALTED);
    EXPECT(transfer(P1, P2, 1), VERDICT_OK);
    EXPECT(rig_cancel(P1, 1), VERDICT_OK);
    EXPECT(rig_apply(OPERATOR, HALT(MARKET_OPEN)), VERDICT_OK);
    EXPECT(rig_sell(P1, 0, 1, PRICE, 0), VERDICT_OK);
}

static void test_intervals(void **state)
{
    (void)state;
    EXPECT(rig_policy((struct policy){.interval_seconds = 900, .gate_seconds = 300}), VERDICT_OK);
    rig.now.ms = ((int64_t)INTERVAL - 301) * 1000 + 999;
    EXPECT(rig_sell(P1, INTERVAL + 1, 1, PRICE, 0), VERDICT_INTERVAL);
    EXPECT(rig_buy(C1, UINT64_MAX, 1, PRICE, FILL_PARTIAL), VERDICT_INTERVAL);
    EXPECT(rig_sell(P1, INTERVAL, 1, PRICE, 0), VERDICT_OK);
    rig.now.ms++;
    EXPECT(rig_sell(P1, INTERVAL, 1, PRICE, 0), VERDICT_GATE_CLOSED);
    EXPECT(rig_buy(C1, INTERVAL, 1, PRICE, FILL_PARTIAL), VERDICT_GATE_CLOSED);
    EXPECT(rig_sell(P1, INTERVAL + 900, 1, PRICE, 0), VERDICT_OK);
    EXPECT(rig_policy((struct policy){.gate_seconds = UINT64_MAX}), VERDICT_OK);
    EXPECT(rig_sell(P1, UINT64_MAX, 1, PRICE, 0), VERDICT_GATE_CLOSED);
    EXPECT(rig_sell(P1, 0, 1, PRICE, 0), VERDICT_OK);
}

static void test_expired(void **state)
{
    (void)state;
    rig.now.ms = 100999;
    EXPECT(rig_sell(P1, 0, 1, PRICE, 100), VERDICT_EXPIRED);
    EXPECT(rig_sell(P1, 0, 1, PRICE, 1), VERDICT_EXPIRED);
    EXPECT(rig_sell(P1, 0, 1, PRICE, 101), VERDICT_OK);
    EXPECT(rig_sell(P1, 0, 1, PRICE, UINT64_MAX), VERDICT_OK);
    struct action bid = {.type = ACTION_BUY, .buy = {0, {5}, {1}, FILL_REST, 100}};
    EXPECT(rig_apply(C1, bid), VERDICT_EXPIRED);
    bid.buy.fill = FILL_PARTIAL; /* then the expiry is not looked at */
    EXPECT(rig_apply(C1, bid), VERDICT_TOO_DEAR);
}

static void test_shortage(void **state)
{
    (void)state;
    EXPECT(rig_buy(C1, 0, 1, PRICE, FILL_PARTIAL), VERDICT_NO_OFFERS);
    EXPECT(rig_sell(P1, 0, 1000, PRICE, 0), VERDICT_OK);
    EXPECT(rig_buy(P1, 0, 1, PRICE, FILL_PARTIAL), VERDICT_NO_OFFERS); /* only one's own */
    EXPECT(rig_buy(C1, 0, 1001, PRICE, FILL_ALL_OR_NOTHING), VERDICT_NO_OFFERS);
    EXPECT(rig_buy(C1, 900, 1, PRICE, FILL_ALL_OR_NOTHING), VERDICT_NO_OFFERS);
    EXPECT(rig_buy(C1, 0, 1, PRICE - 1, FILL_PARTIAL), VERDICT_TOO_DEAR);
    EXPECT(rig_sell(P2, 0, 1000, PRICE + 1, 0), VERDICT_OK);
    EXPECT(rig_buy(C1, 0, 1001, PRICE, FILL_ALL_OR_NOTHING), VERDICT_TOO_DEAR);
    EXPECT(rig_policy((struct policy){.mode = POLICY_LIMIT}), VERDICT_OK);
    EXPECT(rig_line(C1, P1, 0), VERDICT_OK);
    EXPECT(rig_buy(C1, 0, 1001, PRICE + 1, FILL_ALL_OR_NOTHING), VERDICT_LINE_FULL);
    assert_int_equal(rig.out.passed_total, 1);
    assert_int_equal(rig.out.passed_count, 1);
    assert_int_equal(rig.out.passed[0].post, 1);
    assert_int_equal(rig.out.passed[0].seller, P1);
    EXPECT(rig_policy((struct policy){.mode = POLICY_PENALTY, .penalty = {1000}}), VERDICT_OK);
    EXPECT(rig_buy(C1, 0, 1001, PRICE + 999, FILL_ALL_OR_NOTHING), VERDICT_TOO_DEAR);
    EXPECT(rig_buy(C1, 0, 1001, PRICE + 1000, FILL_ALL_OR_NOTHING), VERDICT_OK);
}

static void test_too_many_trades(void **state)
{
    (void)state;
    for (int i = 0; i < MARKET_TRADES_MAX + 1; i++)
        assert_int_equal(rig_sell(P1, 0, 1, PRICE, 0), VERDICT_OK);
    EXPECT(rig_buy(C1, 0, MARKET_TRADES_MAX + 1, PRICE, FILL_PARTIAL), VERDICT_TOO_MANY_TRADES);
    EXPECT(rig_buy(C1, 0, MARKET_TRADES_MAX, PRICE, FILL_ALL_OR_NOTHING), VERDICT_OK);
    assert_int_equal(rig.out.trade_count, MARKET_TRADES_MAX);
    assert_int_equal(rig_cancel(P1, MARKET_TRADES_MAX + 1), VERDICT_OK);
    for (int i = 0; i < MARKET_TRADES_MAX + 1; i++)
        assert_int_equal(rig_buy(C2, 0, 1, PRICE, FILL_REST), VERDICT_OK);
    EXPECT(rig_sell(P2, 0, MARKET_TRADES_MAX + 1, PRICE, 0), VERDICT_TOO_MANY_TRADES);
    EXPECT(rig_sell(P2, 0, MARKET_TRADES_MAX, PRICE, 0), VERDICT_OK);
    assert_int_equal(rig.out.trade_count, MARKET_TRADES_MAX);
}

/* Limits of one each: accounts, orders, lines, intervals, uses, retired keys. */
static void test_market_full(void **state)
{
    (void)state;
    rig_teardown(state);
    rig_open(&(struct market_limits){RIG_ACCOUNTS, 3, 1, 2, 1});
    EXPECT(admit(50, "x", ROLE_CONSUMER), VERDICT_FULL);
    EXPECT(rig_sell(P1, 900, 1000, PRICE, 0), VERDICT_OK);
    EXPECT(rig_sell(P1, 1800, 1000, PRICE, 0), VERDICT_OK);
    EXPECT(rig_sell(P1, 0, 1000, PRICE, 0), VERDICT_FULL); /* the intervals are two */
    EXPECT(rig_buy(C1, 2700, 1, 1, FILL_REST), VERDICT_FULL);
    EXPECT(rig_sell(P2, 1800, 1000, PRICE, 0), VERDICT_OK);
    EXPECT(rig_sell(P2, 1800, 1000, PRICE, 0), VERDICT_FULL);
    EXPECT(rig_buy(C1, 900, 500, PRICE - 1, FILL_REST), VERDICT_FULL);
    EXPECT(rig_buy(C1, 900, 1001, PRICE, FILL_REST),
           VERDICT_OK); /* in the room of the post that it empties */
    EXPECT(rig_line(C1, P1, 5000), VERDICT_OK);
    EXPECT(rig_line(C1, P2, 5000), VERDICT_FULL);
    EXPECT(rig_line(C1, P2, -1), VERDICT_OK);
    EXPECT(rig_buy(C1, 1800, 500, PRICE, FILL_PARTIAL), VERDICT_OK);
    EXPECT(rig_cancel(C1, MARKET_BID_FLAG + 1), VERDICT_OK);
    EXPECT(rig_sell(P1, 2700, 1000, PRICE, 0), VERDICT_OK);
    EXPECT(rig_buy(C1, 2700, 500, PRICE, FILL_PARTIAL), VERDICT_FULL); /* no room for its use */
    for (uint8_t i = 0; i < RIG_ACCOUNTS; i++)
        EXPECT(rekey(i == 0 ? C2 : 60u + i, rig_address(61u + i)), VERDICT_OK);
    EXPECT(rekey(P1, rig_address(90)), VERDICT_FULL);
}

static void test_same_account(void **state)
{
    (void)state;
    EXPECT(transfer(P1, P1, 1), VERDICT_SAME_ACCOUNT);
    EXPECT(rig_line(P1, P1, 1), VERDICT_SAME_ACCOUNT);
    EXPECT(correct(true, P1, P1, 1, 1), VERDICT_SAME_ACCOUNT);
}

static void test_bad_policy(void **state)
{
    (void)state;
    static const struct policy bad[] = {
        {.mode = POLICY_END},
        {.mode = 255},
        {.recipient = RECIPIENT_END},
        {.penalty = {-1}},
        {.penalty = {MARKET_PRICE_MAX + 1}},
        {.penalty = {INT64_MIN}},
        {.band_low = {-1}, .band_high = {1}},
        {.band_low = {2}, .band_high = {1}},
        {.band_low = {1}},
        {.band_high = {MARKET_PRICE_MAX + 1}},
        {.band_low = {INT64_MIN}, .band_high = {INT64_MAX}},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        EXPECT(rig_policy(bad[i]), VERDICT_POLICY);
    EXPECT(rig_policy((struct policy){POLICY_PENALTY,
                                      RECIPIENT_SELLER,
                                      {MARKET_PRICE_MAX},
                                      {MARKET_PRICE_MAX},
                                      {MARKET_PRICE_MAX},
                                      UINT64_MAX,
                                      UINT64_MAX}),
           VERDICT_OK);
    EXPECT(rig_apply(OPERATOR, HALT(MARKET_STATE_END)), VERDICT_POLICY);
    EXPECT(rig_apply(OPERATOR, HALT(255)), VERDICT_POLICY);
}

static void test_unknown_transaction(void **state)
{
    (void)state;
    EXPECT(correct(false, P1, P2, 1, 1), VERDICT_UNKNOWN_TRANSACTION);
}

static void test_bad_capacity(void **state)
{
    (void)state;
    EXPECT(rig_line(C1, P1, -2), VERDICT_CAPACITY);
    EXPECT(rig_line(C1, P1, INT64_MIN), VERDICT_CAPACITY);
    EXPECT(rig_line(C1, P1, INT64_MAX), VERDICT_OK);
}

static void test_bad_fill(void **state)
{
    (void)state;
    EXPECT(rig_buy(C1, 0, 1, PRICE, FILL_END), VERDICT_FILL);
    EXPECT(rig_buy(C1, 0, 1, PRICE, (enum fill)255), VERDICT_FILL);
}

static void test_all_were_shown(void **state)
{
    (void)state;
    for (int i = 0; i < VERDICT_COUNT; i++) {
        if (!shown[i])
            fail_msg("%s was not shown", verdict_word((enum verdict)i));
        assert_string_not_equal(verdict_word((enum verdict)i), "unknown");
        assert_true(strlen(verdict_text((enum verdict)i)) > 3);
    }
    assert_string_equal(verdict_word(VERDICT_LINE_FULL), "line-full");
    assert_string_equal(verdict_word(VERDICT_COUNT), "unknown");
    assert_string_equal(verdict_text((enum verdict) - 1), "unknown");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_ok),
        TEST(test_not_admitted),
        TEST(test_revoked),
        TEST(test_wrong_role),
        TEST(test_already_admitted),
        TEST(test_bad_name),
        TEST(test_bad_amount),
        TEST(test_bad_price),
        TEST(test_price_band),
        TEST(test_overflow),
        TEST(test_insufficient_money),
        TEST(test_insufficient_energy),
        TEST(test_orders_of_others),
        TEST(test_halted),
        TEST(test_intervals),
        TEST(test_expired),
        TEST(test_shortage),
        TEST(test_too_many_trades),
        TEST(test_market_full),
        TEST(test_same_account),
        TEST(test_bad_policy),
        TEST(test_unknown_transaction),
        TEST(test_bad_capacity),
        TEST(test_bad_fill),
        cmocka_unit_test(test_all_were_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
