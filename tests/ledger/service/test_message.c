/* Transactions as JSON: what a wallet signs becomes the same bytes and comes back as it was. */
#include "ledger/message.h"

#include "ledger/crypto/hex.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WHO     "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"
#define SIGNED  ",\"signature\":\"0x" TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "\"}"
#define TEN     "1122334455"
#define SELL(m) "{\"type\":\"SellOrder\",\"message\":{" m "}" SIGNED
#define ACTOR   "\"seller\":\"" WHO "\",\"nonce\":\"7\",\"deadline\":\"0\""
#define REST    ",\"intervalStart\":\"0\",\"priceMicroPerKWh\":\"98200\",\"expires\":\"0\""

static struct bb_reason reason;

static enum status read_text(const char *text, uint8_t *bytes, size_t *size)
{
    reason.text[0] = '\0';
    return message_read(bytes_of(text), "transactions[3]", bytes, size, &reason);
}

static char *as_json(const uint8_t *bytes, size_t size)
{
    struct transaction transaction;
    struct json_writer w = {0};
    assert_int_equal(transaction_decode((struct bytes){bytes, size}, &transaction), BB_OK);
    json_writer_open(&w, NULL, '{');
    message_write(&w, &transaction);
    json_writer_close(&w, '}');
    return w.text;
}

static void a_message_comes_back_as_it_was(void **state)
{
    static const char *const texts[] = {
        SELL(ACTOR ",\"intervalStart\":\"18446744073709551615\",\"energyWh\":\"-9223372036854775808\","
                   "\"priceMicroPerKWh\":\"9223372036854775807\",\"expires\":\"1\""),
        "{\"type\":\"Admit\",\"message\":{\"operator\":\"" WHO "\",\"nonce\":\"0\",\"deadline\":\"9\","
        "\"participant\":\"" WHO "\",\"name\":\"p\xc3\xa9\\\"1\",\"role\":\"3\"}" SIGNED,
        "{\"type\":\"Correction\",\"message\":{\"operator\":\"" WHO "\",\"nonce\":\"0\",\"deadline\":\"0\","
        "\"transaction\":\"0x" TEN TEN TEN TEN TEN TEN "aabb\",\"from\":\"" WHO "\",\"to\":\"" WHO
        "\",\"amountNano\":\"-1\",\"energyWh\":\"0\",\"reason\":\"\"}" SIGNED};
    uint8_t bytes[TRANSACTION_BYTES_MAX], again[TRANSACTION_BYTES_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t size = 0, size_again = 0;
        enum status status = read_text(texts[i], bytes, &size);
        assert_string_equal(reason.text, "");
        assert_int_equal(status, BB_OK);
        char *text = as_json(bytes, size);
        assert_string_equal(text, texts[i]);
        free(text);
        char hex[2 * TRANSACTION_BYTES_MAX + 8] = " \"";
        hex_format((struct bytes){bytes, size}, hex + 2);
        strncat(hex, "\"\n", 3);
        assert_int_equal(read_text(hex, again, &size_again), BB_OK);
        assert_int_equal(size_again, size);
        assert_memory_equal(again, bytes, size);
    }
}

static void numbers_may_be_json_numbers(void **state)
{
    uint8_t bytes[TRANSACTION_BYTES_MAX], other[TRANSACTION_BYTES_MAX];
    size_t size = 0, other_size = 0;
    (void)state;
    assert_int_equal(read_text(SELL(ACTOR REST ",\"energyWh\":6000"), bytes, &size), BB_OK);
    assert_int_equal(read_text(SELL(ACTOR ",\"energyWh\":\"6000\"" REST), other, &other_size), BB_OK);
    assert_int_equal(size, other_size);
    assert_memory_equal(bytes, other, size);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *text, *place;
    } bad[] = {
        {SELL(ACTOR REST), "transactions[3].message.energyWh: is missing"},
        {SELL(ACTOR REST ",\"energyWh\":1.5"), "transactions[3].message.energyWh: a number with a point"},
        {SELL(ACTOR REST ",\"energyWh\":-0"), "transactions[3]: -0"},
        {SELL(ACTOR REST ",\"energyWh\":9007199254740993"),
         "transactions[3].message.energyWh: an integer beyond"},
        {SELL(ACTOR REST ",\"energyWh\":99999999999999999999"), "transactions[3]: line 1"},
        {SELL(ACTOR REST ",\"energyWh\":\"1\",\"energyWh\":\"2\""), "transactions[3]: line 1"},
        {SELL(ACTOR REST ",\"energyWh\":\"1\",\"energy\":\"2\""), "transactions[3].message.energy: unknown"},
        {SELL("\"seller\":\"0x12\",\"nonce\":\"7\",\"deadline\":\"0\"" REST ",\"energyWh\":\"1\""),
         "transactions[3].message.seller: expected an address"},
        {"{\"type\":\"Sell\",\"message\":{}" SIGNED, "transactions[3].type: there is no such type"},
        {"{\"type\":\"SellOrder\",\"message\":[]" SIGNED, "transactions[3].message: expected an object"},
        {"{\"type\":\"SellOrder\",\"message\":{" ACTOR REST ",\"energyWh\":1},\"signature\":\"0x12\"}",
         "transactions[3].signature: expected 0x and 130"},
        {"{\"type\":\"SellOrder\",\"message\":{" ACTOR REST ",\"energyWh\":1}}",
         "transactions[3].signature: is missing"},
        {"{\"type\":\"SellOrder\",\"extra\":1}", "transactions[3].extra: unknown member"},
        {"7", "transactions[3]: expected an object"},
        {"", "transactions[3]: no JSON"},
        {"\"0x123\"", "transactions[3]: expected 0x"},
        {"\"0x12\\u0033\"", "transactions[3]: expected 0x"},
        {"\"12\"", "transactions[3]: expected 0x"},
        {"\"", "transactions[3]: expected 0x"},
        {"\"0x", "transactions[3]: "},
    };
    uint8_t bytes[TRANSACTION_BYTES_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t size = 77;
        assert_int_equal(read_text(bad[i].text, bytes, &size), BB_MALFORMED);
        print_message("%s\n", reason.text);
        assert_memory_equal(reason.text, bad[i].place, strlen(bad[i].place));
        assert_int_equal(size, 77);
    }
}

static void too_long_is_refused(void **state)
{
    uint8_t bytes[TRANSACTION_BYTES_MAX];
    static char text[2 * TRANSACTION_BYTES_MAX + 8];
    size_t size = 0;
    (void)state;
    memset(text, '0', sizeof text);
    memcpy(text, "\"0x", 3);
    text[2 * TRANSACTION_BYTES_MAX + 3] = '"';
    text[2 * TRANSACTION_BYTES_MAX + 4] = '\0';
    assert_int_equal(read_text(text, bytes, &size), BB_OK);
    assert_int_equal(size, TRANSACTION_BYTES_MAX);
    memcpy(text + 2 * TRANSACTION_BYTES_MAX + 3, "00\"", 4);
    assert_int_equal(read_text(text, bytes, &size), BB_MALFORMED);
    assert_non_null(strstr(reason.text, "too long"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_comes_back_as_it_was),
        cmocka_unit_test(numbers_may_be_json_numbers),
        cmocka_unit_test(what_is_wrong_is_named),
        cmocka_unit_test(too_long_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
