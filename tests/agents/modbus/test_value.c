/* Between registers and values: exact, both ways. */
#include "agents/modbus/format.h"
#include "agents/modbus/value.h"

#include <inttypes.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct point point_of(const char *form, const char *factor)
{
    struct point p = {.name = "p", .power_at = -1, .writable = true};
    assert_int_equal(format_read(form, &p), BB_OK);
    assert_int_equal(decimal_read(factor, &p.factor), BB_OK);
    return p;
}

static void expect(struct point p, const uint16_t *registers, int power, const char *text)
{
    struct value value;
    uint16_t back[READ_MAX] = {0};
    struct bb_reason reason = {""};
    value_decode(&p, registers, power, &value);
    if (text == NULL) {
        assert_int_equal(value.kind, VALUE_NULL);
        return;
    }
    assert_string_equal(value.text, text);
    assert_int_equal(value_encode(&p, &value, power, &reason, back), BB_OK);
    assert_memory_equal(back, registers, p.count * sizeof *back);
}

static void test_integers(void **state)
{
    (void)state;
    expect(point_of(">H", "1"), (const uint16_t[]){65535}, 0, "65535");
    expect(point_of(">h", "1"), (const uint16_t[]){0x8000}, 0, "-32768");
    expect(point_of(">i", "1"), (const uint16_t[]){0xffff, 0xfffe}, 0, "-2");
    expect(point_of("<I", "1"), (const uint16_t[]){0x0102, 0x0304}, 0, "67305985"); /* 0x04030201 */
    expect(point_of(">Q", "1"), (const uint16_t[]){0xffff, 0xffff, 0xffff, 0xffff}, 0,
           "18446744073709551615");
    expect(point_of(">q", "1"), (const uint16_t[]){0x8000, 0, 0, 0}, 0, "-9223372036854775808");
    expect(point_of("uint32", "1"), (const uint16_t[]){1, 2}, 0, "65538");
    struct point mixed = point_of(">I", "1");
    mixed.mixed = true;
    expect(mixed, (const uint16_t[]){2, 1}, 0, "65538");
    mixed = point_of("<I", "1");
    mixed.mixed = true;
    expect(mixed, (const uint16_t[]){0x0304, 0x0102}, 0, "67305985");
}

static void test_factors(void **state)
{
    (void)state;
    expect(point_of(">H", "0.1"), (const uint16_t[]){2305}, 0, "230.5");
    expect(point_of(">H", "0.1"), (const uint16_t[]){2300}, 0, "230.0");
    expect(point_of(">h", "0.001"), (const uint16_t[]){(uint16_t)-5}, 0, "-0.005");
    expect(point_of(">h", "1"), (const uint16_t[]){7}, -1, "0.7");
    expect(point_of(">H", "1"), (const uint16_t[]){12}, 3, "12000");
    expect(point_of(">H", "1"), (const uint16_t[]){0}, 3, "0");
    expect(point_of(">H", "2.5"), (const uint16_t[]){3}, 0, "7.5");
    expect(point_of(">H", "-1"), (const uint16_t[]){3}, 0, "-3");
    struct point p = point_of(">H", "0.1");
    assert_string_equal(value_type(&p), "float");
    p = point_of(">H", "10");
    assert_string_equal(value_type(&p), "integer");
}

static void test_reals(void **state)
{
    (void)state;
    expect(point_of(">f", "1"), (const uint16_t[]){0x4251, 0x999a}, 0, "52.4");
    expect(point_of(">f", "1"), (const uint16_t[]){0x42c8, 0}, 0, "100.0");
    expect(point_of(">f", "1"), (const uint16_t[]){0x8000, 0x0001}, 0, "-1e-45");
    expect(point_of(">d", "1"), (const uint16_t[]){0x3fb9, 0x9999, 0x9999, 0x999a}, 0, "0.1");
    expect(point_of(">f", "1"), (const uint16_t[]){0x7fc0, 0}, 0, NULL);
    expect(point_of(">f", "1"), (const uint16_t[]){0xff80, 0}, 0, NULL);
    expect(point_of(">d", "1"), (const uint16_t[]){0x7ff0, 0, 0, 0}, 0, NULL);
    struct value value;
    struct point p = point_of(">f", "0.1");
    value_decode(&p, (const uint16_t[]){0x4251, 0x999a}, 0, &value);
    assert_string_equal(value.text, "5.24");
}

static void test_texts_and_truths(void **state)
{
    (void)state;
    struct point p = point_of("6s", "1");
    expect(p, (const uint16_t[]){0x4162, 0x6300, 0}, 0, "Abc");
    struct value value;
    value_decode(&p, (const uint16_t[]){0xff07, 0x4120, 0x2020}, 0, &value);
    assert_string_equal(value.text, "??A");
    p = point_of("BOOL", "1");
    value_decode(&p, (const uint16_t[]){1}, 0, &value);
    assert_true(value.kind == VALUE_TRUTH && value.truth);
    assert_int_equal(value_read(&p, "on", &value), BB_OK);
    assert_true(value.truth);
    assert_int_equal(value_read(&p, "perhaps", &value), BB_MALFORMED);
}

static void test_absent(void **state)
{
    (void)state;
    struct point p = point_of(">h", "1");
    struct bb_reason reason = {""};
    uint16_t registers[READ_MAX];
    p.absent = ABSENT_LOWEST;
    expect(p, (const uint16_t[]){0x8000}, 0, NULL);
    struct value value = {VALUE_NUMBER, false, "-32768"};
    assert_int_equal(value_encode(&p, &value, 0, &reason, registers), BB_RANGE);
    p = point_of(">I", "1");
    p.absent = ABSENT_HIGHEST;
    expect(p, (const uint16_t[]){0xffff, 0xffff}, 0, NULL);
    p.absent = ABSENT_ZERO;
    expect(p, (const uint16_t[]){0, 0}, 0, NULL);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *form, *factor;
        enum value_kind kind;
        const char *text;
        enum status status;
    } cases[] = {
        {">H", "1", VALUE_NUMBER, "65536", BB_RANGE},   {">H", "1", VALUE_NUMBER, "-1", BB_RANGE},
        {">h", "1", VALUE_NUMBER, "32768", BB_RANGE},   {">h", "0.1", VALUE_NUMBER, "3276.8", BB_RANGE},
        {">H", "1", VALUE_NUMBER, "1e30", BB_RANGE},    {">f", "1", VALUE_NUMBER, "1e39", BB_RANGE},
        {">Q", "1", VALUE_NUMBER, "1e300", BB_RANGE},   {">H", "1", VALUE_TEXT, "5", BB_MALFORMED},
        {">f", "1", VALUE_TRUTH, "", BB_MALFORMED},     {">f", "1", VALUE_NULL, "", BB_MALFORMED},
        {"BOOL", "1", VALUE_NUMBER, "2", BB_MALFORMED}, {"4s", "1", VALUE_NUMBER, "5", BB_MALFORMED},
        {"4s", "1", VALUE_TEXT, "abcde", BB_RANGE},     {">H", "0.1", VALUE_NUMBER, "6553.4", BB_OK},
        {">H", "1", VALUE_NUMBER, "7.4", BB_OK},        {"BOOL", "1", VALUE_NUMBER, "1", BB_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct point p = point_of(cases[i].form, cases[i].factor);
        struct value value = {cases[i].kind, true, ""};
        struct bb_reason reason = {""};
        uint16_t registers[READ_MAX] = {0};
        snprintf(value.text, sizeof value.text, "%s", cases[i].text);
        assert_int_equal(value_encode(&p, &value, 0, &reason, registers), cases[i].status);
        assert_int_equal(cases[i].status == BB_OK, reason.text[0] == '\0');
    }
}

static void test_forms(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", ">", "f>", ">2H", ">Hx", "string[4", "uint8", "???"};
    static const char *const odd[] = {">b", "B", "3s", "252s", "0s", "string[]", "string[0]", ">x", "s"};
    struct point p;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(format_read(wrong[i], &p), BB_MALFORMED);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
        assert_int_equal(format_read(odd[i], &p), BB_RANGE);
    assert_int_equal(format_read("l", &p), BB_OK);
    assert_true(p.count == 4 && p.little);
    assert_int_equal(format_read(">l", &p), BB_OK);
    assert_true(p.count == 2 && !p.little);
}

static void test_decimals(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", "-", ".", "1.2.3", "1e", "e5", "1x", " 1", "0x10", "nan", "inf"};
    struct decimal d;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(decimal_read(wrong[i], &d), BB_MALFORMED);
    assert_int_equal(decimal_read("18446744073709551616", &d), BB_RANGE);
    assert_int_equal(decimal_read("1e401", &d), BB_RANGE);
    assert_int_equal(decimal_read("1000000000000000000000000", &d), BB_OK);
    assert_int_equal(decimal_read("0.00000000000000000000000000052", &d), BB_OK);
    assert_true(d.digits == 52 && d.exponent == -29);
}

/* Against sums and products that are done in another way. */
static void test_division(void **state)
{
    (void)state;
    static const struct {
        const char *number, *factor;
        uint64_t magnitude;
    } cases[] = {
        {"5", "10", 1},
        {"4.9", "10", 0},
        {"-5", "10", 1},
        {"7", "3", 2},
        {"8", "3", 3},
        {"1.5", "1", 2},
        {"2.5", "1", 3},
        {"0.49999", "1", 0},
        {"65535", "0.5", 131070},
        {"1e19", "1", UINT64_C(10000000000000000000)},
        {"18446744073709551615", "1", UINT64_MAX},
        {"18446744073709551615", "10", UINT64_C(1844674407370955162)},
        {"1e-30", "1", 0},
        {"1e30", "1e20", UINT64_C(10000000000)},
        {"999999999", "999999999", 1},
        {"0", "7", 0},
        {"0e300", "7", 0},
        {"1844674407370955161.5", "0.1", UINT64_MAX},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct decimal number, factor;
        bool negative = false;
        uint64_t magnitude = 1234;
        assert_int_equal(decimal_read(cases[i].number, &number), BB_OK);
        assert_int_equal(decimal_read(cases[i].factor, &factor), BB_OK);
        if (factor.digits == 0)
            continue;
        assert_int_equal(decimal_divide(number, factor, &negative, &magnitude), BB_OK);
        if (magnitude != cases[i].magnitude)
            fail_msg("%s / %s", cases[i].number, cases[i].factor);
        assert_int_equal(negative, cases[i].number[0] == '-');
    }
    struct decimal huge, one = {false, 1, 0};
    bool negative;
    uint64_t magnitude;
    assert_int_equal(decimal_read("1e20", &huge), BB_OK);
    assert_int_equal(decimal_divide(huge, one, &negative, &magnitude), BB_RANGE);
    char text[DECIMAL_TEXT_MAX];
    decimal_text((struct decimal){true, UINT64_MAX, -5}, (struct decimal){false, 1000000000, -3}, text,
                 sizeof text);
    assert_string_equal(text, "-184467440737095516150.00000000");
    decimal_text((struct decimal){false, 0, 9}, one, text, sizeof text);
    assert_string_equal(text, "0");
}

/* Any raw value of any form reads as a text that writes it again. */
static void test_round_trip(void **state)
{
    (void)state;
    static const char *const forms[] = {">H", "<h", ">i", "<I", ">q", "<Q", ">f", "<f", ">d", "<d"};
    const char *given = getenv("BUSBAR_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : 20261128U;
    print_message("seed %u\n", seed);
    srandom(seed);
    for (int round = 0; round < 20000; round++) {
        struct point p = point_of(forms[random() % 10], "1");
        uint16_t registers[4], back[READ_MAX];
        struct value value;
        struct bb_reason reason;
        p.mixed = random() % 2 == 0;
        for (size_t i = 0; i < 4; i++)
            registers[i] = (uint16_t)random();
        if (p.kind != POINT_REAL)
            p.factor.exponent = (int)(random() % 7) - 3;
        value_decode(&p, registers, 0, &value);
        if (value.kind == VALUE_NULL)
            continue;
        assert_int_equal(value_encode(&p, &value, 0, &reason, back), BB_OK);
        assert_memory_equal(back, registers, p.count * sizeof *back);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers), cmocka_unit_test(test_factors),
        cmocka_unit_test(test_reals),    cmocka_unit_test(test_texts_and_truths),
        cmocka_unit_test(test_absent),   cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_forms),    cmocka_unit_test(test_decimals),
        cmocka_unit_test(test_division), cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
