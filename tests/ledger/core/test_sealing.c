/* Making blocks: who may put what into one, what a refusal leaves behind (nothing), and that the same input
 * gives the same bytes. */
#include "ledger/core/sealing.h"
#include "market/rows.h"
#include "tests/ledger/core/world.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <stdlib.h>

static uint64_t seed;
static struct world world;
static struct chain *chain;

static int open_world(void **state)
{
    (void)state;
    world_open(&world, seed);
    chain = world_chain(&world);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    chain_close(chain);
    world_close(&world);
    return 0;
}

static struct action transfer(unsigned to, int64_t nano)
{
    return (struct action){.type = ACTION_TRANSFER,
                           .transfer = {.to = world.addresses[to], .amount = {nano}}};
}

/* Executes a transaction of `who` with this envelope, signed by key `key`. */
static enum refusal submit(unsigned who, unsigned key, struct action action, uint64_t nonce,
                           uint64_t deadline)
{
    struct transaction transaction;
    action.actor = world.addresses[who];
    assert_int_equal(transaction_make(&action, nonce, deadline, &transaction), BB_OK);
    struct hash id = transaction_id(&transaction, &world.separator);
    struct bytes receipt;
    return sealing_execute(chain, &transaction, &id, &world.addresses[key], &receipt);
}

static enum status finish(unsigned sealer, bool checkpoint, struct bytes *block_out)
{
    return sealing_finish(chain, world.signer, &world.secrets[sealer], checkpoint, block_out);
}

static void seal(void)
{
    struct bytes block;
    assert_int_equal(finish(WORLD_SEALER, false, &block), BB_OK);
    chain_commit(chain);
}

static void begin(int64_t seconds)
{
    sealing_begin(chain, 1, (struct wall){WORLD_TIME + seconds * 1000});
}

static void test_envelope(void **state)
{
    (void)state;
    struct action action = transfer(WORLD_C1, 1);
    uint64_t now = WORLD_TIME / 1000 + 10;
    begin(10);
    size_t size, after;
    uint8_t *before = world_rows(chain, &size);
    assert_int_equal(submit(WORLD_P1, WORLD_P2, action, 0, 0), REFUSAL_WRONG_SIGNER);
    assert_int_equal(submit(WORLD_STRANGER, WORLD_STRANGER, action, 0, 0), REFUSAL_NOT_ADMITTED);
    assert_int_equal(submit(WORLD_P1, WORLD_P1, action, 1, 0), REFUSAL_NONCE);
    assert_int_equal(submit(WORLD_P1, WORLD_P1, action, UINT64_MAX, 0), REFUSAL_NONCE);
    assert_int_equal(submit(WORLD_P1, WORLD_P1, action, 0, 1), REFUSAL_DEADLINE);
    assert_int_equal(submit(WORLD_P1, WORLD_P1, action, 0, now), REFUSAL_DEADLINE);
    uint8_t *rows = world_rows(chain, &after);
    assert_int_equal(size, after);
    assert_memory_equal(rows, before, size);
    free(rows);
    free(before);
    assert_int_equal(sealing_pending(chain), 0);
    assert_int_equal(submit(WORLD_P1, WORLD_P1, action, 0, now + 1), REFUSAL_NONE);
    assert_int_equal(submit(WORLD_P1, WORLD_P1, action, 0, now + 1), REFUSAL_NONCE); /* a replay */
    assert_int_equal(submit(WORLD_P1, WORLD_P1, action, 1, UINT64_MAX), REFUSAL_NONE);
    assert_int_equal(sealing_pending(chain), 2);
    seal();
    begin(11);
    assert_int_equal(submit(WORLD_P1, WORLD_P1, action, 0, 0), REFUSAL_NONCE); /* in a later block too */
    assert_int_equal(submit(WORLD_P1, WORLD_P1, action, 2, 0), REFUSAL_NONE);
    seal();
}

/* The contract's refusal is a receipt and takes the nonce. */
static void test_verdict_takes_the_nonce(void **state)
{
    (void)state;
    struct receipt receipt;
    begin(0);
    assert_int_equal(world_nonce(&world, chain, WORLD_P1), 0);
    assert_int_equal(world_execute(&world, chain, WORLD_P1, transfer(WORLD_C1, INT64_MAX), &receipt),
                     REFUSAL_NONE);
    assert_int_equal(receipt.verdict, VERDICT_MONEY);
    assert_int_equal(receipt.trade_count + receipt.balance_count + receipt.passed_count, 0);
    assert_int_equal(world_nonce(&world, chain, WORLD_P1), 1);
    assert_int_equal(world_execute(&world, chain, WORLD_P1, transfer(WORLD_P1, 1), &receipt), REFUSAL_NONE);
    assert_int_equal(receipt.verdict, VERDICT_SAME_ACCOUNT);
    assert_int_equal(world_execute(&world, chain, WORLD_P1, transfer(WORLD_C1, 7), &receipt), REFUSAL_NONE);
    assert_int_equal(receipt.verdict, VERDICT_OK);
    assert_int_equal(world_nonce(&world, chain, WORLD_P1), 3);
    assert_int_equal(receipt.balance_count, 2);
    struct receipt_balance balance;
    receipt_balance(&receipt, 0, &balance);
    assert_memory_equal(&balance.address, &world.addresses[WORLD_P1], sizeof balance.address);
    assert_int_equal(balance.money.nano, INT64_C(10000000000) - 7);
    seal();
}

static void test_revoked_and_moved_accounts(void **state)
{
    (void)state;
    struct action revoke = {.type = ACTION_REVOKE, .revoke = {world.addresses[WORLD_C1]}};
    struct action rekey = {.type = ACTION_REKEY,
                           .rekey = {world.addresses[WORLD_C2], world.addresses[WORLD_STRANGER]}};
    begin(0);
    assert_int_equal(world_execute(&world, chain, WORLD_OPERATOR, revoke, NULL), REFUSAL_NONE);
    assert_int_equal(submit(WORLD_C1, WORLD_C1, transfer(WORLD_P1, 1), 0, 0), REFUSAL_REVOKED);
    assert_int_equal(submit(WORLD_C2, WORLD_C2, transfer(WORLD_P1, 1), 0, 0), REFUSAL_NONE);
    assert_int_equal(world_execute(&world, chain, WORLD_OPERATOR, rekey, NULL), REFUSAL_NONE);
    assert_int_equal(submit(WORLD_C2, WORLD_C2, transfer(WORLD_P1, 1), 1, 0), REFUSAL_REVOKED);
    assert_int_equal(submit(WORLD_STRANGER, WORLD_STRANGER, transfer(WORLD_P1, 1), 0, 0), REFUSAL_NONCE);
    assert_int_equal(submit(WORLD_STRANGER, WORLD_STRANGER, transfer(WORLD_P1, 1), 1, 0), REFUSAL_NONE);
    seal();
}

static void test_time_never_steps_back(void **state)
{
    (void)state;
    struct chain_head head;
    const int64_t clocks[] = {-100, 50, 20, 50, 51}, times[] = {0, 50, 50, 50, 51};
    for (size_t i = 0; i < 5; i++) {
        begin(clocks[i]);
        assert_int_equal(world_execute(&world, chain, WORLD_P1, transfer(WORLD_C1, 1), NULL), REFUSAL_NONE);
        seal();
        chain_head(chain, &head);
        assert_int_equal(head.time.ms, WORLD_TIME + times[i] * 1000);
        assert_int_equal(head.height, i + 1);
        assert_int_equal(head.transactions, i + 1);
    }
}

/* The block that names another sealer is still the old one's; the next is not. */
static void test_sealer_changes_with_the_next_block(void **state)
{
    (void)state;
    struct action change = {.type = ACTION_SET_SEALER, .sealer = {world.addresses[WORLD_STRANGER]}};
    struct bytes block;
    begin(0);
    assert_int_equal(world_execute(&world, chain, WORLD_OPERATOR, change, NULL), REFUSAL_NONE);
    assert_int_equal(world_execute(&world, chain, WORLD_P1, transfer(WORLD_C1, 1), NULL), REFUSAL_NONE);
    seal();
    size_t size, after;
    uint8_t *before = world_rows(chain, &size);
    begin(0);
    assert_int_equal(world_execute(&world, chain, WORLD_P1, transfer(WORLD_C1, 1), NULL), REFUSAL_NONE);
    assert_int_equal(finish(WORLD_SEALER, false, &block), BB_DENIED);
    uint8_t *rows = world_rows(chain, &after);
    assert_int_equal(size, after);
    assert_memory_equal(rows, before, size);
    free(rows);
    free(before);
    begin(0);
    assert_int_equal(world_execute(&world, chain, WORLD_P1, transfer(WORLD_C1, 1), NULL), REFUSAL_NONE);
    assert_int_equal(finish(WORLD_STRANGER, false, &block), BB_OK);
    chain_commit(chain);
}

static bool knows(void *context, const struct hash *id)
{
    return hash_equal(context, id);
}

static void test_correction_of_a_known_transaction(void **state)
{
    (void)state;
    struct hash earlier = {{7}};
    struct action action = {.type = ACTION_CORRECTION,
                            .correction = {.transaction = earlier,
                                           .from = world.addresses[WORLD_P1],
                                           .to = world.addresses[WORLD_C1],
                                           .energy = {3},
                                           .reason = bytes_of("the meter was read twice")}};
    struct receipt receipt;
    begin(0);
    assert_int_equal(world_execute(&world, chain, WORLD_OPERATOR, action, &receipt), REFUSAL_NONE);
    assert_int_equal(receipt.verdict, VERDICT_UNKNOWN_TRANSACTION); /* nobody was asked */
    chain_ask(chain, knows, &earlier);
    assert_int_equal(world_execute(&world, chain, WORLD_OPERATOR, action, &receipt), REFUSAL_NONE);
    assert_int_equal(receipt.verdict, VERDICT_OK);
    action.correction.transaction.bytes[0]++;
    assert_int_equal(world_execute(&world, chain, WORLD_OPERATOR, action, &receipt), REFUSAL_NONE);
    assert_int_equal(receipt.verdict, VERDICT_UNKNOWN_TRANSACTION);
    seal();
}

static void test_full_block(void **state)
{
    (void)state;
    struct action action = transfer(WORLD_C1, 1);
    begin(0);
    for (uint32_t i = 0; i < BLOCK_TRANSACTIONS_MAX; i++)
        assert_int_equal(submit(WORLD_P1, WORLD_P1, action, i, 0), REFUSAL_NONE);
    assert_int_equal(submit(WORLD_P1, WORLD_P1, action, BLOCK_TRANSACTIONS_MAX, 0), REFUSAL_BUSY);
    assert_int_equal(sealing_pending(chain), BLOCK_TRANSACTIONS_MAX);
    assert_int_equal(world_nonce(&world, chain, WORLD_P1), BLOCK_TRANSACTIONS_MAX);
    struct bytes bytes;
    struct block block;
    assert_int_equal(finish(WORLD_SEALER, true, &bytes), BB_OK);
    assert_int_equal(block_decode(bytes, &block), BB_OK);
    assert_int_equal(block.header.count, BLOCK_TRANSACTIONS_MAX);
    chain_commit(chain);
    begin(0);
    assert_int_equal(submit(WORLD_P1, WORLD_P1, action, BLOCK_TRANSACTIONS_MAX, 0), REFUSAL_NONE);
    seal();
}

/* The same world with room for many orders, and energy for them. */
static void open_big_market(void)
{
    struct genesis genesis;
    chain_close(chain);
    assert_int_equal(genesis_decode((struct bytes){world.genesis, world.genesis_size}, &genesis), BB_OK);
    free(world.genesis);
    genesis.limits.orders = 200000;
    genesis.participants[WORLD_P1].energy.wh = 1000000;
    genesis.participants[WORLD_C2].money.nano = INT64_C(1000000000000);
    assert_int_equal(genesis_encode(&genesis, NULL, &world.genesis, &world.genesis_size), BB_OK);
    genesis_free(&genesis);
    chain = world_chain(&world);
    world.separator = *chain_separator(chain);
}

/* Purchases with the longest receipts: the block is full before its bytes are too many, and what did not fit
 * goes into the next one. */
static void test_full_of_bytes(void **state)
{
    (void)state;
    struct action sell = {.type = ACTION_SELL, .sell = {.energy = {1}, .price = {1000}}};
    struct action buy = {.type = ACTION_BUY, .buy = {.energy = {MARKET_TRADES_MAX}, .max_price = {1000}}};
    struct bytes bytes;
    struct block block;
    for (uint64_t nonce = 0, posts = 170 * MARKET_TRADES_MAX; nonce < posts;) {
        begin(0);
        while (nonce < posts && submit(WORLD_P1, WORLD_P1, sell, nonce, 0) == REFUSAL_NONE)
            nonce++;
        seal();
    }
    uint64_t bought = 0;
    begin(0);
    while (submit(WORLD_C2, WORLD_C2, buy, bought, 0) == REFUSAL_NONE)
        bought++;
    assert_int_equal(submit(WORLD_C2, WORLD_C2, buy, bought, 0), REFUSAL_BUSY);
    assert_int_equal(world_nonce(&world, chain, WORLD_C2), bought);
    assert_in_range(bought, 150, 169);
    assert_int_equal(finish(WORLD_SEALER, false, &bytes), BB_OK);
    assert_in_range(bytes.size, BLOCK_BYTES_MAX - 2 * RECEIPT_BYTES_MAX, BLOCK_BYTES_MAX);
    assert_int_equal(block_decode(bytes, &block), BB_OK);
    assert_int_equal(block.header.count, bought);
    chain_commit(chain);
    begin(0);
    assert_int_equal(submit(WORLD_C2, WORLD_C2, buy, bought, 0), REFUSAL_NONE);
    seal();
}

static int open_world_with_room(void **state)
{
    open_world(state);
    open_big_market();
    return 0;
}

/* At any moment of a block, a rollback brings back every row, and the next block is as if nothing had been.
 */
static void test_rollback_restores_every_row(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 30; round++) {
        size_t size, after, block_size;
        uint8_t *before = world_rows(chain, &size);
        begin(round * 3);
        for (unsigned i = seed_below(&world.seed, 20); i > 0; i--) {
            struct action action;
            unsigned who = world_action(&world, chain, &action);
            assert_int_equal(world_execute(&world, chain, who, action, NULL), REFUSAL_NONE);
        }
        struct bytes block;
        if (sealing_pending(chain) > 0 && round % 2 == 0)
            assert_int_equal(finish(WORLD_SEALER, round % 4 == 0, &block), BB_OK);
        chain_rollback(chain);
        uint8_t *rows = world_rows(chain, &after);
        assert_int_equal(size, after);
        assert_memory_equal(rows, before, size);
        free(rows);
        free(before);
        struct chain_head head;
        chain_head(chain, &head);
        assert_int_equal(head.height, round);
        free(world_block(&world, chain, WORLD_TIME + round * 3000, 5, false, &block_size));
    }
}

/* Another chain with the same transactions, times and sealer has the same bytes. */
static void test_same_input_same_bytes(void **state)
{
    (void)state;
    struct chain *other = world_chain(&world);
    uint64_t start = world.seed;
    for (unsigned height = 1; height <= 20; height++) {
        size_t size, other_size;
        uint8_t *block = world_block(&world, chain, WORLD_TIME + height, 10, height % 5 == 0, &size);
        uint64_t next = world.seed;
        world.seed = start;
        uint8_t *again = world_block(&world, other, WORLD_TIME + height, 10, height % 5 == 0, &other_size);
        assert_int_equal(size, other_size);
        assert_memory_equal(block, again, size);
        start = world.seed = next;
        free(block);
        free(again);
    }
    world_compare(chain, other);
    chain_close(other);
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
    const struct CMUnitTest tests[] = {
        CASE(test_envelope),
        CASE(test_verdict_takes_the_nonce),
        CASE(test_revoked_and_moved_accounts),
        CASE(test_time_never_steps_back),
        CASE(test_sealer_changes_with_the_next_block),
        CASE(test_correction_of_a_known_transaction),
        CASE(test_full_block),
        cmocka_unit_test_setup_teardown(test_full_of_bytes, open_world_with_room, close_world),
        CASE(test_rollback_restores_every_row),
        CASE(test_same_input_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
