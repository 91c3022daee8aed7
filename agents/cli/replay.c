#include "agents/cli/replay.h"

#include <busbar/check.h>
#include <stdlib.h>

/* The ids so far, for corrections: open addressing, at most half full. */
struct ids {
    struct hash *slots;
    bool *taken;
    size_t capacity, count;
};

struct replay {
    struct chain *chain;
    struct signer *signer;
    struct ids ids;
};

/* Where `id` is, or the free place for it. Ids are hashes: their first bytes are as good as any hash of them.
 */
static size_t place_of(const struct ids *ids, const struct hash *id)
{
    uint64_t start;
    memcpy(&start, id->bytes, sizeof start);
    size_t at = (size_t)(start & (ids->capacity - 1));
    while (ids->taken[at] && memcmp(&ids->slots[at], id, sizeof *id) != 0)
        at = (at + 1) & (ids->capacity - 1);
    return at;
}

static void put(struct ids *ids, const struct hash *id)
{
    size_t at = place_of(ids, id);
    ids->count += !ids->taken[at];
    ids->taken[at] = true;
    ids->slots[at] = *id;
}

static void grow(struct ids *ids)
{
    struct ids larger = {.capacity = ids->capacity == 0 ? 1024 : 2 * ids->capacity};
    larger.slots = malloc(larger.capacity * sizeof *larger.slots);
    larger.taken = calloc(larger.capacity, sizeof *larger.taken);
    CHECK(larger.slots != NULL && larger.taken != NULL);
    for (size_t i = 0; i < ids->capacity; i++)
        if (ids->taken[i])
            put(&larger, &ids->slots[i]);
    free(ids->slots);
    free(ids->taken);
    *ids = larger;
}

static bool known(void *context, const struct hash *id)
{
    const struct ids *ids = context;
    return ids->capacity > 0 && ids->taken[place_of(ids, id)];
}

enum status replay_open(struct bytes genesis, struct bb_reason *reason, struct replay **out)
{
    struct replay *replay = calloc(1, sizeof *replay);
    CHECK(replay != NULL);
    enum status status = signer_open(&replay->signer);
    if (status == BB_OK)
        status = chain_open(genesis, reason, &replay->chain);
    if (status != BB_OK) {
        signer_close(replay->signer);
        free(replay);
        return status;
    }
    chain_ask(replay->chain, known, &replay->ids);
    *out = replay;
    return BB_OK;
}

void replay_close(struct replay *replay)
{
    if (replay == NULL)
        return;
    chain_close(replay->chain);
    signer_close(replay->signer);
    free(replay->ids.slots);
    free(replay->ids.taken);
    free(replay);
}

static void remember(struct replay *replay, struct bytes bytes)
{
    struct block block;
    struct transaction transaction;
    CHECK(block_decode(bytes, &block) == BB_OK);
    struct reader reader = reader_at(block.transactions);
    for (uint32_t i = 0; i < block.header.count; i++) {
        CHECK(transaction_decode(block_next_transaction(&reader), &transaction) == BB_OK);
        struct hash id = transaction_id(&transaction, chain_separator(replay->chain));
        if (2 * (replay->ids.count + 1) > replay->ids.capacity)
            grow(&replay->ids);
        put(&replay->ids, &id);
    }
}

enum chain_fault replay_block(struct replay *replay, struct bytes block, uint32_t *index_out)
{
    enum chain_fault fault = following_accept(replay->chain, replay->signer, block, NULL, index_out);
    if (fault != CHAIN_GOOD)
        return fault;
    chain_commit(replay->chain);
    remember(replay, block);
    return CHAIN_GOOD;
}

void replay_head(const struct replay *replay, struct chain_head *out)
{
    chain_head(replay->chain, out);
}
