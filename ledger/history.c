#include "ledger/history.h"

#include "ledger/core/genesis.h"

#include <busbar/check.h>
#include <stdlib.h>

#define TILE                                                                                                 \
    256 /* leaves whose root is kept; a power of two, so that the tiles are leaves of the same tree */

struct history {
    struct store *store;
    struct hash *tiles;
    uint64_t count, capacity;
    enum status status; /* of the leaves that were asked for */
};

/* The tree over leaves [from, from + …). */
struct part {
    struct history *history;
    uint64_t from;
};

struct history *history_open(struct store *store)
{
    struct history *history = calloc(1, sizeof *history);
    CHECK(history != NULL);
    history->store = store;
    return history;
}

void history_close(struct history *history)
{
    if (history == NULL)
        return;
    free(history->tiles);
    free(history);
}

/* Leaf `index` of the whole tree. */
static struct hash leaf(struct history *history, uint64_t index)
{
    struct hash hash = {{0}};
    if (index == 0) {
        hash = genesis_hash(store_genesis(history->store));
    } else if (history->status == BB_OK) {
        enum status status = store_block_hash(history->store, index, &hash);
        history->status = status == BB_NOT_FOUND ? BB_MALFORMED : status;
    }
    return merkle_leaf((struct bytes){hash.bytes, sizeof hash.bytes});
}

static struct hash part_leaf(void *context, uint64_t index)
{
    struct part *part = context;
    return leaf(part->history, part->from + index);
}

/* The root over leaves [from, to). */
static struct hash root_of(struct history *history, uint64_t from, uint64_t to)
{
    struct merkle_edge edge = {0};
    for (uint64_t i = from; i < to; i++) {
        struct hash next = leaf(history, i);
        merkle_append(&edge, &next);
    }
    return merkle_root(&edge);
}

/* The tree of the tiles of the first `size` leaves: whole ones are kept, the last may be a part of one. */
struct tiled {
    struct history *history;
    uint64_t size;
};

static struct hash tile(void *context, uint64_t index)
{
    struct tiled *tiled = context;
    struct history *history = tiled->history;
    uint64_t from = index * TILE;
    if (from + TILE > tiled->size)
        return root_of(history, from, tiled->size);
    while (history->count <= index && history->status == BB_OK) {
        struct hash root = root_of(history, history->count * TILE, (history->count + 1) * TILE);
        if (history->status != BB_OK)
            return root;
        if (history->count == history->capacity) {
            history->capacity = history->capacity == 0 ? 64 : history->capacity * 2;
            history->tiles = realloc(history->tiles, history->capacity * sizeof *history->tiles);
            CHECK(history->tiles != NULL);
        }
        history->tiles[history->count++] = root;
    }
    return index < history->count ? history->tiles[index] : (struct hash){{0}};
}

static uint64_t tiles_of(uint64_t size)
{
    return (size + TILE - 1) / TILE;
}

static void join(struct merkle_proof *proof, const struct merkle_proof *more)
{
    for (uint32_t i = 0; i < more->count && proof->count < MERKLE_PROOF_MAX; i++)
        proof->hashes[proof->count++] = more->hashes[i];
}

/* How many leaves tile `index` has in the tree of `size`. */
static uint64_t leaves_of(uint64_t index, uint64_t size)
{
    uint64_t left = size - index * TILE;
    return left < TILE ? left : TILE;
}

static enum status finish(struct history *history, const struct merkle_proof *proof, struct merkle_proof *out)
{
    enum status status = history->status;
    history->status = BB_OK;
    if (status == BB_OK)
        *out = *proof;
    return status;
}

enum status history_inclusion(struct history *history, uint64_t height, uint64_t later,
                              struct merkle_proof *out)
{
    if (height >= later || later > store_height(history->store) + 1)
        return BB_NOT_FOUND;
    struct part part = {history, height / TILE * TILE};
    struct tiled tiled = {history, later};
    struct merkle_proof proof, above;
    merkle_inclusion(part_leaf, &part, height % TILE, leaves_of(height / TILE, later), &proof);
    merkle_inclusion(tile, &tiled, height / TILE, tiles_of(later), &above);
    join(&proof, &above);
    return finish(history, &proof, out);
}

enum status history_consistency(struct history *history, uint64_t first, uint64_t second,
                                struct merkle_proof *out)
{
    if (first == 0 || first > second || second > store_height(history->store) + 1)
        return BB_NOT_FOUND;
    struct tiled tiled = {history, second};
    struct merkle_proof proof = {0}, more;
    uint64_t inside = first % TILE, index = first / TILE;
    if (first == second)
        return finish(history, &proof, out);
    if (inside == 0) {
        merkle_consistency(tile, &tiled, index, tiles_of(second), &proof);
        return finish(history, &proof, out);
    }
    /* The proof within the tile that `first` ends in, and then that tile's path. Only in the first tile may a
     * proof leave out the tree that the verifier has already (RFC 6962 §2.1.2: b is true on the left edge).
     */
    struct part part = {history, index * TILE};
    if (index > 0 && (inside & (inside - 1)) == 0)
        proof.hashes[proof.count++] = root_of(history, part.from, first);
    merkle_consistency(part_leaf, &part, inside, leaves_of(index, second), &more);
    join(&proof, &more);
    merkle_inclusion(tile, &tiled, index, tiles_of(second), &more);
    join(&proof, &more);
    return finish(history, &proof, out);
}

enum status history_root(struct history *history, uint64_t size, struct hash *out)
{
    if (size > store_height(history->store) + 1)
        return BB_NOT_FOUND;
    struct tiled tiled = {history, size};
    struct merkle_edge edge = {0};
    for (uint64_t i = 0; i < tiles_of(size); i++) {
        struct hash root = tile(&tiled, i);
        merkle_append(&edge, &root);
    }
    struct hash root = merkle_root(&edge);
    enum status status = history->status;
    history->status = BB_OK;
    if (status == BB_OK)
        *out = root;
    return status;
}
