/* Moments as Python's datetime prints them. */
#include "agents/modbus/moment.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static void test_read(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"2013-12-06 16:00:00+00:00", 1386345600000},
        {"2013-12-06 16:00+00:00", 1386345600000},
        {"2013-12-06T17:00:00.123456+01:00", 1386345600123},
        {"2013-12-06 10:30:00.5-0530", 1386345600500},
        {"2013-12-06 16:00:00 UTC", 1386345600000},
        {"2013-12-06 16:00:00", 1386345600000 - 2 * 3600000}, /* local: two hours ahead */
    };
    setenv("TZ", "ABC-2", 1);
    tzset();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;
        assert_int_equal(moment_read(cases[i].text, &ms), BB_OK);
        assert_true(ms == cases[i].ms);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "now",
                                        "2013-12-06",
                                        "2013-13-06 16:00:00",
                                        "2013-02-31 16:00:00",
                                        "2013-12-06 24:00:00",
                                        "2013-12-06 16:60",
                                        "2013-12-06 16:00:00.",
                                        "2013-12-06 16:00:00+25:00",
                                        "2013-12-06 16:00:00Zz",
                                        "1913-12-06 16:00:00"};
    int64_t ms;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(moment_read(wrong[i], &ms), BB_MALFORMED);
}

static void test_text(void **state)
{
    (void)state;
    char text[MOMENT_TEXT_MAX];
    moment_text(1386345600123, text, sizeof text);
    assert_string_equal(text, "2013-12-06T16:00:00.123000+00:00");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read), cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
