/* Strict JSON: every kind of member, every boundary, every wrong form with its place. */
#include "ledger/fields.h"
#include "ledger/json_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const any[] = {"a", "b", NULL};
static struct bb_reason reason;

/* The object of a text; its members may be a and b. */
static struct fields open_text(const char *text, json_t **root_out)
{
    reason.text[0] = '\0';
    assert_int_equal(fields_parse(bytes_of(text), "x", &reason, root_out), BB_OK);
    return fields_of(*root_out, "x", any, &reason);
}

static void integers_at_their_bounds(void **state)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"{\"a\":\"0\"}", 0},
                {"{\"a\":0}", 0},
                {"{\"a\":\"-1\"}", -1},
                {"{\"a\":9007199254740992}", INT64_C(1) << 53},
                {"{\"a\":-9007199254740992}", -(INT64_C(1) << 53)},
                {"{\"a\":\"9223372036854775807\"}", INT64_MAX},
                {"{\"a\":\"-9223372036854775808\"}", INT64_MIN}};
    static const char *const bad[] = {"{\"a\":\"9223372036854775808\"}",
                                      "{\"a\":\"-9223372036854775809\"}",
                                      "{\"a\":9007199254740993}",
                                      "{\"a\":1.0}",
                                      "{\"a\":1e3}",
                                      "{\"a\":\"1.0\"}",
                                      "{\"a\":\"1e3\"}",
                                      "{\"a\":\"-0\"}",
                                      "{\"a\":\"+1\"}",
                                      "{\"a\":\"01\"}",
                                      "{\"a\":\" 1\"}",
                                      "{\"a\":\"1 \"}",
                                      "{\"a\":\"\"}",
                                      "{\"a\":\"-\"}",
                                      "{\"a\":\"0x10\"}",
                                      "{\"a\":true}",
                                      "{\"a\":null}",
                                      "{\"a\":[1]}",
                                      "{\"b\":1}",
                                      "{\"a\":\"99999999999999999999999\"}"};
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        json_t *root = NULL;
        struct fields f = open_text(good[i].text, &root);
        assert_int_equal(fields_int(&f, "a"), good[i].value);
        assert_true(f.ok);
        json_decref(root);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *root = NULL;
        struct fields f = open_text(bad[i], &root);
        assert_int_equal(fields_int(&f, "a"), 0);
        assert_false(f.ok);
        assert_memory_equal(reason.text, "x.a: ", 5);
        json_decref(root);
    }
}

static void unsigned_integers_at_their_bounds(void **state)
{
    json_t *root = NULL;
    (void)state;
    struct fields f = open_text("{\"a\":\"18446744073709551615\",\"b\":255}", &root);
    assert_true(fields_uint(&f, "a", UINT64_MAX) == UINT64_MAX);
    assert_int_equal(fields_uint(&f, "b", 255), 255);
    assert_true(f.ok);
    assert_int_equal(fields_uint(&f, "b", 254), 0);
    assert_string_equal(reason.text, "x.b: expected 0 to 254");
    assert_int_equal(fields_uint(&f, "b", 255), 0); /* sticky */
    json_decref(root);
    f = open_text("{\"a\":\"18446744073709551616\",\"b\":-1}", &root);
    assert_int_equal(fields_uint(&f, "a", UINT64_MAX), 0);
    assert_false(f.ok);
    f = fields_of(root, "x", any, &reason);
    assert_int_equal(fields_uint(&f, "b", UINT64_MAX), 0);
    assert_false(f.ok);
    json_decref(root);
}

static void texts_that_are_no_json_of_ours(void **state)
{
    static const char *const bad[] = {"",
                                      "{",
                                      "{\"a\":-0}",
                                      "[-0]",
                                      "-0",
                                      "{\"a\":1,\"a\":1}",
                                      "{\"a\":99999999999999999999}",
                                      "{\"a\":1}x",
                                      "{\"a\":\"\xff\"}",
                                      "{\"a\":\"\\u0000\"}",
                                      "NaN"};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *root = NULL;
        assert_int_equal(fields_parse(bytes_of(bad[i]), "x", &reason, &root), BB_MALFORMED);
        assert_memory_equal(reason.text, "x: ", 3);
        assert_null(root);
    }
    json_t *root = NULL;
    assert_int_equal(fields_parse(bytes_of("[\"-0\",\"\\\"-0\",-0.5]"), "x", &reason, &root), BB_OK);
    json_decref(root);
    assert_int_equal(fields_parse((struct bytes){(const uint8_t *)"1\0 ", 3}, "x", &reason, &root),
                     BB_MALFORMED);
}

static void members_that_nobody_knows(void **state)
{
    json_t *root = NULL;
    (void)state;
    struct fields f = open_text("{\"a\":1,\"c\":2}", &root);
    assert_false(f.ok);
    assert_string_equal(reason.text, "x.c: unknown member");
    json_decref(root);
    f = open_text("[1]", &root);
    assert_false(f.ok);
    assert_string_equal(reason.text, "x: expected an object");
    json_decref(root);
}

static void texts_addresses_hex_words_and_lists(void **state)
{
    static const char *const words[] = {"none", "limit", NULL};
    json_t *root = NULL;
    uint8_t two[2];
    (void)state;
    struct fields f = open_text("{\"a\":\"limit\",\"b\":[1,2]}", &root);
    assert_int_equal(fields_word(&f, "a", words), 1);
    assert_non_null(fields_list(&f, "b", 2));
    assert_string_equal(fields_text(&f, "a", 5), "limit");
    assert_true(f.ok);
    assert_null(fields_list(&f, "b", 1));
    assert_string_equal(reason.text, "x.b: expected a list of at most 1");
    f = fields_of(root, "x", any, &reason);
    assert_string_equal(fields_text(&f, "a", 4), "");
    f = fields_of(root, "x", any, &reason);
    assert_null(fields_object(&f, "b"));
    json_decref(root);
    f = open_text("{\"a\":\"0x0a0B\",\"b\":\"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\"}", &root);
    fields_hex(&f, "a", two, 2);
    assert_int_equal(two[0] << 8 | two[1], 0x0a0b);
    assert_int_equal(fields_address(&f, "b").bytes[0], 0x5a);
    assert_true(f.ok);
    fields_hex(&f, "a", two, 1);
    assert_false(f.ok);
    json_decref(root);
    f = open_text("{\"a\":\"penalty\",\"b\":\"0x5AAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\"}", &root);
    fields_address(&f, "b"); /* one letter's case: the checksum is wrong */
    assert_false(f.ok);
    f = fields_of(root, "x", any, &reason);
    fields_word(&f, "a", words);
    assert_string_equal(reason.text, "x.a: expected one of \"none\", \"limit\"");
    json_decref(root);
}

static void written_values_read_back(void **state)
{
    struct json_writer w = {0};
    (void)state;
    json_writer_open(&w, NULL, '{');
    json_writer_int(&w, "i", INT64_MIN);
    json_writer_uint(&w, "u", UINT64_MAX);
    json_writer_number(&w, "n", -7);
    json_writer_bool(&w, "t", true);
    json_writer_open(&w, "l", '[');
    json_writer_word(&w, NULL, "q\"\\\n\x7f\xc3\xa9");
    json_writer_text(&w, NULL,
                     "ab\xff"
                     "cd",
                     5);
    json_writer_hex(&w, NULL, (struct bytes){(const uint8_t *)"\x01\xff", 2});
    json_writer_close(&w, ']');
    json_writer_raw(&w, "r", "[]", 2);
    json_writer_amount(&w, "a", 105892, 4, "cent");
    json_writer_amount(&w, "b", -12500, 3, "kWh");
    json_writer_amount(&w, "c", 0, 7, "cent");
    json_writer_amount(&w, "d", INT64_MIN, 3, "x");
    json_writer_amount(&w, "e", 1000, 3, "kWh");
    json_writer_amount(&w, "f", 1, 7, "cent");
    json_writer_close(&w, '}');
    assert_string_equal(
        w.text,
        "{\"i\":\"-9223372036854775808\",\"u\":\"18446744073709551615\",\"n\":-7,\"t\":true,"
        "\"l\":[\"q\\\"\\\\\\u000a\\u007f\xc3\xa9\",\"ab\",\"0x01ff\"],\"r\":[],\"a\":\"10.5892 cent\","
        "\"b\":\"-12.5 kWh\",\"c\":\"0 cent\",\"d\":\"-9223372036854775.808 x\",\"e\":\"1 kWh\","
        "\"f\":\"0.0000001 cent\"}");
    json_t *root = json_loads(w.text, 0, NULL);
    assert_non_null(root);
    json_decref(root);
    free(w.text);
}

/* Telemetry has numbers, but none that a double cannot hold. */
static void numbers_for_telemetry(void **state)
{
    struct json_writer w = {.numbers = true};
    (void)state;
    json_writer_open(&w, NULL, '[');
    json_writer_int(&w, NULL, -(INT64_C(1) << 53));
    json_writer_int(&w, NULL, (INT64_C(1) << 53) + 1);
    json_writer_uint(&w, NULL, 3);
    json_writer_close(&w, ']');
    assert_string_equal(w.text, "[-9007199254740992,\"9007199254740993\",3]");
    free(w.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_at_their_bounds),
        cmocka_unit_test(unsigned_integers_at_their_bounds),
        cmocka_unit_test(texts_that_are_no_json_of_ours),
        cmocka_unit_test(members_that_nobody_knows),
        cmocka_unit_test(texts_addresses_hex_words_and_lists),
        cmocka_unit_test(written_values_read_back),
        cmocka_unit_test(numbers_for_telemetry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
