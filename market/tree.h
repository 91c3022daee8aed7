/* Ordered sets of numbers of 128 bits: B+-trees with nodes of 512 bytes out of one pool. The upper 104 bits
 * order, and are different in each number of a set; the lower 24 are the number of a record.
 *
 * A node other than a root is at least a quarter full: a set of n numbers has at most n / 8 leaves, and the
 * pool can be sized once and for all. */
#ifndef MARKET_TREE_H
#define MARKET_TREE_H

#include "market/pool.h"

#include <busbar/wide.h>

/* Upper 104 bits: what orders. Lower 24 bits: a record. */
typedef bb_wide tree_key;

#define TREE_RECORD_BITS 24
#define TREE_RECORD_MASK ((UINT32_C(1) << TREE_RECORD_BITS) - 1)
#define TREE_NODE_KEYS   31
#define TREE_NODE_MIN    8
#define TREE_EMPTY       0 /* the root of an empty set */

struct tree_node {
    uint16_t count; /* of keys */
    uint16_t level; /* 0: a leaf */
    uint32_t next;  /* the leaf after it, 0: none */
    uint64_t unused;
    tree_key keys[TREE_NODE_KEYS]; /* inner: the child is the record, all its numbers are at or above */
};

/* All trees of a market. A tree is its root's number + 1, kept by whoever has it, in the state. */
struct trees {
    struct journal *journal;
    struct tree_node *nodes;
    struct pool pool;
};

/* Where one stands in a set; `node` NULL: behind its end. Void after any change of the set. */
struct tree_cursor {
    const struct tree_node *node;
    uint32_t at;
};

/* How many nodes any `sets` trees with `numbers` numbers together can have. */
uint32_t tree_nodes_max(uint64_t sets, uint64_t numbers);

/* Puts a number in; false when one with the same upper bits is in. */
bool tree_insert(struct trees *trees, uint32_t *root, tree_key key);

/* Takes a number out, which must be in. */
void tree_erase(struct trees *trees, uint32_t *root, tree_key key);

/* Asks the memory for what the next insertion or removal of `key` will look at. No effect. */
void tree_expect(const struct trees *trees, uint32_t root, tree_key key);

/* The smallest number of all; the smallest at or above `key`. */
struct tree_cursor tree_first(const struct trees *trees, uint32_t root);
struct tree_cursor tree_seek(const struct trees *trees, uint32_t root, tree_key key);

/* The number at a cursor that is not behind the end. */
static inline tree_key tree_at(struct tree_cursor cursor)
{
    return cursor.node->keys[cursor.at];
}

/* The number whose upper 104 bits are `upper` (40 bits) and `lower`. */
static inline tree_key tree_key_of(uint64_t upper, uint64_t lower, uint32_t record)
{
    return bb_wide_of(upper << TREE_RECORD_BITS | lower >> (64 - TREE_RECORD_BITS),
                      lower << TREE_RECORD_BITS | record);
}

/* The same place with another record. */
static inline tree_key tree_key_with(tree_key key, uint32_t record)
{
    return bb_wide_of(bb_wide_high(key), (bb_wide_low(key) & ~(uint64_t)TREE_RECORD_MASK) | record);
}

/* The lowest number of the next place. */
static inline tree_key tree_key_after(tree_key key)
{
    uint64_t low = (bb_wide_low(key) | TREE_RECORD_MASK) + 1;
    return bb_wide_of(bb_wide_high(key) + (low == 0), low);
}

/* The record of a number. */
static inline uint32_t tree_key_record(tree_key key)
{
    return (uint32_t)bb_wide_low(key) & TREE_RECORD_MASK;
}

/* The record of the number at a cursor. */
static inline uint32_t tree_record(struct tree_cursor cursor)
{
    return tree_key_record(tree_at(cursor));
}

/* One further. */
static inline void tree_step(const struct trees *trees, struct tree_cursor *cursor)
{
    if (++cursor->at < cursor->node->count)
        return;
    cursor->at = 0;
    cursor->node = cursor->node->next == 0 ? NULL : &trees->nodes[cursor->node->next - 1];
}

#endif
