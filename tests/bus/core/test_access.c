/* Access rules and sequence numbers. */
#include "bus/core/access.h"
#include "bus/core/streams.h"
#include "tests/link/cm.h"

#include <busbar/limits.h>
#include <stdio.h>
#include <stdlib.h>

#define KEY_A "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define KEY_B "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"

static struct access *rules;

static int open_rules(void **state)
{
    (void)state;
    rules = calloc(1, sizeof *rules);
    access_init(rules);
    return rules == NULL;
}

static int close_rules(void **state)
{
    (void)state;
    free(rules);
    return 0;
}

static void test_grants(void **state)
{
    (void)state;
    uint32_t entry, found;
    assert_int_equal(access_add(rules, bytes_of(KEY_A), &entry), BB_OK);
    assert_int_equal(access_add(rules, bytes_of(KEY_A), &entry), BB_EXISTS);
    assert_int_equal(access_add(rules, bytes_of("short"), &entry), BB_RANGE);
    assert_int_equal(access_grant(rules, entry, ACCESS_IDENTITY, bytes_of("cli.*")), BB_OK);
    assert_int_equal(access_grant(rules, entry, ACCESS_IDENTITY, bytes_of("a")), BB_OK);
    assert_int_equal(access_grant(rules, entry, ACCESS_PUBLISH, bytes_of("Data/dg/")), BB_OK);
    assert_int_equal(access_find(rules, bytes_of(KEY_A), &found), BB_OK);
    assert_int_equal(access_find(rules, bytes_of(KEY_B), &found), BB_NOT_FOUND);
    static const struct {
        enum access_kind kind;
        const char *text;
        bool allowed;
    } CASES[] = {{ACCESS_IDENTITY, "cli.1234", true},   {ACCESS_IDENTITY, "cli", false},
                 {ACCESS_IDENTITY, "a", true},          {ACCESS_IDENTITY, "ab", false},
                 {ACCESS_PUBLISH, "Data/dg/dg1", true}, {ACCESS_PUBLISH, "Data/dg", false},
                 {ACCESS_PUBLISH, "", false},           {ACCESS_SUBSCRIBE, "Data/dg/dg1", false}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++)
        assert_int_equal(access_allows(rules, found, CASES[i].kind, bytes_of(CASES[i].text)),
                         CASES[i].allowed);
    assert_true(access_allows(rules, ACCESS_OPEN, ACCESS_PUBLISH, bytes_of("x")));
    assert_true(bytes_equal(access_name(rules, found), bytes_of("cli")));
    assert_true(bytes_equal(access_name(rules, ACCESS_OPEN), bytes_of("anonymous")));
}

static void test_identities(void **state)
{
    (void)state;
    static const char *const GOOD[] = {"a", "platform.driver", "consumer-agent", "a_1", "1a", "-", "x.1"};
    static const char *const BAD[] = {"",    "12",       "-1",  "1e5", "true", "null",
                                      "NaN", "Infinity", "a b", "a/b", "\xe9", "a*"};
    char longest[257];
    memset(longest, 'a', 256);
    longest[256] = '\0';
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++)
        assert_true(access_is_identity(bytes_of(GOOD[i])));
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_false(access_is_identity(bytes_of(BAD[i])));
    assert_false(access_is_identity(bytes_of(longest)));
    assert_true(access_is_identity((struct bytes){(uint8_t *)longest, 255}));
}

static void test_refuses_patterns(void **state)
{
    (void)state;
    uint32_t entry;
    char topic[BB_TOPIC_MAX + 2];
    memset(topic, 'x', sizeof topic);
    assert_int_equal(access_add(rules, bytes_of(KEY_A), &entry), BB_OK);
    assert_int_equal(access_grant(rules, entry, ACCESS_IDENTITY, bytes_of("a*b")), BB_RANGE);
    assert_int_equal(access_grant(rules, entry, ACCESS_IDENTITY, bytes_of("")), BB_RANGE);
    assert_int_equal(access_grant(rules, entry, ACCESS_IDENTITY, bytes_of("a b*")), BB_RANGE);
    assert_int_equal(
        access_grant(rules, entry, ACCESS_PUBLISH, (struct bytes){(uint8_t *)topic, sizeof topic}), BB_RANGE);
    assert_int_equal(access_grant(rules, entry, ACCESS_IDENTITY, bytes_of("*")), BB_OK);
    assert_true(access_allows(rules, entry, ACCESS_IDENTITY, bytes_of("anything")));
    assert_true(bytes_equal(access_name(rules, entry), bytes_of("anonymous")));
    /* What stands before the * need not be an identity. */
    static const char *const BEGINNINGS[] = {"NaN*", "12*", "true.*", "-1*"};
    for (size_t i = 0; i < sizeof BEGINNINGS / sizeof *BEGINNINGS; i++) {
        access_init(rules);
        assert_int_equal(access_add(rules, bytes_of(KEY_A), &entry), BB_OK);
        assert_int_equal(access_grant(rules, entry, ACCESS_IDENTITY, bytes_of(BEGINNINGS[i])), BB_OK);
        assert_true(bytes_equal(access_name(rules, entry), bytes_of("anonymous")));
    }
}

static void test_full(void **state)
{
    (void)state;
    uint32_t entry;
    char key[] = KEY_A;
    for (uint32_t i = 0; i < ACCESS_ENTRIES_MAX; i++) {
        snprintf(key + 30, 14, "%013u", i);
        assert_int_equal(access_add(rules, bytes_of(key), &entry), BB_OK);
    }
    assert_int_equal(access_add(rules, bytes_of(KEY_B), &entry), BB_FULL);
    for (uint32_t i = 0; i < ACCESS_GRANTS_MAX; i++)
        assert_int_equal(access_grant(rules, i % ACCESS_ENTRIES_MAX, ACCESS_PUBLISH, bytes_of("t")), BB_OK);
    assert_int_equal(access_grant(rules, 0, ACCESS_PUBLISH, bytes_of("t")), BB_FULL);
}

static void test_streams_count_apart(void **state)
{
    (void)state;
    struct streams *streams = calloc(1, sizeof *streams);
    char topic[32];
    assert_non_null(streams);
    streams->seed = 42;
    assert_int_equal(streams_next(streams, bytes_of("a"), bytes_of("t")), 1);
    assert_int_equal(streams_next(streams, bytes_of("a"), bytes_of("t")), 2);
    assert_int_equal(streams_next(streams, bytes_of("b"), bytes_of("t")), 1);
    assert_int_equal(streams_next(streams, bytes_of("a"), bytes_of("u")), 1);
    assert_int_equal(streams_next(streams, bytes_of("at"), bytes_of("")), 1);
    assert_int_equal(streams_next(streams, bytes_of(""), bytes_of("at")), 1);
    assert_int_equal(streams_next(streams, bytes_of("a"), (struct bytes){(const uint8_t *)"t\0", 2}), 1);
    assert_int_equal(streams_next(streams, bytes_of("a"), bytes_of("Data/dg/dg1")), 1);
    assert_int_equal(streams_next(streams, bytes_of("a"), bytes_of("Data/dg/dg2")), 1);
    /* More streams than there is room for: no harm, and one in use keeps its count. */
    for (uint32_t i = 0; i < 3 * STREAMS_MAX; i++) {
        snprintf(topic, sizeof topic, "%u", i);
        (void)streams_next(streams, bytes_of("many"), bytes_of(topic));
        if (i % 64 == 0)
            assert_int_equal(streams_next(streams, bytes_of("a"), bytes_of("t")), 3 + i / 64);
    }
    free(streams);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_grants, open_rules, close_rules),
        cmocka_unit_test_setup_teardown(test_identities, open_rules, close_rules),
        cmocka_unit_test_setup_teardown(test_refuses_patterns, open_rules, close_rules),
        cmocka_unit_test_setup_teardown(test_full, open_rules, close_rules),
        cmocka_unit_test(test_streams_count_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
