/* The what-if tool as a module: lines in, answers out, and nothing of a line that is no action. */
#include "agents/cli/whatif.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <inttypes.h>
#include <stdlib.h>

static struct whatif *whatif;

static int setup(void **state)
{
    (void)state;
    return whatif_open(&whatif) == BB_OK ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    whatif_close(whatif);
    return 0;
}

static struct whatif_answer say(const char *line)
{
    struct bb_reason reason = {""};
    struct whatif_answer answer;
    enum status status = whatif_line(whatif, bytes_of(line), &reason, &answer);
    if (status != BB_OK)
        fail_msg("%s: %s", line, reason.text);
    return answer;
}

static void refused(const char *line, const char *because)
{
    struct bb_reason reason = {""};
    struct whatif_answer answer = {.verdict = VERDICT_COUNT};
    assert_int_equal(whatif_line(whatif, bytes_of(line), &reason, &answer), BB_MALFORMED);
    assert_int_equal(answer.verdict, VERDICT_COUNT);
    if (strstr(reason.text, because) == NULL)
        fail_msg("%s: \"%s\" does not say \"%s\"", line, reason.text, because);
}

static struct account account_named(const char *name)
{
    const struct market *market = whatif_market(whatif);
    struct account account;
    uint32_t index;
    assert_true(market_find_name(market, bytes_of(name), &index));
    market_account(market, index, &account);
    assert_true(market_audit(market));
    return account;
}

static void test_answers(void **state)
{
    (void)state;
    assert_false(say("").acted);
    assert_false(say(" \t\r").acted);
    assert_false(say("  # not an action").acted);
    assert_true(say("{\"action\":\"mint\",\"account\":\"p\",\"money\":\"9\",\"energy\":\"70\"}").acted);
    say("{\"action\":\"mint\",\"account\":\"c\",\"money\":\"900\"}");
    say("{\"action\":\"sell\",\"account\":\"p\",\"energy\":\"40\",\"price\":\"3\"}");
    struct whatif_answer answer =
        say("{\"action\":\"buy\",\"account\":\"c\",\"energy\":30,\"max_price\":3,\"fill\":\"partial\"}");
    assert_int_equal(answer.verdict, VERDICT_OK);
    assert_int_equal(answer.trade_count, 1);
    assert_int_equal(answer.trades[0].energy.wh, 30);
    assert_int_equal(account_named("c").money.nano, 810);
    assert_int_equal(account_named("p").on_sale.wh, 10);
}

static void test_who_is_shown(void **state)
{
    (void)state;
    assert_false(whatif_shows(whatif, 0) || whatif_shows(whatif, 1));
    say("{\"action\":\"mint\",\"account\":\"distribution\",\"energy\":\"1\"}");
    assert_true(whatif_shows(whatif, 1));
    say("{\"action\":\"mint\",\"account\":\"operator\",\"money\":\"0\",\"energy\":\"0\"}");
    assert_false(whatif_shows(whatif, 0));
    say("{\"action\":\"transfer\",\"from\":\"distribution\",\"to\":\"operator\",\"money\":\"1\"}");
    say("{\"action\":\"mint\",\"account\":\"operator\",\"money\":\"1\"}");
    assert_true(whatif_shows(whatif, 0));
}

/* A mint that is refused admits nobody. */
static void test_refused_mint(void **state)
{
    (void)state;
    uint32_t index;
    assert_int_equal(say("{\"action\":\"mint\",\"account\":\"p\",\"money\":\"-1\"}").verdict, VERDICT_AMOUNT);
    assert_false(market_find_name(whatif_market(whatif), bytes_of("p"), &index));
    assert_int_equal(say("{\"action\":\"mint\",\"account\":\"p\",\"money\":\"1\"}").verdict, VERDICT_OK);
    assert_int_equal(account_named("p").role, ROLE_PROSUMER);
}

static void test_malformed(void **state)
{
    (void)state;
    say("{\"action\":\"mint\",\"account\":\"p\",\"money\":\"9\",\"energy\":\"70\"}");
    refused("{", "no JSON");
    refused("{}", "action");
    refused("{\"action\":\"fly\"}", "there is no \"fly\"");
    refused("{\"action\":\"mint\"}", "\"account\" is missing");
    refused("{\"action\":\"mint\",\"account\":\"p\",\"money\":\"01\"}", "\"money\"");
    refused("{\"action\":\"mint\",\"account\":\"p\",\"money\":1.5}", "\"money\"");
    refused("{\"action\":\"mint\",\"account\":\"p\",\"money\":\"1\",\"money\":\"1\"}", "duplicate");
    refused("{\"action\":\"mint\",\"account\":\"p\",\"gold\":\"1\"}", "\"gold\": \"mint\" has no such field");
    refused("{\"action\":\"buy\",\"account\":\"p\",\"energy\":\"1\",\"max_price\":\"1\",\"fill\":\"all\"}",
            "one of all-or-nothing partial rest");
    refused("{\"action\":\"limits\",\"orders\":\"4\"}", "before the first action");
    say("{\"action\":\"time\",\"now\":\"7\"}");
    refused("{\"action\":\"time\",\"now\":\"6\"}", "it is 7 already");
    assert_int_equal(account_named("p").money.nano, 9);
}

static void test_limits(void **state)
{
    (void)state;
    refused("{\"action\":\"limits\",\"accounts\":\"1\"}", "outside its range");
    refused("{\"action\":\"limits\",\"orders\":\"4294967296\"}", "32 bits");
    assert_true(say("{\"action\":\"limits\",\"accounts\":\"3\",\"orders\":\"1\"}").acted);
    say("{\"action\":\"mint\",\"account\":\"p\",\"money\":\"9\",\"energy\":\"70\"}");
    assert_int_equal(say("{\"action\":\"mint\",\"account\":\"q\",\"money\":\"9\"}").verdict, VERDICT_FULL);
    const char *sell = "{\"action\":\"sell\",\"account\":\"p\",\"energy\":\"1\",\"price\":\"3\"}";
    assert_int_equal(say(sell).verdict, VERDICT_OK);
    assert_int_equal(say(sell).verdict, VERDICT_FULL);
}

/* What is due by time happens without another action. */
static void test_time(void **state)
{
    (void)state;
    say("{\"action\":\"mint\",\"account\":\"p\",\"energy\":\"70\"}");
    say("{\"action\":\"sell\",\"account\":\"p\",\"energy\":\"1\",\"price\":\"3\",\"expires\":\"10\"}");
    say("{\"action\":\"time\",\"now\":\"9\"}");
    assert_int_equal(account_named("p").on_sale.wh, 1);
    say("{\"action\":\"time\",\"now\":\"10\"}");
    assert_int_equal(account_named("p").on_sale.wh, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_is_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_mint, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
