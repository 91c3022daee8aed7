#include "bus/client/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static void the_published_vectors_hold(void **state)
{
    (void)state;
    /* RFC 4648 §10 */
    static const char *const vectors[][2] = {{"", ""},
                                             {"f", "Zg=="},
                                             {"fo", "Zm8="},
                                             {"foo", "Zm9v"},
                                             {"foob", "Zm9vYg=="},
                                             {"fooba", "Zm9vYmE="},
                                             {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        char text[16];
        uint8_t back[8];
        size_t size = 99;
        base64_encode(bytes_of(vectors[i][0]), text);
        assert_string_equal(text, vectors[i][1]);
        assert_int_equal(base64_decode(text, strlen(text), back, sizeof back, &size), BB_OK);
        assert_true(bytes_equal((struct bytes){back, size}, bytes_of(vectors[i][0])));
    }
}

static void what_is_encoded_decodes_again(void **state)
{
    (void)state;
    const char *given = getenv("BUSBAR_SEED");
    unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("BUSBAR_SEED=%u\n", seed);
    for (int round = 0; round < 2000; round++) {
        uint8_t bytes[240], back[240];
        char text[BASE64_SIZE(240)];
        size_t count = (seed = seed * 1103515245u + 12345u) >> 16 & 0xff, size = 0;
        count = count > 240 ? 240 : count;
        for (size_t i = 0; i < count; i++)
            bytes[i] = (uint8_t)((seed = seed * 1103515245u + 12345u) >> 16);
        (round % 2 ? base64_encode : base64_encode_url)((struct bytes){bytes, count}, text);
        assert_true(strlen(text) < BASE64_SIZE(count));
        assert_int_equal(base64_decode(text, strlen(text), back, count, &size), BB_OK);
        assert_int_equal(size, count);
        assert_memory_equal(bytes, back, count);
        if (count > 0)
            assert_int_equal(base64_decode(text, strlen(text), back, count - 1, &size), BB_FULL);
    }
}

static void malformed_texts_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "A", "AAAAA", "A=", "====", "Zh==", "Zm9=", "Zm 9v", "Zm9v\n", "Z===", "=AAA"};
    uint8_t out[16];
    size_t size;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(base64_decode(bad[i], strlen(bad[i]), out, sizeof out, &size), BB_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_vectors_hold),
        cmocka_unit_test(what_is_encoded_decodes_again),
        cmocka_unit_test(malformed_texts_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
