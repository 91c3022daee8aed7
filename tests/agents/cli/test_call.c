/* Words into calls: options in every form, the environment behind them, and refusals that say what to do. */
#include "agents/cli/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static enum exit_code nothing(const struct call *call)
{
    (void)call;
    return EXIT_DONE;
}

static const struct option colour = {"colour", "COLOUR", "TEST_COLOUR", "red green", "which"};
static const struct option loud = {"loud", NULL, NULL, NULL, "loudly"};
static const struct option number = {"number", "N", NULL, NULL, "how many"};
static const struct option voice = {"voice", "NAME…", NULL, NULL, "who sings"};
static const struct verb sing = {.name = "sing",
                                 .arguments = "SONG [VERSE]",
                                 .args_min = 1,
                                 .args_max = 2,
                                 .summary = "sing a song",
                                 .options =
                                     (const struct option *const[]){&colour, &loud, &number, &voice, NULL},
                                 .page = "busbar(1)",
                                 .run = nothing};

static struct bb_reason reason;

static enum status parse(const char *const *words, size_t count, struct call *call)
{
    bool help = false;
    reason.text[0] = '\0';
    return call_parse(&sing, words, count, &reason, &help, call);
}

#define PARSE(call, ...)                                                                                     \
    parse((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *),   \
          call)

static void test_forms(void **state)
{
    (void)state;
    struct call call;
    assert_int_equal(PARSE(&call, "one", "--colour", "red", "--loud", "two"), BB_OK);
    assert_int_equal(call.arg_count, 2);
    assert_string_equal(call.args[1], "two");
    assert_string_equal(call_value(&call, "colour"), "red");
    assert_true(call_flag(&call, "loud"));
    assert_null(call_value(&call, "number"));
    assert_int_equal(PARSE(&call, "--number=-3", "--", "--loud"), BB_OK);
    assert_string_equal(call.args[0], "--loud");
    assert_false(call_flag(&call, "loud"));
    assert_string_equal(call_value(&call, "number"), "-3");
}

static void test_repeated(void **state)
{
    (void)state;
    struct call call;
    const char *values[VERB_MANY_MAX], *words[2 * VERB_MANY_MAX + 3] = {"one"};
    assert_int_equal(
        PARSE(&call, "one", "--voice", "a", "--loud", "--voice=", "--number", "1", "--voice", "c"), BB_OK);
    assert_int_equal(call_values(&call, "voice", values), 3);
    assert_string_equal(values[0], "a");
    assert_string_equal(values[1], "");
    assert_string_equal(values[2], "c");
    assert_int_equal(PARSE(&call, "one"), BB_OK);
    assert_int_equal(call_values(&call, "voice", values), 0);
    for (size_t i = 0; i <= VERB_MANY_MAX; i++) {
        words[1 + 2 * i] = "--voice";
        words[2 + 2 * i] = "x";
    }
    assert_int_equal(parse(words, 1 + 2 * VERB_MANY_MAX, &call), BB_OK);
    assert_int_equal(parse(words, 3 + 2 * VERB_MANY_MAX, &call), BB_RANGE);
    assert_non_null(strstr(reason.text, "more than"));
}

static void expect_refusal(const char *part, enum status status)
{
    assert_int_equal(status, BB_RANGE);
    if (strstr(reason.text, part) == NULL)
        fail_msg("\"%s\" is not in \"%s\"", part, reason.text);
}

static void test_refusals(void **state)
{
    (void)state;
    struct call call = {.verb = NULL};
    expect_refusal("SONG", PARSE(&call, "--loud"));
    expect_refusal("\"c\" is one argument too many", PARSE(&call, "a", "b", "c"));
    expect_refusal("no option --lod", PARSE(&call, "a", "--lod"));
    expect_refusal("no option --lou", PARSE(&call, "a", "--lou"));
    expect_refusal("takes no value", PARSE(&call, "a", "--loud=yes"));
    expect_refusal("needs a value", PARSE(&call, "a", "--number"));
    expect_refusal("none of: red green", PARSE(&call, "a", "--colour", "blue"));
    expect_refusal("none of: red green", PARSE(&call, "a", "--colour", "re"));
    expect_refusal("none of: red green", PARSE(&call, "a", "--colour", ""));
    assert_null(call.verb);
}

static void test_environment(void **state)
{
    (void)state;
    struct call call;
    setenv("TEST_COLOUR", "green", 1);
    assert_int_equal(PARSE(&call, "a"), BB_OK);
    assert_string_equal(call_value(&call, "colour"), "green");
    assert_int_equal(PARSE(&call, "a", "--colour", "red"), BB_OK);
    assert_string_equal(call_value(&call, "colour"), "red");
    setenv("TEST_COLOUR", "blue", 1);
    expect_refusal("environment", PARSE(&call, "a"));
    setenv("TEST_COLOUR", "", 1);
    assert_int_equal(PARSE(&call, "a"), BB_OK);
    assert_null(call_value(&call, "colour"));
    unsetenv("TEST_COLOUR");
}

static void test_help(void **state)
{
    (void)state;
    struct call call;
    bool help = false;
    const char *const words[] = {"--nonsense-after-help-is-fine", "--help"};
    assert_int_equal(call_parse(&sing, words + 1, 1, &reason, &help, &call), BB_OK);
    assert_true(help);
}

static void test_numbers(void **state)
{
    (void)state;
    struct call call;
    int64_t whole = 0;
    double real = 0;
    assert_int_equal(PARSE(&call, "a"), BB_OK);
    assert_int_equal(call_integer(&call, "number", 1, 9, 5, &reason, &whole), BB_OK);
    assert_int_equal(whole, 5);
    assert_int_equal(PARSE(&call, "a", "--number", "9"), BB_OK);
    assert_int_equal(call_integer(&call, "number", 1, 9, 5, &reason, &whole), BB_OK);
    assert_int_equal(whole, 9);
    expect_refusal("from 1 to 8", call_integer(&call, "number", 1, 8, 5, &reason, &whole));
    assert_int_equal(call_number(&call, "number", 0, 10, 5, &reason, &real), BB_OK);
    assert_true(real == 9);
    static const char *const wrong[] = {"", " 3", "3x", "nan", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(PARSE(&call, "a", "--number", wrong[i]), BB_OK);
        expect_refusal("--number", call_integer(&call, "number", 0, 10, 5, &reason, &whole));
        expect_refusal("--number", call_number(&call, "number", 0, 10, 5, &reason, &real));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms),    cmocka_unit_test(test_repeated),
                                       cmocka_unit_test(test_refusals), cmocka_unit_test(test_environment),
                                       cmocka_unit_test(test_help),     cmocka_unit_test(test_numbers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
