/* Merkle trees: leaf SHA-256(0x00 ‖ data), node SHA-256(0x01 ‖ left ‖ right), split at the largest power of
 * two below the size; the root of no leaves is SHA-256 of nothing. Source: RFC 6962 §2.1 (and RFC 9162 §2.1).
 */
#ifndef LEDGER_CORE_MERKLE_H
#define LEDGER_CORE_MERKLE_H

#include <busbar/address.h>
#include <busbar/bytes.h>
#include <busbar/status.h>

#define MERKLE_PROOF_MAX 64 /* hashes: one a bit of the size */

struct merkle_proof {
    uint32_t count;
    struct hash hashes[MERKLE_PROOF_MAX];
};

/* Where a tree's leaf hashes come from: hash of leaf `index`. Must be the same each time. */
typedef struct hash merkle_leaves(void *context, uint64_t index);

/* A tree that only grows: the roots of its complete subtrees, largest first. Zero is the empty tree. */
struct merkle_edge {
    uint64_t size;
    struct hash roots[64]; /* one a set bit of size, from the highest */
};

/* The hash of a leaf, and of an inner node. */
struct hash merkle_leaf(struct bytes data);
struct hash merkle_node(const struct hash *left, const struct hash *right);

/* Appends a leaf hash; amortised two hashes. */
void merkle_append(struct merkle_edge *edge, const struct hash *leaf);

/* The root of all leaves appended. */
struct hash merkle_root(const struct merkle_edge *edge);

/* The proof that leaf `index` is in the tree of `size` leaves, index < size. O(size) hashes of the leaves
 * asked for. */
void merkle_inclusion(merkle_leaves *leaves, void *context, uint64_t index, uint64_t size,
                      struct merkle_proof *out);

/* The proof that the tree of `first` leaves is a prefix of that of `second`; 1 ≤ first ≤ second. */
void merkle_consistency(merkle_leaves *leaves, void *context, uint64_t first, uint64_t second,
                        struct merkle_proof *out);

/* True when the proof leads from `leaf` at `index` to `root` of `size` leaves. Any input is safe. */
bool merkle_verify_inclusion(const struct hash *leaf, uint64_t index, uint64_t size,
                             const struct merkle_proof *proof, const struct hash *root);

/* True when the proof shows that `first_root` of `first` leaves is a prefix of `second_root` of `second`;
 * first = 0 shows nothing and is false. Any input is safe. */
bool merkle_verify_consistency(uint64_t first, uint64_t second, const struct merkle_proof *proof,
                               const struct hash *first_root, const struct hash *second_root);

#endif
