/* Amounts of the ledger and times, as people write them: exact or refused. */
#include "agents/cli/amount.h"
#include "agents/cli/listing.h"
#include "agents/cli/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void expect(enum amount_unit unit, const char *text, enum status status, int64_t value)
{
    struct bb_reason reason = {""};
    int64_t out = 77;
    assert_int_equal(amount_parse("--x", text, unit, &reason, &out), status);
    assert_int_equal(out, status == BB_OK ? value : 77);
    assert_int_equal(strncmp(reason.text, "--x: ", 5) == 0, status != BB_OK);
}

static void test_parse(void **state)
{
    (void)state;
    expect(AMOUNT_KWH, "6", BB_OK, 6000);
    expect(AMOUNT_KWH, "0.001", BB_OK, 1);
    expect(AMOUNT_KWH, "0.0010", BB_OK, 1);
    expect(AMOUNT_KWH, "0.0005", BB_RANGE, 0);
    expect(AMOUNT_KWH, "-1.5", BB_OK, -1500);
    expect(AMOUNT_KWH, "9223372036854775.807", BB_OK, INT64_MAX);
    expect(AMOUNT_KWH, "9223372036854775.808", BB_RANGE, 0);
    expect(AMOUNT_CENTS_PER_KWH, "9.82", BB_OK, 98200);
    expect(AMOUNT_CENTS_PER_KWH, "0.0001", BB_OK, 1);
    expect(AMOUNT_CENTS_PER_KWH, "9.82001", BB_RANGE, 0);
    expect(AMOUNT_CENTS, "1000", BB_OK, INT64_C(10000000000));
    expect(AMOUNT_CENTS, "0.0000001", BB_OK, 1);
    expect(AMOUNT_CENTS, "0.00000001", BB_RANGE, 0);
    static const char *const malformed[] = {"", "six", "1e3", "1,5", " 1", "1 kWh", "0x1", "."};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        expect(AMOUNT_KWH, malformed[i], BB_MALFORMED, 0);
}

static void test_format(void **state)
{
    (void)state;
    static const struct {
        enum amount_unit unit;
        int64_t value;
        const char *text;
    } cases[] = {{AMOUNT_KWH, 6000, "6.0"},
                 {AMOUNT_KWH, 1, "0.001"},
                 {AMOUNT_KWH, -1500, "-1.5"},
                 {AMOUNT_KWH, 0, "0.0"},
                 {AMOUNT_KWH, INT64_MIN, "-9223372036854775.808"},
                 {AMOUNT_CENTS_PER_KWH, 98200, "9.82"},
                 {AMOUNT_CENTS_PER_KWH, 98201, "9.8201"},
                 {AMOUNT_CENTS_PER_KWH, 100000, "10.00"},
                 {AMOUNT_CENTS, INT64_C(9212800000), "921.28"},
                 {AMOUNT_CENTS, 1, "0.0000001"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[DECIMAL_TEXT_MAX];
        int64_t back;
        struct bb_reason reason;
        assert_string_equal(amount_format(cases[i].value, cases[i].unit, text), cases[i].text);
        if (cases[i].value == INT64_MIN)
            continue;
        assert_int_equal(amount_parse("x", text, cases[i].unit, &reason, &back), BB_OK);
        assert_int_equal(back, cases[i].value);
    }
}

static void test_orders(void **state)
{
    (void)state;
    char text[DECIMAL_TEXT_MAX];
    uint64_t order = 0;
    assert_string_equal(amount_order_format(7, text), "7");
    assert_string_equal(amount_order_format(UINT64_C(9223372036854775809), text), "b1");
    assert_int_equal(amount_order_parse("b1", &order), BB_OK);
    assert_true(order == UINT64_C(9223372036854775809));
    assert_int_equal(amount_order_parse("9223372036854775809", &order), BB_OK);
    assert_true(order == UINT64_C(9223372036854775809));
    static const char *const malformed[] = {"",
                                            "b",
                                            "0",
                                            "b0",
                                            "-1",
                                            "1x",
                                            "bb1",
                                            "18446744073709551616",
                                            "b9223372036854775809",
                                            "9223372036854775808"};
    for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
        assert_int_equal(amount_order_parse(malformed[i], &order), BB_MALFORMED);
}

static void test_moments(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t seconds;
    } good[] = {{"0", 0},
                {"1764352800", 1764352800},
                {"2025-11-28T18:00Z", 1764352800},
                {"2025-11-28T18:00:00Z", 1764352800},
                {"2025-11-28T18:00:00.000Z", 1764352800},
                {"+90", 1090},
                {"+90s", 1090},
                {"+15m", 1900},
                {"+2h", 8200},
                {"+1d", 87400}};
    static const char *const bad[] = {"",
                                      "+",
                                      "+m",
                                      "-5",
                                      "tomorrow",
                                      "2025-11-28",
                                      "2025-11-31T18:00Z",
                                      "2025-13-01T00:00Z",
                                      "2025-11-28T18:00",
                                      "2025-11-28T18:00:00.001Z",
                                      "1e9",
                                      "+1w",
                                      "+99999999999999999999",
                                      "18446744073709551616"};
    struct bb_reason reason;
    uint64_t out;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(moment_parse("--expires", good[i].text, 1000, &reason, &out), BB_OK);
        assert_true(out == good[i].seconds);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(moment_parse("--expires", bad[i], 1000, &reason, &out), BB_MALFORMED);
}

static void test_listing(void **state)
{
    (void)state;
    json_t *row = json_pack("{s:s, s:I, s:s, s:s, s:s, s:n}", "energy", "6000", "price", (json_int_t)98200,
                            "order", "9223372036854775809", "interval", "0", "bad", "12x", "none");
    char text[LISTING_TEXT_MAX];
    int64_t value;
    uint64_t number;
    assert_non_null(row);
    assert_string_equal(listing_text(row, "energy", LISTING_KWH, FORMAT_PEOPLE, text), "6.0");
    assert_string_equal(listing_text(row, "price", LISTING_CENTS_PER_KWH, FORMAT_CSV, text), "9.82");
    assert_string_equal(listing_text(row, "order", LISTING_ORDER, FORMAT_PEOPLE, text), "b1");
    assert_string_equal(listing_text(row, "interval", LISTING_INTERVAL, FORMAT_PEOPLE, text), "");
    assert_string_equal(listing_text(row, "interval", LISTING_INTERVAL, FORMAT_CSV, text), "0");
    assert_string_equal(listing_text(row, "bad", LISTING_KWH, FORMAT_PEOPLE, text), "");
    assert_string_equal(listing_text(row, "none", LISTING_TEXT, FORMAT_PEOPLE, text), "");
    assert_string_equal(listing_text(row, "missing", LISTING_COUNT, FORMAT_PEOPLE, text), "");
    assert_false(listing_int(row, "bad", &value));
    assert_false(listing_uint(row, "none", &number));
    assert_false(listing_int(NULL, "energy", &value));
    json_decref(row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse), cmocka_unit_test(test_format),
                                       cmocka_unit_test(test_orders), cmocka_unit_test(test_moments),
                                       cmocka_unit_test(test_listing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
