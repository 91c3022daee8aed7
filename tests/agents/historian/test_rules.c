/* Rules, spans and patterns: what is written and what it means. */
#include "agents/historian/pattern.h"
#include "agents/historian/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DAY INT64_C(86400000000)

static void test_spans(void **state)
{
    static const char *const bad[] = {"",       "m",  "-1m", "0s", "1", "1x", "1 m", "99999999999999999999d",
                                      "40000d", "+1m"};
    int64_t us = 0;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(aggregate_span_parse(bad[i], &us));
    assert_true(aggregate_span_parse("90s", &us) && us == 90000000);
    assert_true(aggregate_span_parse("15min", &us) && us == 900000000);
    assert_true(aggregate_span_parse("2w", &us) && us == 14 * DAY);
    assert_int_equal(aggregate_period_index(900000000), 1);
    assert_int_equal(aggregate_period_index(900000001), -1);
}

static void test_rules(void **state)
{
    static const char *const bad_retention[] = {"",         "Data/",         "Data/ 1h",
                                                "Data/ 30", "Data/ 30d 31d", "devices/ 30d"};
    static const char *const bad_aggregation[] = {"Data/", "Data/ 2m", "Data/ 1m x", "analysis/x 1m"};
    static struct rules rules;
    struct bb_reason reason;
    (void)state;
    for (size_t i = 0; i < sizeof bad_retention / sizeof *bad_retention; i++)
        assert_int_not_equal(rules_retention(&rules, bad_retention[i], &reason), BB_OK);
    for (size_t i = 0; i < sizeof bad_aggregation / sizeof *bad_aggregation; i++)
        assert_int_not_equal(rules_aggregation(&rules, bad_aggregation[i], &reason), BB_OK);
    assert_int_equal(rules_retention(&rules, "* 30d", &reason), BB_OK);
    assert_int_equal(rules_retention(&rules, "Data/ forever", &reason), BB_OK);
    assert_int_equal(rules_retention(&rules, "Data/dg/  2w ", &reason), BB_OK);
    assert_int_equal(rules_retention(&rules, "Data/ 3d", &reason), BB_MALFORMED);
    assert_int_equal(rules_aggregation(&rules, "Data/ 1m 1d 1m", &reason), BB_OK);
    assert_int_equal(rules_keep_us(&rules, bytes_of("other")), 30 * DAY);
    assert_int_equal(rules_keep_us(&rules, bytes_of("Data/x")), 0);
    assert_int_equal(rules_keep_us(&rules, bytes_of("Data/dg/x")), 14 * DAY);
    assert_int_equal(rules_periods(&rules, bytes_of("Data/x")), 9);
    assert_int_equal(rules_periods(&rules, bytes_of("other")), 0);
    for (int i = 3; i < RULES_MAX; i++) {
        char line[32];
        snprintf(line, sizeof line, "p%d/ 2d", i);
        assert_int_equal(rules_retention(&rules, line, &reason), BB_OK);
    }
    assert_int_equal(rules_retention(&rules, "more/ 2d", &reason), BB_FULL);
}

/* What the pattern means, by recursion. */
static bool naive(const struct pattern *p, size_t step, const char *text)
{
    if (step == p->count)
        return !p->to_end || *text == '\0';
    bool one = *text != '\0' && (p->steps[step].any || p->steps[step].c == *text);
    if (p->steps[step].many)
        return naive(p, step + 1, text) || (one && naive(p, step, text + 1));
    return one && naive(p, step + 1, text + 1);
}

static bool naive_anywhere(const struct pattern *p, const char *text)
{
    if (p->from_start)
        return naive(p, 0, text);
    for (;; text++) {
        if (naive(p, 0, text))
            return true;
        if (*text == '\0')
            return false;
    }
}

static void test_patterns(void **state)
{
    static const char *const letters = "ab.*^$";
    static const char *const bad[] = {"a|b", "(a)", "[a]", "a+", "a?", "a{2}", "*a"};
    struct bb_reason reason;
    struct pattern p;
    uint64_t seed = 11;
    int matched = 0;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(pattern_parse(bad[i], &reason, &p), BB_MALFORMED);
    for (int round = 0; round < 100000; round++) {
        char pattern[8] = "", text[9] = "";
        for (int i = 0; i < 6; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            pattern[i] = letters[(seed >> 40) % 6];
            text[i] = (char)('a' + (seed >> 50) % 2);
        }
        pattern[(seed >> 33) % 7] = '\0';
        text[(seed >> 44) % 7] = '\0';
        if (pattern_parse(pattern, &reason, &p) != BB_OK)
            continue;
        assert_int_equal(pattern_matches(&p, text), naive_anywhere(&p, text));
        matched += pattern_matches(&p, text);
    }
    assert_true(matched > 1000);
    assert_int_equal(pattern_parse("^CAMPUS/.*/t\\.1$", &reason, &p), BB_OK);
    assert_true(pattern_matches(&p, "campus/a/b/T.1"));
    assert_false(pattern_matches(&p, "campus/a/b/tx1"));
    char evil[200] = "", long_text[1000];
    for (int i = 0; i < 49; i++)
        strncat(evil, "a*b*", sizeof evil - strlen(evil) - 1);
    memset(long_text, 'a', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    strncat(evil, "c", 2);
    assert_int_equal(pattern_parse(evil, &reason, &p), BB_OK);
    assert_false(pattern_matches(&p, long_text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_spans), cmocka_unit_test(test_rules),
                                       cmocka_unit_test(test_patterns)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
