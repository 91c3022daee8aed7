/* JSON or not: against jansson on every short text of a small alphabet, and where the two differ on purpose.
 */
#include "bus/client/envelope.h"
#include "bus/client/json_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool jansson_takes(const char *text, size_t size)
{
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY, NULL);
    json_decref(value);
    return value != NULL;
}

static void every_short_text(void **state)
{
    static const char alphabet[] = "{}[],:\"0-.e1 atrue";
    enum { LETTERS = sizeof alphabet - 1, LONGEST = 5 };
    char text[LONGEST + 1] = "";
    unsigned taken = 0, all = 0;
    (void)state;
    for (size_t size = 0; size <= LONGEST; size++) {
        unsigned long count = 1;
        for (size_t i = 0; i < size; i++)
            count *= LETTERS;
        for (unsigned long n = 0; n < count; n += size == LONGEST ? 7 : 1) {
            unsigned long rest = n;
            for (size_t i = 0; i < size; i++, rest /= LETTERS)
                text[i] = alphabet[rest % LETTERS];
            bool ours = json_check(text, size);
            if (ours != jansson_takes(text, size))
                fail_msg("%.*s: %d", (int)size, text, ours);
            taken += ours;
            all++;
        }
    }
    print_message("%u of %u texts are JSON\n", taken, all);
    assert_true(taken > 1000);
}

static void strings_as_jansson_reads_them(void **state)
{
    static const char *const texts[] = {"\"\xc3\xa9\"",
                                        "\"\xc3\"",
                                        "\"\xc0\x80\"",
                                        "\"\xed\xa0\x80\"",
                                        "\"\xf0\x9f\x98\x80\"",
                                        "\"\xf4\x90\x80\x80\"",
                                        "\"\xe0\x9f\xbf\"",
                                        "\"\xf0\x8f\xbf\xbf\"",
                                        "\"\x80\"",
                                        "\"\xff\"",
                                        "\"\\u00e9\"",
                                        "\"\\u0000\"",
                                        "\"\\ud83d\\ude00\"",
                                        "\"\\ud83d\"",
                                        "\"\\ud83dx\"",
                                        "\"\\ude00\"",
                                        "\"\\ud83d\\u0041\"",
                                        "\"\\u12g4\"",
                                        "\"\\u12\"",
                                        "\"\\n\\\"\\/\\b\\f\\r\\t\\\\\"",
                                        "\"\\x\"",
                                        "\"\\\"",
                                        "\"\n\"",
                                        "\"\x7f\"",
                                        "\"a",
                                        "\"\x1f\""};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (json_check(texts[i], strlen(texts[i])) != jansson_takes(texts[i], strlen(texts[i])))
            fail_msg("%s", texts[i]);
}

static void numbers_may_be_larger_than_any_type(void **state)
{
    (void)state;
    assert_true(json_check("99999999999999999999", 20));
    assert_true(json_check("1e999", 5));
    assert_false(json_check("01", 2));
    assert_false(json_check("1.", 2));
    assert_false(json_check("1\0", 2));
}

static void depth_is_bounded(void **state)
{
    char text[2 * JSON_CHECK_DEPTH + 2];
    (void)state;
    memset(text, '[', JSON_CHECK_DEPTH + 1);
    memset(text + JSON_CHECK_DEPTH + 1, ']', JSON_CHECK_DEPTH + 1);
    assert_false(json_check(text, 2 * JSON_CHECK_DEPTH + 2));
    assert_true(json_check(text + 1, 2 * JSON_CHECK_DEPTH));
}

static void members_stand_where_they_are(void **state)
{
    static const char text[] =
        " {\"a\" : {\"x\":[1,\"}\"]} ,\"m\\u0065\":1,\"a\":\"\\\"\", \"n\":NaN,\"big\":"
        "99999999999999999999}\n";
    struct envelope envelope;
    (void)state;
    assert_int_equal(envelope_parse(bytes_of(text), &envelope), BB_OK);
    char *a = envelope_member(&envelope, "a"), *me = envelope_member(&envelope, "me"),
         *n = envelope_member(&envelope, "n"), *big = envelope_member(&envelope, "big");
    assert_string_equal(a, "\"\\\"\"");
    assert_string_equal(me, "1");
    assert_string_equal(n, "null");
    assert_string_equal(big, "99999999999999999999");
    assert_null(envelope_member(&envelope, "x"));
    assert_null(envelope_value(&envelope, "big"));
    json_t *value = envelope_value(&envelope, "me");
    assert_int_equal(json_integer_value(value), 1);
    json_decref(value);
    free(a);
    free(me);
    free(n);
    free(big);
    envelope_free(&envelope);
    assert_int_equal(envelope_parse(bytes_of("[1]"), &envelope), BB_MALFORMED);
    assert_int_equal(envelope_parse(bytes_of("{}x"), &envelope), BB_MALFORMED);
    assert_int_equal(envelope_parse((struct bytes){(const uint8_t *)"{}\0", 3}, &envelope), BB_MALFORMED);
    assert_int_equal(envelope_parse((struct bytes){NULL, 0}, &envelope), BB_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_short_text),
        cmocka_unit_test(strings_as_jansson_reads_them),
        cmocka_unit_test(numbers_may_be_larger_than_any_type),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(members_stand_where_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
