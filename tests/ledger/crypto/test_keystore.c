/* Keys at rest: the vectors of the Web3 Secret Storage Definition, what is written opens again, and every
 * kind of spoilt, hostile or foreign file. */
#include "ledger/crypto/hex.h"
#include "ledger/crypto/keystore.h"
#include "ledger/crypto/scrypt.h"
#include "ledger/crypto/secret.h"
#include "tests/link/cm.h"

#include <stdio.h>
#include <stdlib.h>

static struct signer *signer;
static const struct keystore_cost QUICK = {16, 8, 1};

static const char SECRET_OF_THE_VECTORS[] =
    "0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d";

static const char PBKDF2_VECTOR[] =
    "{\"crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":\"6087dab2f9fdbbfaddc31a909735c1e6\"},"
    "\"ciphertext\":\"5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46\",\"kdf\":\"pbkdf2\","
    "\"kdfparams\":{\"c\":262144,\"dklen\":32,\"prf\":\"hmac-sha256\","
    "\"salt\":\"ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd\"},"
    "\"mac\":\"517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2\"},"
    "\"id\":\"3198bc9c-6672-5ab3-d995-4942343ae5b6\",\"version\":3}";

static const char SCRYPT_VECTOR[] =
    "{\"crypto\":{\"cipher\":\"aes-128-ctr\",\"cipherparams\":{\"iv\":\"83dbcc02d8ccb40e466191a123791e0e\"},"
    "\"ciphertext\":\"d172bf743a674da9cdad04534d56926ef8358534d458fffccd4e6ad2fbde479c\",\"kdf\":\"scrypt\","
    "\"kdfparams\":{\"dklen\":32,\"n\":262144,\"p\":8,\"r\":1,"
    "\"salt\":\"ab0c7876052600dd703518d6fc3fe8984592145b591fc8fb5c6d43190334ba19\"},"
    "\"mac\":\"2103ac29920d71da29f15d75b4a16dbe95cfd7ff8faea1056c33131d846e3097\"},"
    "\"id\":\"3198bc9c-6672-5ab3-d995-4942343ae5b6\",\"version\":3}";

static enum status opened(const char *json, const char *passphrase, struct bb_reason *reason,
                          struct secret *out)
{
    return keystore_open(signer, bytes_of(json), bytes_of(passphrase), reason, out);
}

static void assert_opens_to(const char *json, const char *passphrase, const char *hex)
{
    struct secret secret;
    struct bb_reason reason = {""};
    uint8_t expected[32];
    assert_int_equal(hex_parse(hex, expected, 32), BB_OK);
    if (opened(json, passphrase, &reason, &secret) != BB_OK)
        fail_msg("%s", reason.text);
    assert_memory_equal(secret.bytes, expected, 32);
}

static void the_vectors_of_the_definition_open(void **state)
{
    (void)state;
    struct secret secret;
    assert_opens_to(PBKDF2_VECTOR, "testpassword", SECRET_OF_THE_VECTORS);
    assert_opens_to(SCRYPT_VECTOR, "testpassword", SECRET_OF_THE_VECTORS);
    assert_int_equal(opened(PBKDF2_VECTOR, "testpasswore", NULL, &secret), BB_DENIED);
}

static void scrypt_holds_to_its_rfc(void **state)
{
    (void)state;
    static const struct {
        const char *passphrase, *salt;
        struct keystore_cost cost;
        const char *key; /* its first 32 bytes */
    } VECTORS[] = {
        {"", "", {16, 1, 1}, "0x77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"},
        {"password",
         "NaCl",
         {1024, 8, 16},
         "0xfdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"},
        {"pleaseletmein",
         "SodiumChloride",
         {16384, 8, 1},
         "0x7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"},
    };
    for (size_t i = 0; i < sizeof VECTORS / sizeof *VECTORS; i++) {
        uint8_t key[SCRYPT_KEY];
        char text[HEX_HASH];
        struct bytes passphrase = bytes_of(VECTORS[i].passphrase), salt = bytes_of(VECTORS[i].salt);
        assert_int_equal(scrypt_derive(passphrase, salt, VECTORS[i].cost, key), BB_OK);
        hex_format((struct bytes){key, 32}, text);
        assert_string_equal(text, VECTORS[i].key);
        assert_int_equal(scrypt_derive_here(passphrase, salt, VECTORS[i].cost, key), BB_OK);
        hex_format((struct bytes){key, 32}, text);
        assert_string_equal(text, VECTORS[i].key);
    }
}

/* The two ways to compute it agree wherever both can. */
static void scrypt_agrees_with_libcrypto(void **state)
{
    (void)state;
    for (uint32_t n = 2; n <= 64; n *= 2)
        for (uint32_t r = 1; r <= 9; r++)
            for (uint32_t p = 1; p <= 3; p++) {
                uint8_t a[SCRYPT_KEY], b[SCRYPT_KEY];
                struct keystore_cost cost = {n, r, p};
                assert_int_equal(scrypt_derive(bytes_of("pass"), bytes_of("salt"), cost, a), BB_OK);
                assert_int_equal(scrypt_derive_here(bytes_of("pass"), bytes_of("salt"), cost, b), BB_OK);
                assert_memory_equal(a, b, SCRYPT_KEY);
            }
}

static void what_is_sealed_opens(void **state)
{
    (void)state;
    static const char *const PASSPHRASES[] = {"", "a", "correct horse battery staple",
                                              "mot de passe \xc3\xa9"};
    for (size_t i = 0; i < sizeof PASSPHRASES / sizeof *PASSPHRASES; i++) {
        struct secret secret, back;
        struct address address;
        char *json = NULL, *other = NULL;
        assert_int_equal(secret_new(signer, &secret), BB_OK);
        assert_int_equal(keystore_seal(signer, &secret, bytes_of(PASSPHRASES[i]), QUICK, &json), BB_OK);
        assert_int_equal(keystore_seal(signer, &secret, bytes_of(PASSPHRASES[i]), QUICK, &other), BB_OK);
        assert_string_not_equal(json, other);
        assert_int_equal(opened(json, PASSPHRASES[i], NULL, &back), BB_OK);
        assert_memory_equal(secret.bytes, back.bytes, 32);
        assert_int_equal(keystore_address(bytes_of(json), &address), BB_OK);
        struct address mine = signer_address(signer, &secret);
        assert_true(address_equal(&address, &mine));

        memset(back.bytes, 7, 32);
        assert_int_equal(opened(json, "wrong", NULL, &back), BB_DENIED);
        assert_int_equal(back.bytes[0], 7);
        free(json);
        free(other);
    }
}

static char *sealed(void)
{
    struct secret secret;
    char *json = NULL;
    assert_int_equal(secret_new(signer, &secret), BB_OK);
    assert_int_equal(keystore_seal(signer, &secret, bytes_of("pass"), QUICK, &json), BB_OK);
    return json;
}

/* Any byte replaced: refused with a reason, except where it changes nothing that is secured: the id, the
 * space between fields, and upper or lower case of a digit. A key that comes out is always the right one. */
static void an_altered_byte_never_gives_another_key(void **state)
{
    (void)state;
    char *json = sealed();
    struct secret right, secret;
    assert_int_equal(opened(json, "pass", NULL, &right), BB_OK);
    size_t refused = 0, length = strlen(json);
    for (size_t i = 0; i < length; i++)
        for (char bit = 1; bit <= 4; bit *= 4) {
            struct bb_reason reason = {""};
            json[i] ^= bit;
            enum status status = opened(json, "pass", &reason, &secret);
            if (status == BB_OK) {
                assert_memory_equal(secret.bytes, right.bytes, 32);
            } else {
                assert_true(*reason.text != '\0');
                refused++;
            }
            json[i] ^= bit;
        }
    assert_true(refused > 2 * length * 7 / 10);
    free(json);
}

static void any_beginning_is_refused(void **state)
{
    (void)state;
    char *json = sealed();
    struct secret secret;
    struct address address;
    for (size_t size = 0; size < strlen(json); size++) {
        struct bytes cut = {(const uint8_t *)json, size};
        assert_int_equal(keystore_open(signer, cut, bytes_of("pass"), NULL, &secret), BB_MALFORMED);
        assert_int_equal(keystore_address(cut, &address), BB_MALFORMED);
    }
    free(json);
}

/* `text` with the first `what` replaced by `by`; malloc'd. */
static char *replaced(const char *text, const char *what, const char *by)
{
    const char *at = strstr(text, what);
    assert_non_null(at);
    char *out = malloc(strlen(text) + strlen(by) + 1);
    assert_non_null(out);
    memcpy(out, text, (size_t)(at - text));
    snprintf(out + (at - text), strlen(at) + strlen(by) + 1, "%s%s", by, at + strlen(what));
    return out;
}

struct edit {
    const char *what, *by;
    enum status status;
    const char *named; /* in the reason */
};

static void assert_refused(const char *json, const struct edit *edit)
{
    char *spoilt = replaced(json, edit->what, edit->by);
    struct secret secret;
    struct bb_reason reason = {""};
    enum status status = opened(spoilt, "testpassword", &reason, &secret);
    if (status != edit->status || strstr(reason.text, edit->named) == NULL)
        fail_msg("%s -> %s: %s: %s", edit->what, edit->by, bb_status_word(status), reason.text);
    free(spoilt);
}

static void the_reason_names_the_field(void **state)
{
    (void)state;
    static const struct edit EDITS[] = {
        {"\"version\":3", "\"version\":4", BB_VERSION, "version"},
        {"\"version\":3", "\"version\":\"3\"", BB_MALFORMED, "version"},
        {"\"version\"", "\"versio\"", BB_MALFORMED, "version"},
        {"\"crypto\":", "\"cripto\":", BB_MALFORMED, "crypto"},
        {"aes-128-ctr", "aes-128-cbc", BB_MALFORMED, "cipher"},
        {"\"iv\":\"60", "\"iv\":\"", BB_MALFORMED, "iv"},
        {"\"iv\":\"60", "\"iv\":\"6", BB_MALFORMED, "iv"},
        {"\"iv\":\"60", "\"iv\":\"6060", BB_MALFORMED, "iv"},
        {"\"iv\":\"60", "\"iv\":\"zz", BB_MALFORMED, "iv"},
        {"\"ciphertext\":\"53", "\"ciphertext\":\"", BB_MALFORMED, "ciphertext"},
        {"\"mac\":\"51", "\"mac\":\"5151", BB_MALFORMED, "mac"},
        {"\"mac\":\"51", "\"mac\":\"50", BB_DENIED, "passphrase"},
        {"\"salt\":\"ae", "\"salt\":\"a", BB_MALFORMED, "salt"},
        {"\"kdf\":\"pbkdf2\"", "\"kdf\":\"argon2\"", BB_MALFORMED, "kdf"},
        {"hmac-sha256", "hmac-sha1", BB_MALFORMED, "prf"},
        {"\"c\":262144", "\"c\":0", BB_RANGE, "c:"},
        {"\"c\":262144", "\"c\":10000001", BB_RANGE, "c:"},
        {"\"c\":262144", "\"c\":9223372036854775807", BB_RANGE, "c:"},
        {"\"c\":262144", "\"c\":-1", BB_MALFORMED, "c:"},
        {"\"c\":262144", "\"c\":1.5", BB_MALFORMED, "c:"},
        {"\"dklen\":32", "\"dklen\":16", BB_MALFORMED, "dklen"},
        {"\"kdfparams\":{", "\"kdfparams\":[],\"other\":{", BB_MALFORMED, "kdfparams"},
        {"\"version\":3", "\"version\":3,\"version\":3", BB_MALFORMED, "JSON"},
        {"\"version\":3", "\"address\":7,\"version\":3", BB_MALFORMED, "address"},
        {"\"version\":3", "\"address\":\"12\",\"version\":3", BB_MALFORMED, "address"},
        {"\"version\":3", "\"address\":\"718faE2E5c6Ba915a210B7f6e85246dB915b9C03\",\"version\":3",
         BB_MALFORMED, "address"},
    };
    for (size_t i = 0; i < sizeof EDITS / sizeof *EDITS; i++)
        assert_refused(PBKDF2_VECTOR, &EDITS[i]);
}

static void hostile_costs_are_refused_at_once(void **state)
{
    (void)state;
    static const char *const PARAMS[] = {
        "\"n\":0,\"p\":1,\"r\":8",
        "\"n\":1,\"p\":1,\"r\":8",
        "\"n\":3,\"p\":1,\"r\":8",
        "\"n\":2097152,\"p\":1,\"r\":1",
        "\"n\":1048576,\"p\":1,\"r\":9",
        "\"n\":2147483648,\"p\":1,\"r\":1",
        "\"n\":1048576,\"p\":5,\"r\":8",
        "\"n\":2,\"p\":1025,\"r\":1",
        "\"n\":2,\"p\":1,\"r\":1025",
        "\"n\":2,\"p\":0,\"r\":8",
        "\"n\":2,\"p\":1,\"r\":0",
        "\"n\":2,\"p\":4294967295,\"r\":4294967295",
        "\"n\":9223372036854775807,\"p\":1,\"r\":8",
    };
    for (size_t i = 0; i < sizeof PARAMS / sizeof *PARAMS; i++) {
        struct edit edit = {"\"n\":262144,\"p\":8,\"r\":1", PARAMS[i], BB_RANGE, "keystore"};
        assert_refused(SCRYPT_VECTOR, &edit);
    }
    struct secret secret = {{0}};
    char *json = NULL;
    secret.bytes[31] = 1;
    assert_int_equal(
        keystore_seal(signer, &secret, bytes_of("p"), (struct keystore_cost){1u << 21, 8, 1}, &json),
        BB_RANGE);
    assert_null(json);
}

static void other_spellings_open_too(void **state)
{
    (void)state;
    static const char *const EDITS[][2] = {
        {"\"crypto\"", "\"Crypto\""},
        {"\"salt\":\"", "\"salt\":\"0x"},
        {"\"dklen\":32", "\"dklen\":64"},
        {"\"mac\":\"517ead", "\"mac\":\"517EAD"},
        {"\"version\":3", "\"version\":3,\"address\":\"008aeeda4d805471df9b2a5b0f38a0c3bcba786b\""},
        {"\"version\":3", "\"version\":3,\"address\":null,\"x-ethers\":{\"client\":\"other\"}"},
    };
    /* Cheap rounds are another file: only the cost of the published one is kept, once for each spelling. */
    for (size_t i = 0; i < sizeof EDITS / sizeof *EDITS; i++) {
        char *json = replaced(PBKDF2_VECTOR, EDITS[i][0], EDITS[i][1]);
        assert_opens_to(json, "testpassword", SECRET_OF_THE_VECTORS);
        free(json);
    }
}

static void the_address_it_claims(void **state)
{
    (void)state;
    struct address address = {{9}};
    assert_int_equal(keystore_address(bytes_of(PBKDF2_VECTOR), &address), BB_NOT_FOUND);
    assert_int_equal(keystore_address(bytes_of("[]"), &address), BB_MALFORMED);
    assert_int_equal(address.bytes[0], 9);
    assert_int_equal(
        keystore_address(bytes_of("{\"address\":\"0x718faE2E5c6Ba915a210B7f6e85246dB915b9C03\"}"), &address),
        BB_OK);
    assert_int_equal(address.bytes[0], 0x71);
}

static void size_and_depth_are_bounded(void **state)
{
    (void)state;
    size_t size = 70000;
    char *text = malloc(size + 1);
    struct secret secret;
    struct bb_reason reason;
    assert_non_null(text);
    memset(text, '[', size);
    text[size] = '\0';
    assert_int_equal(opened(text, "p", &reason, &secret), BB_MALFORMED);
    text[60000] = '\0';
    assert_int_equal(opened(text, "p", &reason, &secret), BB_MALFORMED);
    memset(text, ' ', size);
    memcpy(text, PBKDF2_VECTOR, strlen(PBKDF2_VECTOR));
    text[60000] = ' ';
    assert_int_equal(opened(text, "p", &reason, &secret), BB_MALFORMED);
    assert_non_null(strstr(reason.text, "65536"));
    free(text);
}

int main(void)
{
    if (signer_open(&signer) != BB_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors_of_the_definition_open),
        cmocka_unit_test(scrypt_holds_to_its_rfc),
        cmocka_unit_test(scrypt_agrees_with_libcrypto),
        cmocka_unit_test(what_is_sealed_opens),
        cmocka_unit_test(an_altered_byte_never_gives_another_key),
        cmocka_unit_test(any_beginning_is_refused),
        cmocka_unit_test(the_reason_names_the_field),
        cmocka_unit_test(hostile_costs_are_refused_at_once),
        cmocka_unit_test(other_spellings_open_too),
        cmocka_unit_test(the_address_it_claims),
        cmocka_unit_test(size_and_depth_are_bounded),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    signer_close(signer);
    return failed;
}
