/* Publish envelopes: what comes in and what each kind of receiver gets. */
#include "bus/core/envelope.h"
#include "tests/link/cm.h"

static void join(const struct envelope_text *text, char *out)
{
    size_t at = 0;
    for (size_t i = 0; i < text->count; i++) {
        if (text->pieces[i].size > 0)
            memcpy(out + at, text->pieces[i].data, text->pieces[i].size);
        at += text->pieces[i].size;
    }
    assert_int_equal(at, text->size);
    out[at] = '\0';
}

static void assert_vip(const char *in, const char *expected)
{
    struct envelope envelope;
    struct envelope_text text;
    char out[512];
    assert_int_equal(envelope_parse(bytes_of(in), &envelope), BB_OK);
    envelope_for_vip(&envelope, bytes_of("a.b"), &text);
    join(&text, out);
    assert_string_equal(out, expected);
}

static void test_sender_is_the_routers(void **state)
{
    (void)state;
    assert_vip("{\"bus\":\"\",\"headers\":{},\"message\":[1, NaN]}",
               "{\"bus\":\"\",\"headers\":{},\"message\":[1, NaN],\"sender\":\"a.b\"}");
    assert_vip("{\"sender\":\"x\",\"bus\":\"\",\"headers\":{},\"message\":1}",
               "{\"bus\":\"\",\"headers\":{},\"message\":1,\"sender\":\"a.b\"}");
    assert_vip("{\"bus\":\"\", \"s\\u0065nder\":{\"a\":1} ,\"headers\":{},\"message\":{\"sender\":2} }",
               "{\"bus\":\"\",\"headers\":{},\"message\":{\"sender\":2},\"sender\":\"a.b\"}");
    assert_vip("{\"message\":1,\"sender\":\"x\"}",
               "{\"message\":1,\"bus\":\"\",\"headers\":{},\"sender\":\"a.b\"}");
    assert_vip("{}", "{\"bus\":\"\",\"headers\":{},\"sender\":\"a.b\"}");
}

static void test_refuses(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        "1",
        "[]",
        "{\"message\":}",
        "{\"headers\":1,\"message\":2}",
        "{} 1",
        ("{\"a\":1,\"sender\":1,\"b\":1,\"sender\":1,\"c\":1,\"sender\":1,\"d\":1,"
         "\"sender\":1,\"e\":1}")};
    struct envelope envelope;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_int_equal(envelope_parse(bytes_of(BAD[i]), &envelope), BB_MALFORMED);
}

static void test_plain_subscribers(void **state)
{
    (void)state;
    struct envelope envelope;
    struct envelope_text text;
    char out[512];
    assert_int_equal(
        envelope_parse(bytes_of("{\"x\":1,\"message\":{\"a\":1},\"headers\":{\"h\":2}}"), &envelope), BB_OK);
    assert_true(envelope_is_strict(&envelope));
    envelope_for_sub(&envelope, bytes_of("me"), bytes_of("7"), &text);
    join(&text, out);
    assert_string_equal(out, "{\"sender\":\"me\",\"headers\":{\"h\":2},\"message\":{\"a\":1},\"seq\":7}");
    assert_int_equal(envelope_parse(bytes_of("{\"message\":NaN}"), &envelope), BB_OK);
    assert_false(envelope_is_strict(&envelope));
    assert_int_equal(envelope_parse(bytes_of("{\"message\":\"\xe9\"}"), &envelope), BB_OK);
    assert_false(envelope_is_strict(&envelope));
}

static void assert_strict(const char *in, const char *expected)
{
    uint8_t out[256];
    struct writer w = writer_at(out, sizeof out - 1);
    envelope_make_strict(bytes_of(in), &w);
    assert_true(w.ok);
    out[w.size] = '\0';
    assert_string_equal((char *)out, expected);
}

static void test_strict(void **state)
{
    (void)state;
    assert_strict("[NaN,-Infinity,Infinity,-1,\"NaN\",\"a\\\"NaN\"]",
                  "[null,null,null,-1,\"NaN\",\"a\\\"NaN\"]");
    assert_strict("\"\xe9\"", "\"\\u00e9\"");
    assert_strict("\"\xc3\xa9\"", "\"\xc3\xa9\"");
    assert_strict("\"\xed\xa0\x80\"", "\"\\u00ed\\u00a0\\u0080\"");
    assert_strict("\"\xc0\xaf\"", "\"\\u00c0\\u00af\"");
    assert_strict("{\"a\":NaN}", "{\"a\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sender_is_the_routers), cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_plain_subscribers), cmocka_unit_test(test_strict)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
