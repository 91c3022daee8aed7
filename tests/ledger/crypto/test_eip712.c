/* EIP-712: one message that ethers 6 and viem signed, step by step, and words at their borders. */
#include "ledger/crypto/address.h"
#include "ledger/crypto/eip712.h"
#include "ledger/crypto/hash.h"
#include "ledger/crypto/hex.h"
#include "ledger/crypto/signer.h"
#include "tests/link/cm.h"

static void assert_bytes(const void *data, size_t size, const char *hex)
{
    char text[2 * SIGNATURE_SIZE + 3];
    hex_format((struct bytes){data, size}, text);
    assert_string_equal(text, hex);
}

static void read_hex(const char *hex, uint8_t *out, size_t size)
{
    assert_int_equal(hex_parse(hex, out, size), BB_OK);
}

/* The message's words: a negative integer, a string with an accent, a bytes32. */
static struct hash structure_of_the_vector(const struct hash *type)
{
    eip712_word words[9];
    struct address seller;
    read_hex("0x718fae2e5c6ba915a210b7f6e85246db915b9c03", seller.bytes, 20);
    eip712_address(words[0], &seller);
    eip712_uint(words[1], 7);
    eip712_uint(words[2], 1800000000);
    read_hex("0x2639cf05218286c5cedaf7375667192ba61cb9aacd7cf86eb59644ee9c471f94", words[3], 32);
    eip712_uint(words[4], 1795000500);
    eip712_uint(words[5], 900);
    eip712_int(words[6], 12500);
    eip712_int(words[7], -81300);
    eip712_string(words[8], bytes_of("rooftop PV \xc3\xa9"));
    return eip712_struct(type, (const eip712_word *)words, 9);
}

static void ethers_and_viem_give_the_same(void **state)
{
    (void)state;
    struct eip712_domain domain = {.name = "Bit-Energy", .version = "1", .chain_id = 0x539};
    read_hex("0x00000000000000000000000000000000000b17e9", domain.contract.bytes, 20);
    read_hex("0x11f1efd0825aa3c737ce7a3831438f918cc83545afbed69e69fddee7e6fd5811", domain.salt.bytes, 32);
    struct hash separator = eip712_separator(&domain);
    assert_bytes(&separator, 32, "0x5e24243a7ad02d9f1e4bf876ce7d8aec75de447e919d5be4821c6f8e1e1673ee");

    struct hash type = eip712_type(
        "SellOrder(address seller,uint64 nonce,uint64 deadline,bytes32 meter,uint64 intervalStart,"
        "uint32 intervalSeconds,int64 energyWh,int64 priceMicroPerKWh,string memo)");
    assert_bytes(&type, 32, "0x39bfdcfe7a52d2087a47672c416565ed40a3195613a3d06c9a43b900b8373a06");
    struct hash structure = structure_of_the_vector(&type);
    assert_bytes(&structure, 32, "0x71c900bab0a88729b06f970ead5e2315f6d6390d877574c78bdf5a9d7da49c44");
    struct hash digest = eip712_digest(&separator, &structure);
    assert_bytes(&digest, 32, "0x123998c6cb405c06deee157063552e8bd313aeac660a4721c93a68e719d99db2");

    struct signer *signer;
    struct secret secret;
    memset(secret.bytes, 0x11, sizeof secret.bytes);
    secret.bytes[31] = 0x42;
    assert_int_equal(signer_open(&signer), BB_OK);
    uint8_t signature[SIGNATURE_SIZE];
    signer_sign(signer, &secret, &digest, signature);
    assert_bytes(signature, sizeof signature,
                 "0x4da812808dad86fdcbfbb6a8e9e1ef92f59137a7fa6349c38cf76c07772b7b3b"
                 "30e6c711d941cf7f09b51ed26093082ab0ebec0426e29b83cd85dab18dbd87971b");
    struct address address;
    char text[ADDRESS_TEXT];
    assert_int_equal(signer_recover(signer, &digest, signature, &address), SIGNATURE_GOOD);
    address_format(&address, text);
    assert_string_equal(text, "0x718faE2E5c6Ba915a210B7f6e85246dB915b9C03");
    signer_close(signer);
}

/* Mail of the EIP itself: its domain has no salt, so that only type and struct apply. Key: keccak256("cow").
 */
static void the_mail_of_the_eip(void **state)
{
    (void)state;
    struct hash person = eip712_type("Person(string name,address wallet)");
    eip712_word from[2], to[2], mail[3];
    struct address wallet;
    read_hex("0xcd2a3d9f938e13cd947ec05abc7fe734df8dd826", wallet.bytes, 20);
    eip712_string(from[0], bytes_of("Cow"));
    eip712_address(from[1], &wallet);
    memset(wallet.bytes, 0xbb, 20);
    eip712_string(to[0], bytes_of("Bob"));
    eip712_address(to[1], &wallet);
    struct hash a = eip712_struct(&person, (const eip712_word *)from, 2);
    struct hash b = eip712_struct(&person, (const eip712_word *)to, 2);
    memcpy(mail[0], a.bytes, 32);
    memcpy(mail[1], b.bytes, 32);
    eip712_string(mail[2], bytes_of("Hello, Bob!"));
    struct hash type = eip712_type("Mail(Person from,Person to,string contents)"
                                   "Person(string name,address wallet)");
    struct hash structure = eip712_struct(&type, (const eip712_word *)mail, 3), separator;
    assert_bytes(&structure, 32, "0xc52c0ee5d84264471806290a3f2c4cecfc5490626bf912d01f240d7a274b371e");
    read_hex("0xf2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f", separator.bytes, 32);
    struct hash digest = eip712_digest(&separator, &structure);
    assert_bytes(&digest, 32, "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2");
}

static void integers_at_their_borders(void **state)
{
    (void)state;
    static const int64_t SIGNED[] = {0, 1, -1, 255, -256, 81300, -81300, INT64_MAX, INT64_MIN, INT64_MIN + 1};
    static const uint64_t UNSIGNED[] = {0, 1, 255, 256, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX};
    eip712_word word;
    for (size_t i = 0; i < sizeof SIGNED / sizeof *SIGNED; i++) {
        int64_t value = 77;
        eip712_int(word, SIGNED[i]);
        assert_true(eip712_read_int(word, &value));
        assert_true(value == SIGNED[i]);
    }
    for (size_t i = 0; i < sizeof UNSIGNED / sizeof *UNSIGNED; i++) {
        uint64_t value = 77;
        eip712_uint(word, UNSIGNED[i]);
        assert_true(eip712_read_uint(word, &value));
        assert_true(value == UNSIGNED[i]);
    }
    eip712_int(word, INT64_MIN);
    assert_bytes(word, 32, "0xffffffffffffffffffffffffffffffffffffffffffffffff8000000000000000");
    eip712_int(word, -1);
    assert_bytes(word, 32, "0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");
    eip712_int(word, INT64_MAX);
    assert_bytes(word, 32, "0x0000000000000000000000000000000000000000000000007fffffffffffffff");
    eip712_uint(word, UINT64_MAX);
    assert_bytes(word, 32, "0x000000000000000000000000000000000000000000000000ffffffffffffffff");
}

/* A bit outside the type: another word for the same value would be another digest for the same order. */
static void words_have_one_form(void **state)
{
    (void)state;
    static const int64_t VALUES[] = {0, 5, -5, INT64_MAX, INT64_MIN};
    struct address address, found = {{9}};
    memset(address.bytes, 0xab, sizeof address.bytes);
    for (unsigned bit = 0; bit < 256; bit++) {
        eip712_word word;
        int64_t signed_value = 77;
        uint64_t value = 77;
        for (size_t i = 0; i < sizeof VALUES / sizeof *VALUES; i++) {
            eip712_int(word, VALUES[i]);
            word[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
            /* Bit 192 is the sign: alone, it no longer agrees with the extension. */
            assert_int_equal(eip712_read_int(word, &signed_value), bit > 192);
            eip712_uint(word, (uint64_t)VALUES[i]);
            word[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
            assert_int_equal(eip712_read_uint(word, &value), bit >= 192);
        }
        eip712_address(word, &address);
        word[bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
        assert_int_equal(eip712_read_address(word, &found), bit >= 96);
    }
}

static void what_is_refused_leaves_its_output(void **state)
{
    (void)state;
    eip712_word word;
    memset(word, 0x01, sizeof word);
    uint64_t value = 77;
    int64_t signed_value = 77;
    struct address address = {{9}};
    assert_false(eip712_read_uint(word, &value));
    assert_false(eip712_read_int(word, &signed_value));
    assert_false(eip712_read_address(word, &address));
    assert_int_equal(value, 77);
    assert_int_equal(signed_value, 77);
    assert_int_equal(address.bytes[0], 9);
}

static void every_part_of_the_domain_counts(void **state)
{
    (void)state;
    const struct eip712_domain base = {.name = "Bit-Energy", .version = "1", .chain_id = 1};
    struct eip712_domain others[5] = {base, base, base, base, base};
    others[0].name = "Bit-Energx";
    others[1].version = "2";
    others[2].chain_id = 2;
    others[3].contract.bytes[19] = 1;
    others[4].salt.bytes[31] = 1;
    struct hash separator = eip712_separator(&base);
    for (size_t i = 0; i < 5; i++) {
        struct hash other = eip712_separator(&others[i]);
        assert_false(hash_equal(&separator, &other));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ethers_and_viem_give_the_same),
        cmocka_unit_test(the_mail_of_the_eip),
        cmocka_unit_test(integers_at_their_borders),
        cmocka_unit_test(words_have_one_form),
        cmocka_unit_test(what_is_refused_leaves_its_output),
        cmocka_unit_test(every_part_of_the_domain_counts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
