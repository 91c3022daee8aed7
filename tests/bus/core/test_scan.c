/* The JSON scanner: what is JSON, what is not, and that the two readings of one text agree. */
#include "bus/core/scan.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

static uint64_t seed;

static bool accepts(const char *text)
{
    struct scan scan = scan_at(bytes_of(text));
    struct bytes value;
    return scan_value(&scan, &value) == BB_OK && scan_ended(&scan);
}

static void test_accepts_json(void **state)
{
    (void)state;
    static const char *const GOOD[] = {"0",
                                       "-0",
                                       "1.5e-7",
                                       "12E+3",
                                       "true",
                                       "false",
                                       "null",
                                       "\"\"",
                                       "\"a\\u00e9\\n\\\"\"",
                                       "[]",
                                       "[ ]",
                                       "{}",
                                       "{ }",
                                       "[1,[2,[3]],{\"a\":[]}]",
                                       " {\"a\" : 1 , \"b\":{\"c\":[true,null]}} ",
                                       "NaN",
                                       "-Infinity",
                                       "[Infinity]",
                                       "\"\xe9\""};
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++)
        if (!accepts(GOOD[i]))
            fail_msg("refuses %s", GOOD[i]);
}

static void test_refuses_the_rest(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",    " ",       "01",          "1.",     ".5",         "+1",    "1e",        "-",
        "tru", "nul",     "Nan",         "[",      "]",          "[1,]",  "[,1]",      "[1 2]",
        "{",   "{\"a\"}", "{\"a\":}",    "{a:1}",  "{\"a\":1,}", "{1:2}", "{\"a\":1]", "[1}",
        "\"",  "\"\\x\"", "\"\\u12g4\"", "\"\n\"", "\"\\",       "1 2",   "{} {}",     "\"\\u12\""};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        if (accepts(BAD[i]))
            fail_msg("accepts %s", BAD[i]);
}

static void test_depth_is_bounded(void **state)
{
    (void)state;
    char text[2 * SCAN_DEPTH_MAX + 3];
    for (int depth = SCAN_DEPTH_MAX; depth <= SCAN_DEPTH_MAX + 1; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        assert_int_equal(accepts(text), depth == SCAN_DEPTH_MAX);
    }
}

static void test_find_reads_the_last_and_decodes_keys(void **state)
{
    (void)state;
    struct bytes value;
    const struct bytes json = bytes_of("{\"a\":1,\"s\\u0065nder\":\"x\",\"a\":[2, 3] ,\"b\":{\"a\":4}}");
    assert_int_equal(scan_find(json, "a", &value), BB_OK);
    assert_true(bytes_equal(value, bytes_of("[2, 3]")));
    assert_int_equal(scan_find(json, "sender", &value), BB_OK);
    assert_true(bytes_equal(value, bytes_of("\"x\"")));
    assert_int_equal(scan_find(json, "c", &value), BB_NOT_FOUND);
    assert_int_equal(scan_find(bytes_of("{\"\\u0073ende\\u0072\":7}"), "sender", &value), BB_OK);
    assert_int_equal(scan_find(bytes_of("{\"\\u0073\":7}"), "sender", &value), BB_NOT_FOUND);
    assert_int_equal(scan_find(bytes_of("{\"\":7}"), "", &value), BB_OK);
    assert_int_equal(scan_find(bytes_of("{\"\":7}"), "a", &value), BB_NOT_FOUND);
    assert_int_equal(scan_find(bytes_of("{\"a\":7}"), "", &value), BB_NOT_FOUND);
    assert_int_equal(scan_find(bytes_of("{\"a\":1} x"), "a", &value), BB_MALFORMED);
    assert_int_equal(scan_find(bytes_of("[1]"), "a", &value), BB_MALFORMED);
}

static void test_latin1(void **state)
{
    (void)state;
    uint8_t buffer[4];
    size_t size = 99;
    assert_int_equal(scan_latin1(bytes_of("\"a\\u00e9\\/\""), buffer, 4, &size), BB_OK);
    assert_int_equal(size, 3);
    assert_memory_equal(buffer, "a\xe9/", 3);
    assert_int_equal(scan_latin1(bytes_of("\"\\u0100\""), buffer, 4, &size), BB_RANGE);
    assert_int_equal(scan_latin1(bytes_of("\"abcde\""), buffer, 4, &size), BB_FULL);
    assert_int_equal(scan_latin1(bytes_of("7"), buffer, 4, &size), BB_MALFORMED);
    assert_int_equal(scan_latin1(bytes_of("\"\\\""), buffer, 4, &size), BB_MALFORMED);
    assert_int_equal(size, 3);
}

static void test_numbers_and_literals(void **state)
{
    (void)state;
    static const char *const DECODED[] = {"12",   "-1.5", "1e5",      "true",
                                          "null", "NaN",  "Infinity", "-Infinity"};
    static const char *const TEXTS[] = {"", "aa", "1a", "1.2.3", "true1", "nan", "-", "\"a\"", "0x1"};
    for (size_t i = 0; i < sizeof DECODED / sizeof *DECODED; i++)
        assert_true(scan_is_number_or_literal(bytes_of(DECODED[i])));
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++)
        assert_false(scan_is_number_or_literal(bytes_of(TEXTS[i])));
}

/* Any bytes: the scanner stays inside, and a value that it found is found again alone. */
static void test_any_bytes(void **state)
{
    (void)state;
    static const char ALPHABET[] = "{}[]\",:\\0123e.-+truefalsnNIy u\x80\xff\n";
    uint64_t random = seed;
    for (int round = 0; round < 200000; round++) {
        uint8_t text[24];
        struct bytes value, again;
        size_t size = seed_below(&random, sizeof text + 1);
        for (size_t i = 0; i < size; i++)
            text[i] = (uint8_t)ALPHABET[seed_below(&random, sizeof ALPHABET - 1)];
        struct scan scan = scan_at((struct bytes){text, size});
        if (scan_value(&scan, &value) != BB_OK)
            continue;
        struct scan inner = scan_at(value);
        assert_int_equal(scan_value(&inner, &again), BB_OK);
        assert_true(bytes_equal(value, again) && scan_ended(&inner));
    }
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts_json),     cmocka_unit_test(test_refuses_the_rest),
        cmocka_unit_test(test_depth_is_bounded), cmocka_unit_test(test_find_reads_the_last_and_decodes_keys),
        cmocka_unit_test(test_latin1),           cmocka_unit_test(test_numbers_and_literals),
        cmocka_unit_test(test_any_bytes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
