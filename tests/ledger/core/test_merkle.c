/* RFC 6962 trees: the roots that certificate-transparency publishes, proofs by another implementation
 * (tests/vectors/merkle_proofs.txt: inclusion and consistency, good and bad), and everything against the
 * recursive definition of the RFC, written down here once more. */
#include "ledger/core/merkle.h"
#include "ledger/crypto/hash.h"
#include "ledger/crypto/hex.h"
#include "tests/link/cm.h"

#include <stdio.h>
#include <stdlib.h>

#define LEAVES 300

static struct hash leaf_hashes[LEAVES];

static struct hash leaf_at(void *context, uint64_t index)
{
    (void)context;
    assert_true(index < LEAVES);
    return leaf_hashes[index];
}

static int make_leaves(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < LEAVES; i++)
        leaf_hashes[i] = merkle_leaf((struct bytes){(const uint8_t *)&i, sizeof i});
    return 0;
}

static struct hash hash_from(const char *hex)
{
    char text[HEX_HASH];
    struct hash hash;
    snprintf(text, sizeof text, "0x%.64s", hex);
    assert_int_equal(hex_parse(text, hash.bytes, sizeof hash.bytes), BB_OK);
    return hash;
}

/* -- the definition, RFC 6962 §2.1 ----------------------------------------------------------------------- */

static uint64_t naive_split(uint64_t n)
{
    uint64_t k = 1;
    while (k * 2 < n)
        k *= 2;
    return k;
}

static struct hash naive_root(const struct hash *leaves, uint64_t n)
{
    if (n == 0)
        return hash_sha256(NULL, 0);
    if (n == 1)
        return leaves[0];
    uint64_t k = naive_split(n);
    struct hash left = naive_root(leaves, k), right = naive_root(leaves + k, n - k);
    static const uint8_t one = 1;
    return hash_sha256((struct bytes[]){{&one, 1}, {left.bytes, 32}, {right.bytes, 32}}, 3);
}

/* -- tests ----------------------------------------------------------------------------------------------- */

/* Source: certificate-transparency's reference tree of eight leaves; RFC 6962 §2.1 for the empty one. */
static void test_published_roots(void **state)
{
    (void)state;
    static const struct {
        size_t size;
        uint8_t data[16];
    } leaves[] = {
        {0, {0}},
        {1, {0}},
        {1, {0x10}},
        {2, {0x20, 0x21}},
        {2, {0x30, 0x31}},
        {4, {0x40, 0x41, 0x42, 0x43}},
        {8, {0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57}},
        {16,
         {0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f}}};
    static const char *const roots[] = {
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    };
    struct merkle_edge edge = {0};
    for (size_t i = 0;; i++) {
        struct hash root = merkle_root(&edge), expected = hash_from(roots[i]);
        assert_memory_equal(&root, &expected, sizeof root);
        if (i == 8)
            break;
        struct hash leaf = merkle_leaf((struct bytes){leaves[i].data, leaves[i].size});
        merkle_append(&edge, &leaf);
    }
}

static void test_edge_is_the_recursive_root(void **state)
{
    (void)state;
    struct merkle_edge edge = {0};
    for (uint64_t n = 0; n < LEAVES; n++) {
        struct hash root = merkle_root(&edge), expected = naive_root(leaf_hashes, n);
        assert_memory_equal(&root, &expected, sizeof root);
        merkle_append(&edge, &leaf_hashes[n]);
        assert_int_equal(edge.size, n + 1);
    }
}

/* Every bit of a proof, of what it proves, and of where; and a proof that is longer or shorter. */
static void refuse_altered_inclusion(const struct merkle_proof *proof, uint64_t index, uint64_t size,
                                     const struct hash *root)
{
    const struct hash *leaf = &leaf_hashes[index];
    struct merkle_proof bad = *proof;
    for (size_t bit = 0; bit < proof->count * 256; bit++) {
        bad.hashes[bit / 256].bytes[bit / 8 % 32] ^= (uint8_t)(1u << bit % 8);
        assert_false(merkle_verify_inclusion(leaf, index, size, &bad, root));
        bad.hashes[bit / 256] = proof->hashes[bit / 256];
    }
    struct hash other = *leaf;
    other.bytes[31] ^= 1;
    assert_false(merkle_verify_inclusion(&other, index, size, proof, root));
    for (uint64_t wrong = 0; wrong < size + 2; wrong++)
        assert_int_equal(merkle_verify_inclusion(leaf, wrong, size, proof, root), wrong == index);
    if (proof->count > 0) {
        bad.count = proof->count - 1;
        assert_false(merkle_verify_inclusion(leaf, index, size, &bad, root));
    }
    bad.count = proof->count + 1;
    bad.hashes[proof->count] = *leaf;
    assert_false(merkle_verify_inclusion(leaf, index, size, &bad, root));
}

static void test_inclusion_of_every_leaf(void **state)
{
    (void)state;
    for (uint64_t size = 1; size <= 64; size++) {
        struct hash root = naive_root(leaf_hashes, size);
        for (uint64_t index = 0; index < size; index++) {
            struct merkle_proof proof;
            merkle_inclusion(leaf_at, NULL, index, size, &proof);
            assert_true(merkle_verify_inclusion(&leaf_hashes[index], index, size, &proof, &root));
            if (size <= 40) /* every bit of every proof; beyond that it takes seconds */
                refuse_altered_inclusion(&proof, index, size, &root);
        }
    }
}

static void refuse_altered_consistency(const struct merkle_proof *proof, uint64_t first, uint64_t second,
                                       const struct hash *old, const struct hash *new)
{
    struct merkle_proof bad = *proof;
    for (size_t bit = 0; bit < proof->count * 256; bit++) {
        bad.hashes[bit / 256].bytes[bit / 8 % 32] ^= (uint8_t)(1u << bit % 8);
        assert_false(merkle_verify_consistency(first, second, &bad, old, new));
        bad.hashes[bit / 256] = proof->hashes[bit / 256];
    }
    bad.count = proof->count + 1;
    bad.hashes[proof->count] = *old;
    assert_false(merkle_verify_consistency(first, second, &bad, old, new));
    if (proof->count > 0) {
        bad.count = proof->count - 1;
        assert_false(merkle_verify_consistency(first, second, &bad, old, new));
    }
    struct hash other = *old;
    other.bytes[0] ^= 0x80;
    assert_false(merkle_verify_consistency(first, second, proof, &other, new));
    if (first != second) {
        assert_false(merkle_verify_consistency(second, first, proof, new, old));
        other = *new;
        other.bytes[0] ^= 0x80;
        assert_false(merkle_verify_consistency(first, second, proof, old, &other));
    }
}

static void test_consistency_of_every_pair(void **state)
{
    (void)state;
    for (uint64_t second = 1; second <= 64; second++)
        for (uint64_t first = 1; first <= second; first++) {
            struct hash old = naive_root(leaf_hashes, first), new = naive_root(leaf_hashes, second);
            struct merkle_proof proof;
            merkle_consistency(leaf_at, NULL, first, second, &proof);
            assert_true(merkle_verify_consistency(first, second, &proof, &old, &new));
            if (second <= 40)
                refuse_altered_consistency(&proof, first, second, &old, &new);
        }
    struct merkle_proof none = {0};
    assert_false(merkle_verify_consistency(0, 1, &none, &leaf_hashes[0], &leaf_hashes[0]));
    assert_false(merkle_verify_consistency(0, 0, &none, &leaf_hashes[0], &leaf_hashes[0]));
}

/* The largest numbers that a file can claim: an answer, not an overflow. */
static void test_absurd_sizes_are_refused(void **state)
{
    (void)state;
    struct merkle_proof proof = {.count = MERKLE_PROOF_MAX};
    const struct hash *h = &leaf_hashes[0];
    assert_false(merkle_verify_inclusion(h, UINT64_MAX - 1, UINT64_MAX, &proof, h));
    assert_false(merkle_verify_inclusion(h, 0, UINT64_MAX, &proof, h));
    assert_false(merkle_verify_inclusion(h, UINT64_MAX, UINT64_MAX, &proof, h));
    assert_false(merkle_verify_inclusion(h, 0, 0, &proof, h));
    assert_false(merkle_verify_consistency(1, UINT64_MAX, &proof, h, h));
    assert_false(merkle_verify_consistency(UINT64_MAX - 1, UINT64_MAX, &proof, h, h));
    proof.count = MERKLE_PROOF_MAX + 1;
    assert_false(merkle_verify_inclusion(h, 0, UINT64_MAX, &proof, h));
    assert_false(merkle_verify_consistency(1, UINT64_MAX, &proof, h, h));
}

/* The next number of a line; false at its end. */
static bool next_number(char **at, uint64_t *out)
{
    char *end;
    *out = strtoull(*at, &end, 10);
    bool there = end != *at;
    *at = end;
    return there;
}

static void check_vector(char *line, const struct hash *hashes, size_t count)
{
    uint64_t field[5], number;
    struct merkle_proof proof = {0};
    char *at = line + 1;
    for (size_t i = 0; i < 5; i++)
        assert_true(next_number(&at, &field[i]));
    assert_true(field[2] < count && field[3] < count);
    while (next_number(&at, &number)) {
        assert_true(number < count && proof.count < MERKLE_PROOF_MAX);
        proof.hashes[proof.count++] = hashes[number];
    }
    const struct hash *a = &hashes[field[2]], *b = &hashes[field[3]];
    bool good = line[0] == 'i' ? merkle_verify_inclusion(a, field[0], field[1], &proof, b)
                               : merkle_verify_consistency(field[0], field[1], &proof, a, b);
    if (good != (field[4] == 1))
        fail_msg("vector: %s", line);
}

static void test_vectors_of_another_implementation(void **state)
{
    (void)state;
    FILE *file = fopen(BUSBAR_SOURCE_DIR "/tests/vectors/merkle_proofs.txt", "r");
    assert_non_null(file);
    static struct hash hashes[64];
    size_t hash_count = 0, vectors = 0;
    char line[256];
    while (fgets(line, sizeof line, file) != NULL) {
        if (line[0] == 'h') {
            assert_true(hash_count < 64);
            hashes[hash_count++] = hash_from(line + 2);
        } else if (line[0] == 'i' || line[0] == 'c') {
            check_vector(line, hashes, hash_count);
            vectors++;
        }
    }
    fclose(file);
    assert_int_equal(vectors, 147);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_roots),
        cmocka_unit_test(test_edge_is_the_recursive_root),
        cmocka_unit_test(test_inclusion_of_every_leaf),
        cmocka_unit_test(test_consistency_of_every_pair),
        cmocka_unit_test(test_absurd_sizes_are_refused),
        cmocka_unit_test(test_vectors_of_another_implementation),
    };
    return cmocka_run_group_tests(tests, make_leaves, NULL);
}
