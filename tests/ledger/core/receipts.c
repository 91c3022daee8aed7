#include "tests/ledger/core/receipts.h"

#include "ledger/core/sealing.h"
#include "tests/link/cm.h"

#include <stdlib.h>

static void sell(struct world *world, struct chain *chain, unsigned who, int64_t wh, int64_t price)
{
    struct action action = {.type = ACTION_SELL, .sell = {.energy = {wh}, .price = {price}}};
    assert_int_equal(world_execute(world, chain, who, action, NULL), REFUSAL_NONE);
}

/* Posts, a purchase from two sellers, a correction with a text, and a transfer that is refused. */
static uint8_t *block_with_trades(struct world *world, struct chain *chain, size_t *size_out)
{
    sealing_begin(chain, 1, (struct wall){WORLD_TIME + 4000});
    sell(world, chain, WORLD_P1, 6000, 98200);
    sell(world, chain, WORLD_P2, 7000, 99000);
    struct action buy = {.type = ACTION_BUY,
                         .buy = {.energy = {8000}, .max_price = {100000}, .fill = FILL_ALL_OR_NOTHING}};
    struct receipt receipt;
    assert_int_equal(world_execute(world, chain, WORLD_C1, buy, &receipt), REFUSAL_NONE);
    assert_true(receipt.trade_count >= 2);
    struct action correction = {.type = ACTION_CORRECTION,
                                .correction = {.reason = bytes_of("relevé à corriger\x1b[31m")}};
    assert_int_equal(world_execute(world, chain, WORLD_OPERATOR, correction, NULL), REFUSAL_NONE);
    struct action transfer = {.type = ACTION_TRANSFER, .transfer = {world->addresses[WORLD_C1], {INT64_MAX}}};
    assert_int_equal(world_execute(world, chain, WORLD_P1, transfer, NULL), REFUSAL_NONE);
    return world_finish(world, chain, false, size_out);
}

void receipts_open(struct receipts *receipts)
{
    memset(receipts, 0, sizeof *receipts);
    world_open(&receipts->world, 1);
    struct chain *chain = world_chain(&receipts->world);
    struct chain_head head;
    for (unsigned height = 0; height <= RECEIPTS_BLOCKS; height++) {
        size_t *size = &receipts->sizes[height];
        if (height == 4)
            receipts->blocks[height] = block_with_trades(&receipts->world, chain, size);
        else if (height > 0)
            receipts->blocks[height] = world_block(&receipts->world, chain, WORLD_TIME + height * 1000,
                                                   RECEIPTS_EACH, height % 3 == 0, size);
        chain_head(chain, &head);
        receipts->leaves[height] = merkle_leaf((struct bytes){head.hash.bytes, sizeof head.hash.bytes});
    }
    chain_close(chain);
    assert_int_equal(
        proof_trust_genesis((struct bytes){receipts->world.genesis, receipts->world.genesis_size},
                            &receipts->trust),
        BB_OK);
}

void receipts_close(struct receipts *receipts)
{
    for (unsigned height = 1; height <= RECEIPTS_BLOCKS; height++)
        free(receipts->blocks[height]);
    world_close(&receipts->world);
}

static struct hash leaf_at(void *context, uint64_t index)
{
    struct receipts *receipts = context;
    assert_true(index <= RECEIPTS_BLOCKS);
    return receipts->leaves[index];
}

size_t receipts_write(struct receipts *receipts, unsigned height, uint32_t index, unsigned head, uint8_t *out)
{
    struct block block, later;
    struct proof proof;
    assert_int_equal(block_decode((struct bytes){receipts->blocks[height], receipts->sizes[height]}, &block),
                     BB_OK);
    assert_int_equal(proof_make(&receipts->trust.genesis, &block, index, &proof), BB_OK);
    if (head > 0) {
        assert_int_equal(block_decode((struct bytes){receipts->blocks[head], receipts->sizes[head]}, &later),
                         BB_OK);
        proof_add_head(&proof, &later, leaf_at, receipts);
    }
    return proof_encode(&proof, out);
}
