#include "ledger/core/merkle.h"

#include "ledger/crypto/hash.h"

#include <busbar/check.h>

struct hash merkle_leaf(struct bytes data)
{
    static const uint8_t prefix = 0;
    return hash_sha256((struct bytes[]){{&prefix, 1}, data}, 2);
}

struct hash merkle_node(const struct hash *left, const struct hash *right)
{
    uint8_t both[65] = {1};
    memcpy(both + 1, left->bytes, 32);
    memcpy(both + 33, right->bytes, 32);
    return hash_sha256(&(struct bytes){both, sizeof both}, 1);
}

static unsigned bits_of(uint64_t size)
{
    return (unsigned)__builtin_popcountll(size);
}

/* A new leaf closes as many subtrees as the size has trailing ones. */
void merkle_append(struct merkle_edge *edge, const struct hash *leaf)
{
    CHECK(edge->size < UINT64_MAX);
    unsigned count = bits_of(edge->size);
    struct hash closed = *leaf;
    for (uint64_t size = edge->size; size & 1; size >>= 1)
        closed = merkle_node(&edge->roots[--count], &closed);
    edge->roots[count] = closed;
    edge->size++;
}

struct hash merkle_root(const struct merkle_edge *edge)
{
    unsigned count = bits_of(edge->size);
    if (count == 0)
        return hash_sha256(NULL, 0);
    struct hash root = edge->roots[--count];
    while (count > 0)
        root = merkle_node(&edge->roots[--count], &root);
    return root;
}

/* The root of the leaves first … first + size − 1. */
static struct hash root_of(merkle_leaves *leaves, void *context, uint64_t first, uint64_t size)
{
    struct merkle_edge edge = {0};
    for (uint64_t i = 0; i < size; i++) {
        struct hash leaf = leaves(context, first + i);
        merkle_append(&edge, &leaf);
    }
    return merkle_root(&edge);
}

/* The largest power of two below `size` ≥ 2. */
static uint64_t split_of(uint64_t size)
{
    return UINT64_C(1) << (63 - __builtin_clzll(size - 1));
}

static void add_hash(struct merkle_proof *proof, struct hash hash)
{
    CHECK(proof->count < MERKLE_PROOF_MAX);
    proof->hashes[proof->count++] = hash;
}

/* Paths are found from the root down and written from the leaf up. */
static void reverse(struct merkle_proof *proof)
{
    for (uint32_t i = 0, j = proof->count; i + 1 < j; i++) {
        struct hash other = proof->hashes[--j];
        proof->hashes[j] = proof->hashes[i];
        proof->hashes[i] = other;
    }
}

void merkle_inclusion(merkle_leaves *leaves, void *context, uint64_t index, uint64_t size,
                      struct merkle_proof *out)
{
    CHECK(index < size);
    out->count = 0;
    uint64_t first = 0;
    while (size > 1) {
        uint64_t split = split_of(size);
        if (index - first < split) {
            add_hash(out, root_of(leaves, context, first + split, size - split));
            size = split;
        } else {
            add_hash(out, root_of(leaves, context, first, split));
            first += split;
            size -= split;
        }
    }
    reverse(out);
}

/* SUBPROOF of RFC 6962 §2.1.2, iteratively: `whole` while the old tree is a complete left part of the new. */
void merkle_consistency(merkle_leaves *leaves, void *context, uint64_t first, uint64_t second,
                        struct merkle_proof *out)
{
    CHECK(first > 0 && first <= second);
    out->count = 0;
    uint64_t at = 0, old = first, size = second;
    bool whole = true;
    while (old < size) {
        uint64_t split = split_of(size);
        if (old <= split) {
            add_hash(out, root_of(leaves, context, at + split, size - split));
            size = split;
        } else {
            add_hash(out, root_of(leaves, context, at, split));
            at += split;
            old -= split;
            size -= split;
            whole = false;
        }
    }
    if (!whole)
        add_hash(out, root_of(leaves, context, at, size));
    reverse(out);
}

/* Source: RFC 9162 §2.1.3.2. */
bool merkle_verify_inclusion(const struct hash *leaf, uint64_t index, uint64_t size,
                             const struct merkle_proof *proof, const struct hash *root)
{
    if (index >= size || proof->count > MERKLE_PROOF_MAX)
        return false;
    uint64_t node = index, last = size - 1;
    struct hash up = *leaf;
    for (uint32_t i = 0; i < proof->count; i++) {
        if (last == 0)
            return false;
        if (node & 1 || node == last) {
            up = merkle_node(&proof->hashes[i], &up);
            while (!(node & 1) && node != 0) {
                node >>= 1;
                last >>= 1;
            }
        } else {
            up = merkle_node(&up, &proof->hashes[i]);
        }
        node >>= 1;
        last >>= 1;
    }
    return last == 0 && hash_equal(&up, root);
}

/* A complete old tree is its own first node, which the proof leaves out. Source: RFC 9162 §2.1.4.2. */
bool merkle_verify_consistency(uint64_t first, uint64_t second, const struct merkle_proof *proof,
                               const struct hash *first_root, const struct hash *second_root)
{
    if (first == 0 || first > second || proof->count > MERKLE_PROOF_MAX)
        return false;
    if (first == second)
        return proof->count == 0 && hash_equal(first_root, second_root);
    bool complete = (first & (first - 1)) == 0;
    if (!complete && proof->count == 0)
        return false;
    uint64_t node = first - 1, last = second - 1;
    while (node & 1) {
        node >>= 1;
        last >>= 1;
    }
    struct hash old = complete ? *first_root : proof->hashes[0], new = old;
    for (uint32_t i = complete ? 0 : 1; i < proof->count; i++) {
        if (last == 0)
            return false;
        if (node & 1 || node == last) {
            old = merkle_node(&proof->hashes[i], &old);
            new = merkle_node(&proof->hashes[i], &new);
            while (!(node & 1) && node != 0) {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = merkle_node(&new, &proof->hashes[i]);
        }
        node >>= 1;
        last >>= 1;
    }
    return last == 0 && hash_equal(&old, first_root) && hash_equal(&new, second_root);
}
