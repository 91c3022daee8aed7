/* What a purchase costs, counted in questions to the network: matches and sellers passed over, whatever the
 * size of the book behind them. */
#include "market/network.h"
#include "market/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdlib.h>

enum { OPERATOR = 1, DISTRIBUTION, BUYER, NEAR, FAR };

static struct market *market;
static uint64_t asked;

/* The linker puts this in the place of network_ask. */
struct network_offer __real_network_ask(const struct market *m, uint32_t buyer, uint32_t seller,
                                        uint64_t interval);
struct network_offer __wrap_network_ask(const struct market *m, uint32_t buyer, uint32_t seller,
                                        uint64_t interval);
struct network_offer __wrap_network_ask(const struct market *m, uint32_t buyer, uint32_t seller,
                                        uint64_t interval)
{
    asked++;
    return __real_network_ask(m, buyer, seller, interval);
}

static struct address address(uint8_t number)
{
    return (struct address){{[19] = number}};
}

static enum verdict act(const struct action *action, struct outcome *out)
{
    asked = 0;
    enum verdict verdict = market_apply(market, action, (struct wall){0}, out);
    market_commit(market);
    return verdict;
}

static void sell(uint8_t who, int64_t price)
{
    struct outcome out;
    assert_int_equal(act(&(struct action){.type = ACTION_SELL,
                                          .actor = address(who),
                                          .sell = {.energy = {1}, .price = {price}}},
                         &out),
                     VERDICT_OK);
}

static enum verdict buy(int64_t energy, struct outcome *out)
{
    return act(&(struct action){.type = ACTION_BUY,
                                .actor = address(BUYER),
                                .buy = {.energy = {energy}, .max_price = {1000000}}},
               out);
}

/* A market in `mode` with a penalty of 10 and no capacity from NEAR to BUYER. */
static void open_market(uint8_t mode, uint32_t orders)
{
    static const char *const names[] = {"operator", "distribution", "buyer", "near", "far"};
    struct market_limits limits = {8, orders, 8, 8, 8};
    size_t size = (market_size(&limits) + 63) / 64 * 64;
    void *memory = aligned_alloc(64, size);
    assert_non_null(memory);
    market = market_init(memset(memory, 0, size), &limits);
    for (uint8_t i = OPERATOR; i <= FAR; i++) {
        uint8_t role = i < BUYER ? i : ROLE_PROSUMER;
        struct action admit = {.type = ACTION_ADMIT, .admit = {address(i), bytes_of(names[i - 1]), role}};
        struct action mint = {.type = ACTION_MINT, .mint = {address(i), {1000000000}, {1000000}}};
        assert_int_equal(market_open(market, &admit), VERDICT_OK);
        assert_int_equal(market_open(market, &mint), VERDICT_OK);
    }
    struct action policy = {.type = ACTION_SET_POLICY, .policy = {.mode = mode, .penalty = {10}}};
    struct action line = {.type = ACTION_SET_LINE, .line = {address(BUYER), address(NEAR), {0}}};
    assert_int_equal(market_open(market, &policy), VERDICT_OK);
    assert_int_equal(market_open(market, &line), VERDICT_OK);
}

/* How often a purchase of `energy` asks when NEAR and FAR have posted `depth` posts each, at ever higher
 * prices. */
static uint64_t questions(uint8_t mode, int64_t depth, int64_t energy, struct outcome *out)
{
    open_market(mode, (uint32_t)(2 * depth));
    for (int64_t i = 0; i < depth; i++) {
        sell(NEAR, 100 + i);
        sell(FAR, 200 + i);
    }
    assert_int_equal(buy(energy, out), VERDICT_OK);
    free(market);
    return asked;
}

static void test_cost(void **state)
{
    (void)state;
    for (uint8_t mode = POLICY_NONE; mode < POLICY_END; mode++)
        for (int64_t energy = 1; energy <= 64; energy *= 4) {
            struct outcome out;
            uint64_t small = questions(mode, 300, energy, &out), big = questions(mode, 20000, energy, &out);
            uint64_t window = mode == POLICY_PENALTY ? 11 : 0; /* posts dearer by less than the penalty */
            /* Passed over: all of NEAR that ranks before the last post taken, of FAR at 199 + energy. */
            assert_int_equal(out.passed_total, mode == POLICY_LIMIT ? 99 + energy : 0);
            assert_int_equal(small, big);
            assert_true(big <= 2 * (uint64_t)energy + out.passed_total + window + 1);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cost)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
