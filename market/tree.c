#include "market/tree.h"

#include <busbar/check.h>
#include <string.h>

/* 2^24 records at a quarter of 31 a node are 8 levels; one more for the root. */
#define DEPTH_MAX 10

/* Merge when both fit with room to spare, so that the next insertion does not split again. */
#define MERGE_MAX 24

_Static_assert(sizeof(struct tree_node) == 512, "a node is eight lines");

struct step {
    uint32_t node; /* number + 1 */
    uint32_t at;   /* the key that was followed */
};

struct path {
    struct step steps[DEPTH_MAX];
    uint32_t depth; /* of the leaf */
};

uint32_t tree_nodes_max(uint64_t sets, uint64_t numbers)
{
    /* Level by level a quarter at most: numbers / 8 leaves, an eighth of that above, …; and each set's root.
     */
    return (uint32_t)(sets + numbers / (TREE_NODE_MIN - 1) + 1);
}

static struct tree_node *node_of(const struct trees *trees, uint32_t number)
{
    return &trees->nodes[number - 1];
}

/* All lines of a node at once: looking for a key would ask for one after the other. */
static void fetch_node(const struct tree_node *node)
{
    for (size_t line = 0; line < sizeof *node / JOURNAL_LINE; line++)
        __builtin_prefetch((const uint8_t *)node + line * JOURNAL_LINE);
}

/* How many keys of a node are below `key`. */
static uint32_t rank(const struct tree_node *node, tree_key key)
{
    /* Sums without branches: where a key falls cannot be foretold, and a wrong guess costs more than a few
     * keys too many. First every fourth key, then the four between two of them. */
    uint32_t count = node->count, below = 0, fourths = 0;
    for (uint32_t i = 3; i < count; i += 4)
        fourths += bb_wide_below(node->keys[i], key);
    uint32_t from = 4 * fourths, end = from + 3 < count ? from + 3 : count;
    for (uint32_t i = from; i < end; i++)
        below += bb_wide_below(node->keys[i], key);
    return from + below;
}

/* The child of an inner node that a number belongs to: the last at or below it. */
static uint32_t child_at(const struct tree_node *node, tree_key key)
{
    /* The node's own lower bits are the child's number; with all ones there, equal ones count as below. */
    uint32_t below = rank(node, tree_key_with(key, TREE_RECORD_MASK));
    return below == 0 ? 0 : below - 1;
}

static uint32_t child_number(const struct tree_node *node, uint32_t at)
{
    return tree_key_record(node->keys[at]);
}

static void note_header(struct trees *trees, struct tree_node *node)
{
    journal_note(trees->journal, node, offsetof(struct tree_node, unused));
}

static void note_keys(struct trees *trees, struct tree_node *node, uint32_t from, uint32_t to)
{
    if (to > from)
        journal_note(trees->journal, &node->keys[from], (to - from) * sizeof(tree_key));
}

static uint32_t new_node(struct trees *trees, uint16_t level)
{
    uint32_t place = pool_take(&trees->pool);
    CHECK(place != POOL_NONE);
    note_header(trees, &trees->nodes[place]);
    trees->nodes[place].count = 0;
    trees->nodes[place].level = level;
    trees->nodes[place].next = 0;
    return place + 1;
}

static void put_key(struct trees *trees, struct tree_node *node, uint32_t at, tree_key key)
{
    note_header(trees, node);
    note_keys(trees, node, at, node->count + 1u);
    memmove(&node->keys[at + 1], &node->keys[at], (node->count - at) * sizeof key);
    node->keys[at] = key;
    node->count++;
}

static void drop_key(struct trees *trees, struct tree_node *node, uint32_t at)
{
    note_header(trees, node);
    note_keys(trees, node, at, node->count - 1u);
    memmove(&node->keys[at], &node->keys[at + 1], (node->count - at - 1) * sizeof(tree_key));
    node->count--;
}

/* Goes down to the leaf that `key` belongs to; its step's `at` is where the key is or would be. */
static void descend(const struct trees *trees, uint32_t root, tree_key key, struct path *path)
{
    uint32_t number = root;
    for (path->depth = 0;; path->depth++) {
        CHECK(path->depth < DEPTH_MAX);
        const struct tree_node *node = node_of(trees, number);
        bool leaf = node->level == 0;
        uint32_t at = leaf ? rank(node, key) : child_at(node, key);
        path->steps[path->depth] = (struct step){number, at};
        if (leaf)
            return;
        number = child_number(node, at);
        if (node->level == 1) /* leaves are many, and seldom in the cache */
            fetch_node(node_of(trees, number));
    }
}

/* Moves the upper half of a full node into a new one behind it, which is returned. */
static uint32_t split(struct trees *trees, uint32_t number)
{
    struct tree_node *left = node_of(trees, number);
    uint32_t right_number = new_node(trees, left->level);
    struct tree_node *right = node_of(trees, right_number);
    uint32_t keep = TREE_NODE_KEYS / 2 + 1, moved = TREE_NODE_KEYS - keep;
    note_keys(trees, right, 0, moved);
    memcpy(right->keys, &left->keys[keep], moved * sizeof(tree_key));
    right->count = (uint16_t)moved;
    right->next = left->next;
    note_header(trees, left);
    left->count = (uint16_t)keep;
    left->next = left->level == 0 ? right_number : 0;
    return right_number;
}

/* A root above two nodes: the first takes all that is below the second. */
static void grow(struct trees *trees, uint32_t *root, uint32_t right)
{
    uint32_t left = *root;
    uint32_t number = new_node(trees, (uint16_t)(node_of(trees, left)->level + 1));
    put_key(trees, node_of(trees, number), 0, tree_key_of(0, 0, left));
    put_key(trees, node_of(trees, number), 1, tree_key_with(node_of(trees, right)->keys[0], right));
    journal_note(trees->journal, root, sizeof *root);
    *root = number;
}

static bool same_place(tree_key a, tree_key b)
{
    return bb_wide_same(tree_key_with(a, 0), tree_key_with(b, 0));
}

void tree_expect(const struct trees *trees, uint32_t root, tree_key key)
{
    if (root == TREE_EMPTY)
        return;
    const struct tree_node *node = node_of(trees, root);
    while (node->level > 0)
        node = node_of(trees, child_number(node, child_at(node, key)));
    fetch_node(node);
}

bool tree_insert(struct trees *trees, uint32_t *root, tree_key key)
{
    if (*root == TREE_EMPTY) {
        journal_note(trees->journal, root, sizeof *root);
        *root = new_node(trees, 0);
    }
    struct path path;
    descend(trees, *root, key, &path);
    struct step step = path.steps[path.depth];
    const struct tree_node *leaf = node_of(trees, step.node);
    if ((step.at < leaf->count && same_place(leaf->keys[step.at], key)) ||
        (step.at > 0 && same_place(leaf->keys[step.at - 1], key)))
        return false;
    for (uint32_t depth = path.depth;; depth--) {
        struct tree_node *node = node_of(trees, step.node);
        if (node->count < TREE_NODE_KEYS) {
            put_key(trees, node, step.at, key);
            return true;
        }
        uint32_t right = split(trees, step.node);
        if (step.at <= node->count)
            put_key(trees, node, step.at, key);
        else
            put_key(trees, node_of(trees, right), step.at - node->count, key);
        if (depth == 0) {
            grow(trees, root, right);
            return true;
        }
        key = tree_key_with(node_of(trees, right)->keys[0], right);
        step = path.steps[depth - 1];
        step.at++;
    }
}

static void free_node(struct trees *trees, uint32_t number)
{
    pool_give(&trees->pool, number - 1);
}

/* Appends all of `right` to `left`. */
static void merge(struct trees *trees, struct tree_node *left, const struct tree_node *right)
{
    note_header(trees, left);
    note_keys(trees, left, left->count, (uint32_t)left->count + right->count);
    memcpy(&left->keys[left->count], right->keys, right->count * sizeof(tree_key));
    left->count = (uint16_t)(left->count + right->count);
    left->next = right->next;
}

/* Shares the keys of two neighbours equally. */
static void share(struct trees *trees, struct tree_node *left, struct tree_node *right)
{
    uint32_t total = (uint32_t)left->count + right->count, half = total / 2;
    note_header(trees, left);
    note_header(trees, right);
    note_keys(trees, right, 0, right->count > total - half ? right->count : total - half);
    if (left->count < half) {
        uint32_t moved = half - left->count;
        note_keys(trees, left, left->count, half);
        memcpy(&left->keys[left->count], right->keys, moved * sizeof(tree_key));
        memmove(right->keys, &right->keys[moved], (right->count - moved) * sizeof(tree_key));
    } else {
        uint32_t moved = left->count - half;
        memmove(&right->keys[moved], right->keys, right->count * sizeof(tree_key));
        memcpy(right->keys, &left->keys[half], moved * sizeof(tree_key));
    }
    left->count = (uint16_t)half;
    right->count = (uint16_t)(total - half);
}

/* Child `at` of `parent` has too few keys. True when the parent has lost a child by it. */
static bool refill(struct trees *trees, struct tree_node *parent, uint32_t at)
{
    uint32_t first = at + 1 < parent->count ? at : at - 1;
    uint32_t right_number = child_number(parent, first + 1);
    struct tree_node *left = node_of(trees, child_number(parent, first));
    struct tree_node *right = node_of(trees, right_number);
    if (left->count + right->count <= MERGE_MAX) {
        merge(trees, left, right);
        free_node(trees, right_number);
        drop_key(trees, parent, first + 1);
        return true;
    }
    share(trees, left, right);
    note_keys(trees, parent, first + 1, first + 2);
    parent->keys[first + 1] = tree_key_with(right->keys[0], right_number);
    return false;
}

void tree_erase(struct trees *trees, uint32_t *root, tree_key key)
{
    struct path path;
    CHECK(*root != TREE_EMPTY);
    descend(trees, *root, key, &path);
    struct step step = path.steps[path.depth];
    struct tree_node *node = node_of(trees, step.node);
    CHECK(step.at < node->count && bb_wide_same(node->keys[step.at], key));
    drop_key(trees, node, step.at);
    for (uint32_t depth = path.depth; depth > 0 && node->count < TREE_NODE_MIN; depth--) {
        step = path.steps[depth - 1];
        node = node_of(trees, step.node);
        if (!refill(trees, node, step.at))
            return;
    }
    const struct tree_node *top = node_of(trees, *root);
    if (top->count > (top->level > 0 ? 1 : 0))
        return;
    uint32_t old = *root;
    journal_note(trees->journal, root, sizeof *root);
    *root = top->level > 0 ? child_number(top, 0) : TREE_EMPTY;
    free_node(trees, old);
}

struct tree_cursor tree_first(const struct trees *trees, uint32_t root)
{
    if (root == TREE_EMPTY)
        return (struct tree_cursor){NULL, 0};
    const struct tree_node *node = node_of(trees, root);
    while (node->level > 0)
        node = node_of(trees, child_number(node, 0));
    return (struct tree_cursor){node, 0};
}

struct tree_cursor tree_seek(const struct trees *trees, uint32_t root, tree_key key)
{
    if (root == TREE_EMPTY)
        return (struct tree_cursor){NULL, 0};
    struct path path;
    descend(trees, root, key, &path);
    struct step step = path.steps[path.depth];
    struct tree_cursor cursor = {node_of(trees, step.node), step.at};
    if (step.at == cursor.node->count) { /* all of this leaf are below */
        cursor.at--;
        tree_step(trees, &cursor);
    }
    return cursor;
}
