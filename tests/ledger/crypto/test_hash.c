/* Keccak-256 and SHA-256 against published values, and against independent implementations (ethers 6 with
 * noble-hashes) at every length around the borders of their blocks. */
#include "ledger/crypto/hash.h"
#include "ledger/crypto/hex.h"
#include "tests/link/cm.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static void assert_hash(struct hash hash, const char *hex)
{
    char text[HEX_HASH];
    hex_format((struct bytes){hash.bytes, sizeof hash.bytes}, text);
    assert_string_equal(text + 2, hex);
}

static struct hash sha256_of(struct bytes message)
{
    return hash_sha256(&message, 1);
}

static void the_published_keccak_values_hold(void **state)
{
    (void)state;
    /* The empty message, 0xcc and "abc": the Keccak team's known answers; an event of ERC-20; pangrams. */
    static const char *const VECTORS[][2] = {
        {"", "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"},
        {"\xcc", "eead6dbfc7340a56caedc044696a168870549a6a7f6f56961e84a54bd9970b8a"},
        {"abc", "4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45"},
        {"Transfer(address,address,uint256)",
         "ddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"},
        {"The quick brown fox jumps over the lazy dog",
         "4d741b6f1eb29cb2a9b9911c82f56fa8d73b04959d3d9d222895df6c0b28aa15"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "45d3b367a6904e6e8d502ee04999a7c27647f91fa845d456525fd352ae3d7371"},
    };
    for (size_t i = 0; i < sizeof VECTORS / sizeof *VECTORS; i++)
        assert_hash(hash_keccak256(bytes_of(VECTORS[i][0])), VECTORS[i][1]);
    assert_hash(hash_keccak256((struct bytes){NULL, 0}), VECTORS[0][1]);
}

static void the_published_sha256_values_hold(void **state)
{
    (void)state;
    static const char *const VECTORS[][2] = {
        {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    };
    for (size_t i = 0; i < sizeof VECTORS / sizeof *VECTORS; i++)
        assert_hash(sha256_of(bytes_of(VECTORS[i][0])), VECTORS[i][1]);
    assert_hash(hash_sha256(NULL, 0), VECTORS[0][1]);
}

static void a_million_letters(void **state)
{
    (void)state;
    uint8_t *letters = malloc(1000000);
    assert_non_null(letters);
    memset(letters, 'a', 1000000);
    assert_hash(hash_keccak256((struct bytes){letters, 1000000}),
                "fadae6b49f129bbb812be8407b7b2894f34aecf6dbd1f9b0f0c7e9853098fc96");
    assert_hash(sha256_of((struct bytes){letters, 1000000}),
                "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(letters);
}

/* `size` bytes, the i-th being 7i + size. */
static void fill(uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(i * 7 + size);
}

static void keccak_at_the_borders_of_its_block(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        const char *hash;
    } VECTORS[] = {
        {1, "5fe7f977e71dba2ea1a68e21057beebb9be2ac30c6410aa38d4f3fbe41dcffd2"},
        {135, "8ab570337c9a3a773c3605160ca58e3f0546d92d217c908669cc4f35a31933bc"},
        {136, "16b30a6be318a7acbcba7a2194789f628abf68dfbbf55a4d840f22f6a4d29efd"},
        {137, "6a7e8293441d51be41bf4994995b35981f90c07866c7fd0465f405e2b7a8f8dd"},
        {271, "bb02bca6be57f42d131406260c6f1a81fd9922af8bd1c96d78f454b19ae10add"},
        {272, "443464c0c3ac8036d14a6f8647fc93b592d514adefbe88683cbbda3b4b2c4553"},
        {273, "73d5960773e36742ead7c872d84d535f35e75b9517ccb1023491276013f88890"},
        {1000, "5cab097db1a529f5b1a15428cc494df950671bc3824340aad89941fa68e151bc"},
    };
    uint8_t message[1000];
    for (size_t i = 0; i < sizeof VECTORS / sizeof *VECTORS; i++) {
        fill(message, VECTORS[i].size);
        assert_hash(hash_keccak256((struct bytes){message, VECTORS[i].size}), VECTORS[i].hash);
    }
}

/* hash := hash(hash ‖ pattern of n bytes) for n = 0 … 600: a wrong value at any length changes the end. */
static struct hash chained(struct hash (*function)(struct bytes))
{
    uint8_t message[32 + 600];
    struct hash hash = {{0}};
    for (size_t size = 0; size <= 600; size++) {
        memcpy(message, hash.bytes, 32);
        fill(message + 32, size);
        hash = function((struct bytes){message, 32 + size});
    }
    return hash;
}

static void every_length_up_to_600(void **state)
{
    (void)state;
    assert_hash(chained(hash_keccak256), "8b9ce212904609c189e70841925fcd72a97e416e07d6cc07713a269c0c837255");
    assert_hash(chained(sha256_of), "50893751f7c44fb6989efa75a22225cb2e262fac916d8a7bf98903bb4ad57dfa");
}

static void parts_hash_as_their_concatenation(void **state)
{
    (void)state;
    uint8_t message[200];
    fill(message, sizeof message);
    struct hash whole = sha256_of((struct bytes){message, sizeof message});
    for (size_t a = 0; a <= sizeof message; a += 13)
        for (size_t b = a; b <= sizeof message; b += 7) {
            struct bytes parts[] = {
                {message, a}, {NULL, 0}, {message + a, b - a}, {message + b, sizeof message - b}};
            struct hash hash = hash_sha256(parts, 4);
            assert_true(hash_equal(&hash, &whole));
        }
}

static void a_file_hashes_as_its_bytes(void **state)
{
    (void)state;
    static uint8_t message[150000];
    fill(message, sizeof message);
    int file = memfd_create("hashed", 0);
    struct hash hash, whole = sha256_of((struct bytes){message, sizeof message});
    uint64_t size = 0;
    assert_true(file >= 0 && write(file, message, sizeof message) == (ssize_t)sizeof message);
    assert_int_equal(lseek(file, 0, SEEK_SET), 0);
    assert_true(hash_sha256_file(file, &hash, &size));
    assert_true(hash_equal(&hash, &whole));
    assert_int_equal(size, sizeof message);
    close(file);
    assert_false(hash_sha256_file(file, &hash, &size));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_keccak_values_hold),
        cmocka_unit_test(the_published_sha256_values_hold),
        cmocka_unit_test(a_million_letters),
        cmocka_unit_test(keccak_at_the_borders_of_its_block),
        cmocka_unit_test(every_length_up_to_600),
        cmocka_unit_test(a_file_hashes_as_its_bytes),
        cmocka_unit_test(parts_hash_as_their_concatenation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
