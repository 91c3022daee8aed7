/* Addresses with their checksum, and hexadecimal texts. Source: EIP-55. */
#include "ledger/crypto/address.h"
#include "ledger/crypto/hex.h"
#include "tests/link/cm.h"

#include <ctype.h>
#include <stdio.h>

static const char *const EIP55[] = {
    "0x52908400098527886E0F7030069857D2E4169EE7", "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77", "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB", "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
};

static void the_vectors_of_the_eip_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof EIP55 / sizeof *EIP55; i++) {
        struct address address;
        char text[ADDRESS_TEXT];
        assert_int_equal(address_parse(EIP55[i], &address), BB_OK);
        address_format(&address, text);
        assert_string_equal(text, EIP55[i]);
    }
}

static void one_case_needs_no_checksum(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof EIP55 / sizeof *EIP55; i++) {
        struct address address, other;
        char text[ADDRESS_TEXT];
        assert_int_equal(address_parse(EIP55[i], &address), BB_OK);
        snprintf(text, sizeof text, "%s", EIP55[i]);
        for (char *at = text + 2; *at; at++)
            *at = (char)tolower(*at);
        assert_int_equal(address_parse(text, &other), BB_OK);
        assert_true(address_equal(&address, &other));
        for (char *at = text + 2; *at; at++)
            *at = (char)toupper(*at);
        assert_int_equal(address_parse(text, &other), BB_OK);
        assert_true(address_equal(&address, &other));
    }
}

/* The case of any one letter flipped: the checksum says so, and the output is untouched. */
static void any_wrong_case_is_refused(void **state)
{
    (void)state;
    for (size_t i = 4; i < sizeof EIP55 / sizeof *EIP55; i++)
        for (size_t at = 2; at < 42; at++) {
            struct address address = {{1, 2, 3}}, before = address;
            char text[ADDRESS_TEXT];
            snprintf(text, sizeof text, "%s", EIP55[i]);
            if (!isalpha((unsigned char)text[at]))
                continue;
            text[at] ^= 'a' ^ 'A';
            assert_int_equal(address_parse(text, &address), BB_MALFORMED);
            assert_true(address_equal(&address, &before));
        }
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {
        "",
        "0",
        "0x",
        "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0X5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaedd",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed00",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaeg",
        " 0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed ",
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1bea\xc3\xa9",
    };
    struct address address;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_int_equal(address_parse(BAD[i], &address), BB_MALFORMED);
}

static void hex_goes_both_ways(void **state)
{
    (void)state;
    uint8_t bytes[256], back[256];
    char text[2 * 256 + 3];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    for (size_t size = 0; size <= sizeof bytes; size++) {
        size_t found = 999;
        hex_format((struct bytes){bytes, size}, text);
        assert_int_equal(strlen(text), 2 + 2 * size);
        assert_int_equal(hex_parse(text, back, size), BB_OK);
        assert_memory_equal(bytes, back, size);
        assert_int_equal(hex_parse_some(text, back, size, &found), BB_OK);
        assert_int_equal(found, size);
        if (size > 0) {
            assert_int_equal(hex_parse_some(text, back, size - 1, &found), BB_FULL);
            assert_int_equal(hex_parse(text, back, size - 1), BB_MALFORMED);
        }
    }
    assert_int_equal(hex_parse("0xDeadBEEF", back, 4), BB_OK);
    assert_memory_equal(back, "\xde\xad\xbe\xef", 4);
}

static void what_is_no_hex_is_refused(void **state)
{
    (void)state;
    static const char *const BAD[] = {"",     "0",    "x",    "00",    "0x0",  "0x000",
                                      "0x0g", "0xg0", "0x 0", "0x00 ", "0x/0", "0x:0"};
    uint8_t bytes[8];
    size_t size = 77;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        assert_int_equal(hex_parse_some(BAD[i], bytes, sizeof bytes, &size), BB_MALFORMED);
        assert_int_equal(hex_parse(BAD[i], bytes, 1), BB_MALFORMED);
    }
    assert_int_equal(size, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_eip_hold), cmocka_unit_test(one_case_needs_no_checksum),
        cmocka_unit_test(any_wrong_case_is_refused),   cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(hex_goes_both_ways),          cmocka_unit_test(what_is_no_hex_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
