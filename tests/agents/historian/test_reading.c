/* What messages become: VOLTTRON's shapes, Busbar's, and what is none. */
#include "agents/historian/iso.h"
#include "agents/historian/reading.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ARRIVAL INT64_C(1764352800000000)

/* What was emitted, one line each: "series time value {meta}". */
struct heard {
    char text[8192];
    size_t size;
};

static void on_reading(void *context, const struct reading *r)
{
    struct heard *h = context;
    char value[128] = "";
    switch (r->value.kind) {
    case VALUE_INTEGER:
        snprintf(value, sizeof value, "%lld", (long long)r->value.integer);
        break;
    case VALUE_REAL:
        snprintf(value, sizeof value, "%.17gr", r->value.real);
        break;
    case VALUE_BOOLEAN:
        snprintf(value, sizeof value, "%s", r->value.integer != 0 ? "true" : "false");
        break;
    case VALUE_TEXT:
        snprintf(value, sizeof value, "\"%.*s\"", (int)(r->value.text.size < 100 ? r->value.text.size : 100),
                 (const char *)r->value.text.data);
        break;
    }
    int more = snprintf(h->text + h->size, sizeof h->text - h->size, "%.*s %lld %s %.*s\n",
                        (int)r->series.size, (const char *)r->series.data, (long long)(r->time_us - ARRIVAL),
                        value, (int)r->meta.size, (const char *)r->meta.data);
    if (more > 0 && h->size + (size_t)more < sizeof h->text)
        h->size += (size_t)more;
}

static struct reading_outcome extract(const char *topic, const char *headers, const char *message,
                                      struct heard *heard)
{
    const struct reading_source source = {topic, headers, message, ARRIVAL};
    *heard = (struct heard){.size = 0};
    return reading_extract(&source, on_reading, heard);
}

static void expect(const char *topic, const char *message, const char *wanted)
{
    struct heard heard;
    struct reading_outcome outcome = extract(topic, "{}", message, &heard);
    assert_null(outcome.fault);
    assert_string_equal(heard.text, wanted);
}

static void test_devices(void **state)
{
    (void)state;
    expect("devices/c/b/d/all",
           "[{\"t\":21.5,\"on\":true,\"n\":3},{\"t\":{\"units\":\"C\",\"tz\":\"UTC\",\"type\":\"float\"}}]",
           "c/b/d/t 0 21.5r {\"type\":\"float\",\"tz\":\"UTC\",\"units\":\"C\"}\nc/b/d/on 0 true \nc/b/d/n 0 "
           "3 \n");
    expect("devices/d/all", "{\"t\":-1}", "d/t 0 -1 \n");
    expect("analysis/a/x", "{\"r\":1}", "a/x/r 0 1 \n");
    expect("analysis/a/x/all", "[{\"r\":1},{}]", "a/x/r 0 1 \n");
    struct heard heard;
    assert_true(extract("devices/c/b/d/t", "{}", "[21.5,{}]", &heard).skipped);
    assert_int_equal(heard.size, 0);
    assert_non_null(extract("devices/d/all", "{}", "7", &heard).fault);
    assert_non_null(extract("devices//all", "{}", "{\"t\":1}", &heard).fault);
}

static void test_others(void **state)
{
    (void)state;
    expect("datalogger/pump",
           "{\"hz\":{\"Readings\":[[\"2025-11-28T18:00:01Z\",50.1],[\"2025-11-28T18:00:02+00:00\",50]],"
           "\"Units\":\"Hz\",\"data_type\":\"double\"},\"on\":{\"Readings\":false}}",
           "datalogger/pump/hz 1000000 50.100000000000001r {\"type\":\"double\",\"units\":\"Hz\"}\n"
           "datalogger/pump/hz 2000000 50 {\"type\":\"double\",\"units\":\"Hz\"}\ndatalogger/pump/on 0 false "
           "{}\n");
    expect("record/anything", "{\"a\": [1, {\"b\":null}]}",
           "record/anything 0 \"{\"a\": [1, {\"b\":null}]}\" \n");
    expect("Data/consumer/consumer1",
           "{\"name\":\"L1\",\"kw\":52.4,\"online\":true,\"deep\":{\"x\":1},\"none\":null}",
           "Data/consumer/consumer1/name 0 \"L1\" \nData/consumer/consumer1/kw 0 52.399999999999999r \n"
           "Data/consumer/consumer1/online 0 true \n");
    expect("Data/scalar", "-7", "Data/scalar 0 -7 \n");
    expect("Data/text", "\"on\"", "Data/text 0 \"on\" \n");
}

static void test_left_out(void **state)
{
    (void)state;
    struct heard heard;
    struct reading_outcome o =
        extract("Data/x", "{}", "{\"a\":null,\"b\":[1],\"c\":{\"d\":1},\"\":1,\"e\":1}", &heard);
    assert_string_equal(heard.text, "Data/x/e 0 1 \n");
    assert_int_equal(o.left_out, 4);
    assert_int_equal(o.readings, 1);
    char *text = malloc(READING_TEXT_MAX + 10);
    memset(text, 'x', READING_TEXT_MAX + 9);
    text[0] = text[READING_TEXT_MAX + 2] = '"';
    text[READING_TEXT_MAX + 3] = '\0';
    assert_int_equal(extract("Data/x", "{}", text, &heard).left_out, 1);
    free(text);
    char topic[BB_TOPIC_MAX + 1];
    memset(topic, 't', sizeof topic - 1);
    topic[sizeof topic - 1] = '\0';
    assert_int_equal(extract(topic, "{}", "1", &heard).readings, 1);
    assert_non_null(extract(topic, "{}", "{\"a\":1}", &heard).fault);
}

static void test_faults(void **state)
{
    static const char *const messages[] = {
        "", "{", "NaN", "{\"t\":NaN}", "1e999", "[1] 2", "123456789012345678901234567890", "Infinity"};
    struct heard heard;
    (void)state;
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        struct reading_outcome o = extract("Data/x", "{}", messages[i], &heard);
        assert_non_null(o.fault);
        assert_int_equal(o.readings, 0);
    }
    assert_non_null(extract("Data/x", "{}", "[1,2]", &heard).fault);
    assert_non_null(extract("Data/\xff", "{}", "1", &heard).fault);
    assert_non_null(extract("", "{}", "1", &heard).fault);
    assert_non_null(extract("datalogger/x", "{}", "[1]", &heard).fault);
}

static void test_times(void **state)
{
    struct heard heard;
    (void)state;
    extract("Data/x", "{\"TimeStamp\":\"2025-11-28T18:00:01.25+00:00\",\"Date\":\"2020-01-01\"}", "1",
            &heard);
    assert_string_equal(heard.text, "Data/x 1250000 1 \n");
    extract("Data/x", "{\"Date\":\"2025-11-28 19:00:02+0100\"}", "1", &heard);
    assert_string_equal(heard.text, "Data/x 2000000 1 \n");
    assert_true(extract("Data/x", "{\"TimeStamp\":\"yesterday\"}", "1", &heard).undated);
    assert_string_equal(heard.text, "Data/x 0 1 \n");
    assert_true(extract("Data/x", "{\"TimeStamp\":7}", "1", &heard).undated);
    assert_false(extract("Data/x", "no json", "1", &heard).undated);
}

static void test_iso(void **state)
{
    static const char *const bad[] = {"",
                                      "2025",
                                      "2025-13-01",
                                      "2025-02-29",
                                      "2025-01-32",
                                      "2025-01-01T24:00",
                                      "2025-01-01T1:00",
                                      "2025-01-01T10:60",
                                      "2025-01-01T10:00:00.",
                                      "2025-01-01T10:00:00+1",
                                      "2025-01-01T10:00:00Zx",
                                      "1969-12-31T23:59:59Z",
                                      "2200-01-02",
                                      "2025-01-01T10:00:00+24:00"};
    char text[ISO_TEXT_MAX];
    int64_t us = 0, again = 0;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(iso_parse(bad[i], &us));
    assert_true(iso_parse("2024-02-29T23:59:59.123456789-00:30", &us));
    assert_string_equal(iso_format(us, text), "2024-03-01T00:29:59.123456+00:00");
    uint64_t seed = 7;
    for (int i = 0; i < 20000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        us = (int64_t)((seed >> 8) % (uint64_t)ISO_US_MAX);
        assert_true(iso_parse(iso_format(us, text), &again));
        assert_int_equal(us, again);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_devices),  cmocka_unit_test(test_others),
                                       cmocka_unit_test(test_left_out), cmocka_unit_test(test_faults),
                                       cmocka_unit_test(test_times),    cmocka_unit_test(test_iso)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
