/* Decimals: exact or refused. */
#include "agents/cli/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void expect(const char *text, enum status status, int64_t value)
{
    int64_t out = 77;
    assert_int_equal(decimal_parse(text, &out), status);
    assert_int_equal(out, status == BB_OK ? value : 77);
}

static void test_parse(void **state)
{
    (void)state;
    expect("52.4", BB_OK, 52400000);
    expect("0", BB_OK, 0);
    expect("-3", BB_OK, -3000000);
    expect("+3.000001", BB_OK, 3000001);
    expect(".5", BB_OK, 500000);
    expect("5.", BB_OK, 5000000);
    expect("1.0000010000", BB_OK, 1000001);
    expect("9223372036854.775807", BB_OK, INT64_MAX);
}

static void test_parse_refuses(void **state)
{
    (void)state;
    static const char *const malformed[] = {"",    "-",    ".",     "1e3", " 1",  "1 ",
                                            "1,5", "0x10", "1.2.3", "nan", "--1", "1-"};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        expect(malformed[i], BB_MALFORMED, 0);
    expect("0.0000001", BB_RANGE, 0);
    expect("52.4000005", BB_RANGE, 0);
    expect("9223372036854.775808", BB_RANGE, 0);
    expect("99999999999999999999", BB_RANGE, 0);
}

static void test_double(void **state)
{
    (void)state;
    int64_t out = 77;
    assert_true(decimal_of_double(17.17, &out));
    assert_int_equal(out, 17170000);
    assert_true(decimal_of_double(0.1 + 0.2 - 0.3 + 0.0935 > 0 ? 0.0935 : 0, &out));
    assert_int_equal(out, 93500);
    assert_true(decimal_of_double(-4294.967295, &out));
    assert_int_equal(out, -INT64_C(4294967295));
    out = 77;
    assert_false(decimal_of_double(0.1 + 0.2, &out));
    assert_false(decimal_of_double(0.0000001, &out));
    assert_false(decimal_of_double(NAN, &out));
    assert_false(decimal_of_double(INFINITY, &out));
    assert_false(decimal_of_double(1e300, &out));
    assert_int_equal(out, 77);
}

static void expect_format(int64_t value, int places, const char *expected)
{
    char text[DECIMAL_TEXT_MAX];
    assert_string_equal(decimal_format(value, places, text), expected);
}

static void test_format(void **state)
{
    (void)state;
    expect_format(52400911, 6, "52.400911");
    expect_format(52400911, 1, "52.4");
    expect_format(52450000, 1, "52.5");
    expect_format(-52450000, 1, "-52.5");
    expect_format(-49999, 1, "0.0");
    expect_format(999999, 2, "1.00");
    expect_format(1500000, 0, "2");
    expect_format(0, 6, "0.000000");
    expect_format(INT64_MIN, 6, "-9223372036854.775808");
    expect_format(INT64_MAX, 0, "9223372036855");
}

/* Everything that is written is read back as it was. */
static void test_round_trip(void **state)
{
    (void)state;
    const char *given = getenv("BUSBAR_SEED");
    uint64_t seed = given == NULL ? 20260101 : strtoull(given, NULL, 10);
    printf("seed %" PRIu64 "\n", seed);
    for (int i = 0; i < 20000; i++) {
        seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        int64_t value = (int64_t)seed >> (i % 48), back = 0, exact = 0;
        char text[DECIMAL_TEXT_MAX];
        assert_int_equal(decimal_parse(decimal_format(value, 6, text), &back), BB_OK);
        assert_int_equal(back, value);
        if (value < INT64_C(1) << 50 && value > -(INT64_C(1) << 50)) {
            assert_true(decimal_of_double(strtod(text, NULL), &exact));
            assert_int_equal(exact, value);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse), cmocka_unit_test(test_parse_refuses),
                                       cmocka_unit_test(test_double), cmocka_unit_test(test_format),
                                       cmocka_unit_test(test_round_trip)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
