/* Taking blocks from elsewhere: a second chain follows the first from the bytes alone, and whatever is wrong
 * with a block (every single bit of one; a sealer who lies) is refused by name and leaves no trace. */
#include "ledger/core/following.h"
#include "ledger/core/sealing.h"
#include "market/rows.h"
#include "tests/ledger/core/world.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <stdlib.h>

static uint64_t seed;
static struct world world;
static struct chain *chain, *other;

static int open_world(void **state)
{
    (void)state;
    world_open(&world, seed);
    chain = world_chain(&world);
    other = world_chain(&world);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    chain_close(chain);
    chain_close(other);
    world_close(&world);
    return 0;
}

static enum chain_fault follow(const uint8_t *block, size_t size, uint32_t *index_out)
{
    return following_accept(other, world.signer, (struct bytes){block, size}, NULL, index_out);
}

static void count_verdicts(const uint8_t *bytes, size_t size, unsigned counts[VERDICT_COUNT])
{
    struct block block;
    struct receipt receipt;
    assert_int_equal(block_decode((struct bytes){bytes, size}, &block), BB_OK);
    struct reader receipts = reader_at(block.receipts);
    for (uint32_t i = 0; i < block.header.count; i++) {
        assert_int_equal(receipt_decode(block_next_receipt(&receipts), &receipt), BB_OK);
        counts[receipt.verdict]++;
    }
}

static void test_random_worlds_are_followed(void **state)
{
    (void)state;
    unsigned counts[VERDICT_COUNT] = {0}, kinds = 0;
    for (unsigned height = 1; height <= 40; height++) {
        size_t size;
        uint32_t index;
        uint8_t *block =
            world_block(&world, chain, WORLD_TIME + height * 1500, 1 + height % 30, height % 6 == 0, &size);
        count_verdicts(block, size, counts);
        assert_int_equal(follow(block, size, &index), CHAIN_GOOD);
        chain_commit(other);
        world_compare(chain, other);
        assert_int_equal(follow(block, size, &index), CHAIN_HEIGHT); /* twice is refused */
        free(block);
    }
    for (unsigned i = 0; i < VERDICT_COUNT; i++)
        kinds += counts[i] > 0;
    print_message("verdicts: %u ok, %u kinds\n", counts[VERDICT_OK], kinds);
    assert_true(counts[VERDICT_OK] > 100 && kinds > 6);
}

/* Recovered elsewhere, the signers are taken as they are given. */
static void test_signers_from_elsewhere(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = world_block(&world, chain, WORLD_TIME, 12, true, &size);
    struct block block;
    assert_int_equal(block_decode((struct bytes){bytes, size}, &block), BB_OK);
    struct address addresses[12];
    struct hash ids[12];
    struct reader transactions = reader_at(block.transactions);
    for (unsigned i = 0; i < 12; i++) {
        struct transaction transaction;
        assert_int_equal(transaction_decode(block_next_transaction(&transactions), &transaction), BB_OK);
        ids[i] = transaction_id(&transaction, &world.separator);
        assert_int_equal(signer_recover(world.signer, &ids[i], transaction.signature, &addresses[i]),
                         SIGNATURE_GOOD);
    }
    struct chain_signers signers = {addresses, ids};
    struct bytes block_bytes = {bytes, size};
    uint32_t index = 99;
    struct address right = addresses[7];
    addresses[7] = (struct address){0}; /* none was found */
    assert_int_equal(following_accept(other, world.signer, block_bytes, &signers, &index), CHAIN_SIGNATURE);
    assert_int_equal(index, 7);
    addresses[7] = world.addresses[WORLD_STRANGER];
    assert_int_equal(following_accept(other, world.signer, block_bytes, &signers, &index), CHAIN_SIGNATURE);
    addresses[7] = right;
    assert_int_equal(following_accept(other, world.signer, block_bytes, &signers, &index), CHAIN_GOOD);
    chain_commit(other);
    world_compare(chain, other);
    free(bytes);
}

/* All bits of a block with its checkpoint: header, seal, transactions, receipts, sizes. */
static void test_every_flipped_bit_is_refused(void **state)
{
    (void)state;
    size_t size, rows_size, after;
    uint32_t index;
    uint8_t *first = world_block(&world, chain, WORLD_TIME, 10, false, &size);
    assert_int_equal(follow(first, size, &index), CHAIN_GOOD);
    chain_commit(other);
    uint8_t *block = world_block(&world, chain, WORLD_TIME + 5, 2, true, &size);
    uint8_t *before = world_rows(other, &rows_size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        block[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (follow(block, size, &index) == CHAIN_GOOD)
            fail_msg("bit %zu of %zu is free", bit, 8 * size);
        block[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t less = 1; less < size; less += 7)
        assert_int_equal(follow(block, size - less, &index), CHAIN_MALFORMED);
    uint8_t *rows = world_rows(other, &after);
    assert_int_equal(rows_size, after);
    assert_memory_equal(rows, before, after);
    assert_int_equal(follow(block, size, &index), CHAIN_GOOD);
    chain_commit(other);
    world_compare(chain, other);
    free(rows);
    free(before);
    free(block);
    free(first);
}

/* -- a sealer who lies: each change is sealed again with the right key ----------------------------------- */

/* A block taken apart, to be put together otherwise. */
struct parts {
    struct block_header header;
    struct bytes transactions[8], receipts[8];
    uint8_t changed[TRANSACTION_BYTES_MAX + RECEIPT_BYTES_MAX]; /* room for one altered element */
};

typedef void lie(struct parts *parts);

static struct hash root_of(const struct bytes *elements, uint32_t count)
{
    struct merkle_edge edge = {0};
    for (uint32_t i = 0; i < count; i++) {
        struct hash leaf = merkle_leaf(elements[i]);
        merkle_append(&edge, &leaf);
    }
    return merkle_root(&edge);
}

static void roots(struct parts *parts)
{
    parts->header.transactions = root_of(parts->transactions, parts->header.count);
    parts->header.receipts = root_of(parts->receipts, parts->header.count);
}

static size_t put_together(const struct parts *parts, uint8_t *out, size_t capacity)
{
    uint8_t header[BLOCK_HEADER_SIZE], signature[SIGNATURE_SIZE];
    block_header_encode(&parts->header, header);
    struct hash hash = block_hash((struct bytes){header, sizeof header});
    signer_sign(world.signer, &world.secrets[WORLD_SEALER], &hash, signature);
    struct writer w = writer_at(out, capacity);
    write_bytes(&w, (struct bytes){header, sizeof header});
    write_u8(&w, 1);
    write_u8(&w, BLOCK_SEAL_SIGNATURE);
    write_u16(&w, SIGNATURE_SIZE);
    write_bytes(&w, (struct bytes){signature, sizeof signature});
    for (uint32_t i = 0; i < parts->header.count; i++) {
        write_u16(&w, (uint16_t)parts->transactions[i].size);
        write_bytes(&w, parts->transactions[i]);
    }
    for (uint32_t i = 0; i < parts->header.count; i++) {
        write_u32(&w, (uint32_t)parts->receipts[i].size);
        write_bytes(&w, parts->receipts[i]);
    }
    assert_true(w.ok);
    return w.size;
}

static void nothing(struct parts *parts)
{
    (void)parts;
}
static void height(struct parts *parts)
{
    parts->header.height++;
}
static void previous(struct parts *parts)
{
    parts->header.previous.bytes[0] ^= 1;
}
static void history(struct parts *parts)
{
    parts->header.history.bytes[0] ^= 1;
}
static void earlier(struct parts *parts)
{
    parts->header.time.ms = WORLD_TIME - 1;
}
static void negative_time(struct parts *parts)
{
    parts->header.time.ms = INT64_MIN;
}
static void other_sealer(struct parts *parts)
{
    parts->header.sealer = world.addresses[WORLD_STRANGER];
}
static void empty(struct parts *parts)
{
    parts->header.count = 0;
    roots(parts);
}
static void transactions_root(struct parts *parts)
{
    parts->header.transactions.bytes[31] ^= 1;
}
static void receipts_root(struct parts *parts)
{
    parts->header.receipts.bytes[31] ^= 1;
}
static void changes(struct parts *parts)
{
    parts->header.changes.bytes[31] ^= 1;
}
static void state_root(struct parts *parts)
{
    parts->header.state.bytes[31] ^= 1;
}
static void replay(struct parts *parts)
{
    parts->transactions[1] = parts->transactions[0];
    roots(parts);
}
static void left_out(struct parts *parts)
{
    parts->header.count--;
    roots(parts);
}
static void richer(struct parts *parts)
{
    memcpy(parts->changed, parts->receipts[1].data, parts->receipts[1].size);
    parts->changed[parts->receipts[1].size - 1 - 24] ^= 1; /* a balance */
    parts->receipts[1].data = parts->changed;
    roots(parts);
}
static void forged(struct parts *parts)
{
    memcpy(parts->changed, parts->transactions[1].data, parts->transactions[1].size);
    parts->changed[1 + 4 * 32 + 31] ^= 1; /* the amount */
    parts->transactions[1].data = parts->changed;
    roots(parts);
}
static void not_canonical(struct parts *parts)
{
    memcpy(parts->changed, parts->transactions[1].data, parts->transactions[1].size);
    parts->changed[1] = 1; /* beyond the 20 bytes of an address */
    parts->transactions[1].data = parts->changed;
    roots(parts);
}

static const struct {
    const char *name;
    lie *lie;
    enum chain_fault fault;
    uint32_t index; /* of the transaction at fault; 99: of none */
} lies[] = {
    {"nothing", nothing, CHAIN_GOOD, 99},
    {"height", height, CHAIN_HEIGHT, 99},
    {"previous", previous, CHAIN_PREVIOUS, 99},
    {"history", history, CHAIN_HISTORY, 99},
    {"earlier", earlier, CHAIN_TIME, 99},
    {"negative time", negative_time, CHAIN_TIME, 99},
    {"other sealer", other_sealer, CHAIN_SEALER, 99},
    {"empty", empty, CHAIN_EMPTY, 99},
    {"transactions' root", transactions_root, CHAIN_TRANSACTIONS, 99},
    {"receipts' root", receipts_root, CHAIN_RECEIPTS, 99},
    {"changes", changes, CHAIN_CHANGES, 99},
    {"state", state_root, CHAIN_STATE, 99},
    {"a transaction twice", replay, CHAIN_ENVELOPE, 1},
    {"a transaction left out", left_out, CHAIN_CHANGES, 99},
    {"a richer balance", richer, CHAIN_RECEIPT, 1},
    {"a forged amount", forged, CHAIN_SIGNATURE, 1},
    {"a word that is not canonical", not_canonical, CHAIN_MALFORMED, 1},
};

static void take_apart(struct bytes bytes, struct parts *out)
{
    struct block block;
    assert_int_equal(block_decode(bytes, &block), BB_OK);
    assert_true(block.header.count <= 8);
    out->header = block.header;
    struct reader transactions = reader_at(block.transactions), receipts = reader_at(block.receipts);
    for (uint32_t i = 0; i < block.header.count; i++) {
        out->transactions[i] = block_next_transaction(&transactions);
        out->receipts[i] = block_next_receipt(&receipts);
    }
}

static void test_lies_of_the_sealer(void **state)
{
    (void)state;
    struct bytes block;
    sealing_begin(chain, 1, (struct wall){WORLD_TIME + 7});
    for (unsigned i = 0; i < 3; i++) {
        struct action action = {
            .type = ACTION_TRANSFER,
            .transfer = {.to = world.addresses[WORLD_C1 + i % 2], .amount = {(int64_t)(4 + 2 * i)}}};
        assert_int_equal(world_execute(&world, chain, WORLD_P1 + i, action, NULL), REFUSAL_NONE);
    }
    assert_int_equal(sealing_finish(chain, world.signer, &world.secrets[WORLD_SEALER], true, &block), BB_OK);
    static uint8_t told[BLOCK_HEADER_SIZE + 4096];
    static struct parts parts;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        size_t rows_size, after;
        uint32_t index = 99;
        take_apart(block, &parts);
        lies[i].lie(&parts);
        uint8_t *before = world_rows(other, &rows_size);
        enum chain_fault fault = follow(told, put_together(&parts, told, sizeof told), &index);
        if (fault != lies[i].fault || index != lies[i].index)
            fail_msg("%s: %s at %u", lies[i].name, following_word(fault), index);
        if (fault == CHAIN_GOOD)
            chain_rollback(other);
        uint8_t *rows = world_rows(other, &after);
        assert_int_equal(rows_size, after);
        assert_memory_equal(rows, before, after);
        free(before);
        free(rows);
    }
    struct bytes wrong = {told, put_together(&parts, told, sizeof told)};
    told[BLOCK_HEADER_SIZE] = 2; /* a second seal that nobody vouches for */
    uint32_t index;
    assert_int_equal(follow(wrong.data, wrong.size, &index), CHAIN_MALFORMED);
    chain_rollback(chain);
}

static void test_words(void **state)
{
    (void)state;
    for (unsigned i = 0; i < CHAIN_FAULTS; i++) {
        assert_true(strlen(following_word(i)) > 2);
        assert_true(strlen(following_text(i)) > 10);
    }
    assert_string_equal(following_word(CHAIN_FAULTS), "unknown");
    assert_string_equal(following_text(CHAIN_FAULTS), "unknown");
}

/* -- continuing from a checkpoint ------------------------------------------------------------------------ */

struct saved_row {
    struct row_key key;
    size_t size;
    uint8_t value[MARKET_ROW_MAX];
};

struct saved {
    struct saved_row rows[512];
    size_t count;
};

static void save_row(void *context, struct row_key key, struct bytes value)
{
    struct saved *saved = context;
    assert_true(saved->count < 512);
    struct saved_row *row = &saved->rows[saved->count++];
    row->key = key;
    row->size = value.size;
    memcpy(row->value, value.data, value.size);
}

/* A chain to be filled from a checkpoint. */
static struct chain *empty_chain(void)
{
    struct chain *empty;
    assert_int_equal(chain_open_empty((struct bytes){world.genesis, world.genesis_size}, NULL, &empty),
                     BB_OK);
    return empty;
}

static enum status load(struct chain *fresh, const struct saved *saved)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < saved->count && status == BB_OK; i++)
        status = market_load(chain_market(fresh), saved->rows[i].key,
                             (struct bytes){saved->rows[i].value, saved->rows[i].size});
    return status == BB_OK ? market_loaded(chain_market(fresh)) : status;
}

static void test_resume_from_a_checkpoint(void **state)
{
    (void)state;
    static struct saved saved;
    saved.count = 0;
    size_t size;
    uint32_t index;
    for (unsigned height = 1; height < 9; height++)
        free(world_block(&world, chain, WORLD_TIME + height, 15, false, &size));
    uint8_t *checkpoint = world_block(&world, chain, WORLD_TIME + 9, 15, true, &size);
    struct bytes header = {checkpoint, BLOCK_HEADER_SIZE};
    struct merkle_edge edge = *chain_history(chain);
    assert_int_equal(edge.size, 9);
    market_rows(chain_market(chain), save_row, &saved);
    uint64_t transactions = 9 * 15;

    chain_close(other);
    other = empty_chain();
    assert_int_equal(load(other, &saved), BB_OK);
    assert_int_equal(chain_resume(other, header, &edge, transactions), BB_OK);
    world_compare(chain, other);
    uint8_t *next = world_block(&world, chain, WORLD_TIME + 10, 15, true, &size);
    assert_int_equal(follow(next, size, &index), CHAIN_GOOD);
    chain_commit(other);
    world_compare(chain, other);

    struct chain *fresh = empty_chain(); /* an edge that is not the header's */
    edge.roots[0].bytes[0] ^= 1;
    assert_int_equal(load(fresh, &saved), BB_OK);
    assert_int_equal(chain_resume(fresh, header, &edge, transactions), BB_MALFORMED);
    edge.roots[0].bytes[0] ^= 1;
    edge.size = 8;
    assert_int_equal(chain_resume(fresh, header, &edge, transactions), BB_MALFORMED);
    edge.size = 9;
    struct bytes not_one = {next, BLOCK_HEADER_SIZE};
    assert_int_equal(chain_resume(fresh, not_one, &edge, transactions), BB_MALFORMED);
    chain_close(fresh);
    free(checkpoint);
    free(next);
}

/* A row of another value, a row too few: the load or the root says so. */
static void test_resume_refuses_altered_rows(void **state)
{
    (void)state;
    static struct saved saved, altered;
    saved.count = 0;
    size_t size;
    uint8_t *checkpoint = world_block(&world, chain, WORLD_TIME + 9, 30, true, &size);
    struct bytes header = {checkpoint, BLOCK_HEADER_SIZE};
    market_rows(chain_market(chain), save_row, &saved);
    for (unsigned round = 0; round < 300; round++) {
        altered = saved;
        struct saved_row *row = &altered.rows[seed_below(&world.seed, (uint32_t)saved.count)];
        if (round % 10 == 0)
            *row = altered.rows[--altered.count];
        else
            row->value[seed_below(&world.seed, (uint32_t)row->size)] ^= (uint8_t)(1u << round % 8);
        struct chain *fresh = empty_chain();
        if (load(fresh, &altered) == BB_OK)
            assert_int_equal(chain_resume(fresh, header, chain_history(chain), 30), BB_MALFORMED);
        chain_close(fresh);
    }
    free(checkpoint);
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
#define CASE(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
    const struct CMUnitTest tests[] = {
        CASE(test_random_worlds_are_followed),
        CASE(test_signers_from_elsewhere),
        CASE(test_every_flipped_bit_is_refused),
        CASE(test_lies_of_the_sealer),
        CASE(test_words),
        CASE(test_resume_from_a_checkpoint),
        CASE(test_resume_refuses_altered_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
