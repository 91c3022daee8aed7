/* COBS and the CRC against published vectors and against each other's definition. */
#include "node-fw/link/cobs.h"
#include "node-fw/link/crc.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <string.h>

static uint64_t seed;

struct vector {
    size_t plain_size, coded_size;
    uint8_t plain[8], coded[8];
};

/* Source: Cheshire and Baker 1999, and the examples that every implementation is held to. */
static const struct vector vectors[] = {
    {0, 1, {0}, {1}},
    {1, 2, {0}, {1, 1}},
    {2, 3, {0, 0}, {1, 1, 1}},
    {3, 4, {0, 0x11, 0}, {1, 2, 0x11, 1}},
    {4, 5, {0x11, 0x22, 0, 0x33}, {3, 0x11, 0x22, 2, 0x33}},
    {4, 5, {0x11, 0x22, 0x33, 0x44}, {5, 0x11, 0x22, 0x33, 0x44}},
    {4, 5, {0x11, 0, 0, 0}, {2, 0x11, 1, 1, 1}},
};

static void test_vectors_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        uint8_t out[16];
        size_t size = cobs_encode((struct bytes){vectors[i].plain, vectors[i].plain_size}, out);
        assert_int_equal(size, vectors[i].coded_size);
        assert_memory_equal(out, vectors[i].coded, size);
        assert_int_equal(cobs_decode(out, size, &size), BB_OK);
        assert_int_equal(size, vectors[i].plain_size);
        assert_memory_equal(out, vectors[i].plain, size);
    }
}

/* Blocks of 254 and 255 bytes without a zero: where the code byte is full. */
static void test_full_blocks(void **state)
{
    (void)state;
    uint8_t plain[256], coded[COBS_MAX(256)];
    for (size_t i = 0; i < sizeof plain; i++)
        plain[i] = (uint8_t)(i + 1);
    assert_int_equal(cobs_encode((struct bytes){plain, 254}, coded), 255);
    assert_int_equal(coded[0], 0xFF);
    assert_int_equal(cobs_encode((struct bytes){plain, 255}, coded), 257);
    assert_int_equal(coded[255], 2);
    assert_int_equal(coded[256], 0xFF);
    assert_int_equal(cobs_encode((struct bytes){plain, 256}, coded), 258); /* ends with a zero */
    size_t size;
    assert_int_equal(cobs_decode(coded, 258, &size), BB_OK);
    assert_int_equal(size, 256);
    assert_memory_equal(coded, plain, 256);
}

static void test_random_blocks_return_without_zeros(void **state)
{
    (void)state;
    for (int round = 0; round < 20000; round++) {
        uint8_t plain[600], coded[COBS_MAX(600)];
        size_t size = seed_below(&seed, sizeof plain + 1), decoded;
        for (size_t i = 0; i < size; i++)
            plain[i] = seed_below(&seed, 4) ? (uint8_t)seed_below(&seed, 256) : 0;
        size_t coded_size = cobs_encode((struct bytes){plain, size}, coded);
        assert_true(coded_size <= COBS_MAX(size));
        assert_null(memchr(coded, 0, coded_size));
        assert_int_equal(cobs_decode(coded, coded_size, &decoded), BB_OK);
        assert_int_equal(decoded, size);
        assert_memory_equal(coded, plain, size);
    }
}

static void test_malformed_is_refused(void **state)
{
    (void)state;
    size_t size = 77;
    uint8_t cut[] = {3, 1}, zero[] = {3, 0, 1}, code[] = {0}, late[] = {2, 1, 5, 1};
    assert_int_equal(cobs_decode(cut, sizeof cut, &size), BB_MALFORMED);
    assert_int_equal(cobs_decode(zero, sizeof zero, &size), BB_MALFORMED);
    assert_int_equal(cobs_decode(code, sizeof code, &size), BB_MALFORMED);
    assert_int_equal(cobs_decode(late, sizeof late, &size), BB_MALFORMED);
    assert_int_equal(cobs_decode(code, 0, &size), BB_MALFORMED);
    assert_int_equal(size, 77);
}

static uint16_t bit_by_bit(const uint8_t *data, size_t size)
{
    uint16_t crc = 0xFFFF;
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit++) {
            int feedback = (crc ^ data[i] >> bit) & 1;
            crc = (uint16_t)(crc >> 1 ^ (feedback ? 0x8408 : 0));
        }
    return (uint16_t)~crc;
}

static void test_crc_of_the_whole(void **state)
{
    (void)state;
    struct bytes all = bytes_of("123456789");
    assert_int_equal(crc_32(0, all), 0xCBF43926);
    assert_int_equal(crc_32(0, bytes_of("")), 0);
    for (size_t cut = 0; cut <= all.size; cut++) {
        uint32_t first = crc_32(0, (struct bytes){all.data, cut});
        assert_int_equal(crc_32(first, (struct bytes){all.data + cut, all.size - cut}), 0xCBF43926);
    }
    uint8_t bytes[256];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    assert_int_equal(crc_32(0, (struct bytes){bytes, sizeof bytes}), 0x29058c73); /* as zlib has it */
}

static void test_crc(void **state)
{
    (void)state;
    assert_int_equal(crc_x25(bytes_of("123456789")), 0x906E);
    assert_int_equal(crc_x25(bytes_of("")), 0x0000);
    for (int round = 0; round < 2000; round++) {
        uint8_t data[64];
        size_t size = seed_below(&seed, sizeof data + 1);
        for (size_t i = 0; i < size; i++)
            data[i] = (uint8_t)seed_next(&seed);
        assert_int_equal(crc_x25((struct bytes){data, size}), bit_by_bit(data, size));
    }
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors_both_ways),
        cmocka_unit_test(test_full_blocks),
        cmocka_unit_test(test_random_blocks_return_without_zeros),
        cmocka_unit_test(test_malformed_is_refused),
        cmocka_unit_test(test_crc),
        cmocka_unit_test(test_crc_of_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
