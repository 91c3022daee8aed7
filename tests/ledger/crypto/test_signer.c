/* Signatures: who signed, the exact bytes that other wallets give, and every way to spoil 65 bytes. */
#include "ledger/crypto/hash.h"
#include "ledger/crypto/hex.h"
#include "ledger/crypto/secret.h"
#include "ledger/crypto/signer.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

static uint64_t seed;
static struct signer *signer;

/* The group's order, big-endian. */
static const uint8_t ORDER[32] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                  0xff, 0xff, 0xff, 0xff, 0xfe, 0xba, 0xae, 0xdc, 0xe6, 0xaf, 0x48,
                                  0xa0, 0x3b, 0xbf, 0xd2, 0x5e, 0x8c, 0xd0, 0x36, 0x41, 0x41};

static void any_bytes(uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)seed_next(&seed);
}

/* out := a − b modulo 2^256. */
static void subtract(const uint8_t a[32], const uint8_t b[32], uint8_t out[32])
{
    int borrow = 0;
    for (int i = 31; i >= 0; i--) {
        int digit = a[i] - b[i] - borrow;
        borrow = digit < 0;
        out[i] = (uint8_t)(digit + (borrow ? 256 : 0));
    }
}

static struct secret a_key(void)
{
    struct secret secret;
    do
        any_bytes(secret.bytes, sizeof secret.bytes);
    while (!secret_valid(signer, &secret));
    return secret;
}

static void known_keys_have_their_addresses(void **state)
{
    (void)state;
    /* The key 1; the first account of the mnemonic "test test … junk"; the key of shared test data. */
    static const char *const KNOWN[][2] = {
        {"0x0000000000000000000000000000000000000000000000000000000000000001",
         "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"},
        {"0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80",
         "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"},
        {"0x1111111111111111111111111111111111111111111111111111111111111142",
         "0x718fae2e5c6ba915a210b7f6e85246db915b9c03"},
    };
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        struct secret secret;
        char text[43];
        assert_int_equal(hex_parse(KNOWN[i][0], secret.bytes, 32), BB_OK);
        struct address address = signer_address(signer, &secret);
        hex_format((struct bytes){address.bytes, 20}, text);
        assert_string_equal(text, KNOWN[i][1]);
    }
}

static void any_key_signs_and_is_recovered(void **state)
{
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct secret secret = a_key();
        struct hash digest;
        any_bytes(digest.bytes, sizeof digest.bytes);
        uint8_t signature[SIGNATURE_SIZE], again[SIGNATURE_SIZE];
        signer_sign(signer, &secret, &digest, signature);
        signer_sign(signer, &secret, &digest, again);
        assert_memory_equal(signature, again, sizeof signature);

        struct address mine = signer_address(signer, &secret), found = {{0}};
        assert_int_equal(signer_recover(signer, &digest, signature, &found), SIGNATURE_GOOD);
        assert_true(address_equal(&mine, &found));

        digest.bytes[seed_below(&seed, 32)] ^= (uint8_t)(1u << seed_below(&seed, 8));
        if (signer_recover(signer, &digest, signature, &found) == SIGNATURE_GOOD)
            assert_false(address_equal(&mine, &found));
    }
}

/* n − s with the other v is a signature of the same key over the same digest: the twin. */
static void the_twin_is_refused(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct secret secret = a_key();
        struct hash digest;
        any_bytes(digest.bytes, sizeof digest.bytes);
        uint8_t signature[SIGNATURE_SIZE], twin[SIGNATURE_SIZE];
        signer_sign(signer, &secret, &digest, signature);
        memcpy(twin, signature, sizeof twin);
        subtract(ORDER, signature + 32, twin + 32);
        twin[64] = signature[64] == 27 ? 28 : 27;

        struct address untouched = {{9}}, before = untouched;
        assert_int_equal(signer_recover(signer, &digest, twin, &untouched), SIGNATURE_HIGH_S);
        assert_true(address_equal(&untouched, &before));
        twin[64] = signature[64];
        assert_int_equal(signer_recover(signer, &digest, twin, &untouched), SIGNATURE_HIGH_S);
    }
}

/* s at exactly half the order is the last that passes; one more is the first that does not. */
static void the_border_of_s(void **state)
{
    (void)state;
    struct secret secret = a_key();
    struct hash digest;
    any_bytes(digest.bytes, sizeof digest.bytes);
    uint8_t signature[SIGNATURE_SIZE];
    signer_sign(signer, &secret, &digest, signature);
    assert_int_equal(
        hex_parse("0x7fffffffffffffffffffffffffffffff5d576e7357a4501ddfe92f46681b20a0", signature + 32, 32),
        BB_OK);
    struct address address;
    assert_int_equal(signer_recover(signer, &digest, signature, &address), SIGNATURE_GOOD);
    signature[63]++;
    assert_int_equal(signer_recover(signer, &digest, signature, &address), SIGNATURE_HIGH_S);
}

static void only_27_and_28_are_v(void **state)
{
    (void)state;
    struct secret secret = a_key();
    struct hash digest;
    any_bytes(digest.bytes, sizeof digest.bytes);
    uint8_t signature[SIGNATURE_SIZE];
    signer_sign(signer, &secret, &digest, signature);
    struct address mine = signer_address(signer, &secret), found = {{0}};
    for (unsigned v = 0; v < 256; v++) {
        uint8_t spoilt[SIGNATURE_SIZE];
        memcpy(spoilt, signature, sizeof spoilt);
        spoilt[64] = (uint8_t)v;
        enum signature_fault fault = signer_recover(signer, &digest, spoilt, &found);
        if (v != 27 && v != 28)
            assert_int_equal(fault, SIGNATURE_BAD_V);
        else if (fault == SIGNATURE_GOOD)
            assert_int_equal(address_equal(&mine, &found), v == signature[64]);
    }
}

static void r_and_s_stay_in_the_group(void **state)
{
    (void)state;
    struct secret secret = a_key();
    struct hash digest;
    any_bytes(digest.bytes, sizeof digest.bytes);
    uint8_t signature[SIGNATURE_SIZE];
    signer_sign(signer, &secret, &digest, signature);
    uint8_t bad[3][32] = {{0}};
    memcpy(bad[1], ORDER, 32);
    memset(bad[2], 0xff, 32);
    for (size_t place = 0; place <= 32; place += 32)
        for (size_t i = 0; i < 3; i++) {
            uint8_t spoilt[SIGNATURE_SIZE];
            struct address untouched = {{9}}, before = untouched;
            memcpy(spoilt, signature, sizeof spoilt);
            memcpy(spoilt + place, bad[i], 32);
            assert_int_equal(signer_recover(signer, &digest, spoilt, &untouched), SIGNATURE_BAD_RANGE);
            assert_true(address_equal(&untouched, &before));
        }
    /* x = 5 is on no point of the curve, so that no key fits. */
    memset(signature, 0, 32);
    signature[31] = 5;
    struct address untouched = {{9}};
    assert_int_equal(signer_recover(signer, &digest, signature, &untouched), SIGNATURE_BAD_RANGE);
    assert_int_equal(untouched.bytes[0], 9);
}

/* Any one bit of a signature: refused, or somebody else's. */
static void no_bit_can_change(void **state)
{
    (void)state;
    struct secret secret = a_key();
    struct hash digest;
    any_bytes(digest.bytes, sizeof digest.bytes);
    uint8_t signature[SIGNATURE_SIZE];
    signer_sign(signer, &secret, &digest, signature);
    struct address mine = signer_address(signer, &secret), found;
    for (unsigned bit = 0; bit < 8 * SIGNATURE_SIZE; bit++) {
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (signer_recover(signer, &digest, signature, &found) == SIGNATURE_GOOD)
            assert_false(address_equal(&mine, &found));
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void noise_is_safe(void **state)
{
    (void)state;
    unsigned good = 0;
    for (int round = 0; round < 500; round++) {
        uint8_t noise[SIGNATURE_SIZE];
        struct hash digest;
        struct address address;
        any_bytes(noise, sizeof noise);
        any_bytes(digest.bytes, sizeof digest.bytes);
        noise[64] = (uint8_t)(27 + round % 2);
        good += signer_recover(signer, &digest, noise, &address) == SIGNATURE_GOOD;
    }
    /* Half the r are on the curve, half the s are low. */
    assert_in_range(good, 70, 190);
}

static void secrets_are_in_their_range(void **state)
{
    (void)state;
    struct secret secret = {{0}}, other;
    assert_false(secret_valid(signer, &secret));
    secret.bytes[31] = 1;
    assert_true(secret_valid(signer, &secret));
    memcpy(secret.bytes, ORDER, 32);
    assert_false(secret_valid(signer, &secret));
    secret.bytes[31]--;
    assert_true(secret_valid(signer, &secret));
    memset(secret.bytes, 0xff, 32);
    assert_false(secret_valid(signer, &secret));

    assert_int_equal(secret_new(signer, &secret), BB_OK);
    assert_int_equal(secret_new(signer, &other), BB_OK);
    assert_true(secret_valid(signer, &secret));
    assert_memory_not_equal(secret.bytes, other.bytes, 32);
    secret_wipe(&secret);
    static const uint8_t ZERO[32];
    assert_memory_equal(secret.bytes, ZERO, 32);
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    if (signer_open(&signer) != BB_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_keys_have_their_addresses),
        cmocka_unit_test(any_key_signs_and_is_recovered),
        cmocka_unit_test(the_twin_is_refused),
        cmocka_unit_test(the_border_of_s),
        cmocka_unit_test(only_27_and_28_are_v),
        cmocka_unit_test(r_and_s_stay_in_the_group),
        cmocka_unit_test(no_bit_can_change),
        cmocka_unit_test(noise_is_safe),
        cmocka_unit_test(secrets_are_in_their_range),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    signer_close(signer);
    return failed;
}
