/* What may be a topic. */
#include "agents/mqtt/topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_letters(void **state)
{
    (void)state;
    static const char *const fine[] = {"a", "a/b c", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x92\xa1",
                                       "/", "a//b"};
    static const char *const not [] = {
        "\n",       "\x7f",         "\xc2\x85",         "\xff",         "\xc3",         "\xe2\x82",
        "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xef\xbf\xbf", "\xef\xb7\x90", "a\x80"};
    for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
        assert_int_equal(topic_check_bus(bytes_of(fine[i])), TOPIC_FINE);
        assert_int_equal(topic_check_mqtt(bytes_of(fine[i])), TOPIC_FINE);
    }
    for (size_t i = 0; i < sizeof not / sizeof *not ; i++) {
        assert_int_equal(topic_check_bus(bytes_of(not [i])), TOPIC_LETTERS);
        assert_int_equal(topic_check_mqtt(bytes_of(not [i])), TOPIC_LETTERS);
    }
    assert_int_equal(topic_check_bus((struct bytes){(const uint8_t *)"a\0b", 3}), TOPIC_LETTERS);
    assert_false(topic_is_text((struct bytes){(const uint8_t *)"a\0b", 3}));
    assert_true(topic_is_text(bytes_of("line\nline")));
    assert_true(topic_is_text((struct bytes){NULL, 0}));
}

static void test_bounds(void **state)
{
    (void)state;
    uint8_t text[TOPIC_MAX + 1];
    memset(text, 'x', sizeof text);
    assert_int_equal(topic_check_mqtt((struct bytes){text, TOPIC_MAX}), TOPIC_FINE);
    assert_int_equal(topic_check_mqtt((struct bytes){text, TOPIC_MAX + 1}), TOPIC_LONG);
    assert_int_equal(topic_check_bus((struct bytes){NULL, 0}), TOPIC_EMPTY);
    memset(text, '/', sizeof text);
    assert_int_equal(topic_check_mqtt((struct bytes){text, TOPIC_LEVELS_MAX - 1}), TOPIC_FINE);
    assert_int_equal(topic_check_mqtt((struct bytes){text, TOPIC_LEVELS_MAX}), TOPIC_DEEP);
    assert_int_equal(topic_check_bus((struct bytes){text, TOPIC_LEVELS_MAX}), TOPIC_FINE);
    assert_int_equal(topic_check_mqtt(bytes_of("a+")), TOPIC_WILDCARD);
    assert_int_equal(topic_check_mqtt(bytes_of("#")), TOPIC_WILDCARD);
    assert_int_equal(topic_check_mqtt(bytes_of("$SYS/x")), TOPIC_RESERVED);
    assert_int_equal(topic_check_bus(bytes_of("$+#")), TOPIC_FINE);
    for (int i = TOPIC_FINE; i <= TOPIC_RESERVED; i++)
        assert_true(topic_fault_text((enum topic_fault)i)[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_letters), cmocka_unit_test(test_bounds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
