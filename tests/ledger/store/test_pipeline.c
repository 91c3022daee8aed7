/* From signed bytes to durable receipts, over restarts, repeats, spoiled transactions and sequencers that
 * delay, refuse, lose their answers and repeat. */
#include "ledger/audit.h"
#include "ledger/checkpoint.h"
#include "ledger/core/sealing.h"
#include "ledger/database.h"
#include "market/view.h"
#include "tests/ledger/store/fickle.h"
#include "tests/ledger/store/folder.h"
#include "tests/ledger/store/rig.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <stdlib.h>

#define PATIENCE 20000

static uint64_t first_seed;

struct world {
    uint64_t seed;
    struct folder folder;
    char path[128];
    struct village village;
    struct rig rig;
    struct pipeline_options options;
    uint64_t sent;
    struct {
        uint8_t bytes[TRANSACTION_BYTES_MAX];
        size_t size;
    } * log; /* what was sent, by ticket */
};

static void open_rig(struct world *world, make_sequencer *make, void *context)
{
    struct bb_reason reason = {""};
    enum status status =
        rig_open(&world->rig, &world->village, world->path, &world->options, make, context, &reason);
    if (status != BB_OK)
        fail_msg("%s: %s", bb_status_word(status), reason.text);
    world->sent = 0;
}

static int make(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    world->seed = first_seed;
    world->log = calloc(RIG_TICKETS, sizeof *world->log);
    world->options = (struct pipeline_options){.threads = 2, .checkpoint = 300, .block_max = 64};
    folder_make(&world->folder, true);
    folder_file(&world->folder, "chain.db", world->path);
    village_open(&world->village, 12, 0);
    *state = world;
    return 0;
}

static int unmake(void **state)
{
    struct world *world = *state;
    if (world->rig.loop != NULL)
        rig_close(&world->rig);
    village_close(&world->village);
    folder_remove(&world->folder);
    free(world->log);
    free(world);
    return 0;
}

static void submit(struct world *world, const uint8_t *bytes, size_t size)
{
    uint64_t ticket = world->sent++;
    memcpy(world->log[ticket].bytes, bytes, size);
    world->log[ticket].size = size;
    pipeline_submit(world->rig.pipeline, (struct bytes){bytes, size}, ticket);
}

static void submit_random(struct world *world, uint32_t count)
{
    uint8_t bytes[TRANSACTION_BYTES_MAX];
    for (uint32_t i = 0; i < count; i++)
        submit(world, bytes, village_random(&world->village, &world->seed, bytes));
}

static void audit(struct world *world, uint64_t transactions)
{
    struct bb_reason reason = {""};
    struct audit_report report;
    struct store *store;
    struct chain_head head;
    assert_int_equal(store_open(world->path, STORE_READ, (struct bytes){NULL, 0}, NULL, &store), BB_OK);
    if (audit_run(store, 2, NULL, NULL, &reason, &report) != BB_OK)
        fail_msg("audit: %s", reason.text);
    chain_head(pipeline_chain(world->rig.pipeline), &head);
    assert_int_equal(report.transactions, transactions);
    assert_true(hash_equal(&report.head, &head.hash));
    store_close(store);
}

/* Every answer came once, was good, and the store finds it where the answer says. */
static void check_answers(struct world *world, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        const struct rig_answer *answer = &world->rig.answers[i];
        uint64_t height;
        uint32_t index;
        if (answer->times != 1 || answer->refusal != REFUSAL_NONE || answer->receipt_size < 32)
            fail_msg("ticket %d: answered %u times, %s", (int)i, answer->times,
                     refusal_word(answer->refusal));
        assert_int_equal(store_find(world->rig.store, &answer->id, &height, &index), BB_OK);
        assert_int_equal(height, answer->height);
        assert_int_equal(index, answer->index);
    }
}

static void test_everything_is_answered_once(void **state)
{
    struct world *world = *state;
    open_rig(world, NULL, NULL);
    submit_random(world, 1500);
    assert_true(rig_run(&world->rig, 1500, PATIENCE));
    check_answers(world, 0, 1500);
    struct pipeline_stats stats;
    pipeline_stats(world->rig.pipeline, &stats);
    assert_int_equal(stats.role, SEQUENCER_LEADER);
    assert_int_equal(stats.taken, 1500);
    assert_int_equal(stats.waiting, 0);
    assert_int_equal(stats.blocks, world->rig.blocks);
    assert_string_equal(stats.trouble, "");
    uint64_t kept;
    assert_true(checkpoint_height(world->rig.store, &kept) > 0);
    assert_true(kept >= 1200);
    audit(world, 1500);
}

/* The balances that the same transactions give in one chain without pipeline, pool or store. */
static void compare_with_reference(struct world *world, const uint64_t *tickets, uint64_t count)
{
    struct chain *chain;
    struct bytes genesis = {world->village.genesis, world->village.genesis_size};
    assert_int_equal(chain_open(genesis, NULL, &chain), BB_OK);
    sealing_begin(chain, 1, (struct wall){bb_loop_wall_ms()});
    for (uint64_t i = 0; i < count; i++) {
        struct transaction transaction;
        struct bytes receipt, bytes = {world->log[tickets[i]].bytes, world->log[tickets[i]].size};
        struct address signer;
        assert_int_equal(transaction_decode(bytes, &transaction), BB_OK);
        struct hash id = transaction_id(&transaction, &world->village.separator);
        assert_int_equal(signer_recover(world->village.signer, &id, transaction.signature, &signer),
                         SIGNATURE_GOOD);
        assert_int_equal(sealing_execute(chain, &transaction, &id, &signer, &receipt), REFUSAL_NONE);
        if (sealing_pending(chain) == 1000 || i + 1 == count) {
            assert_int_equal(sealing_finish(chain, world->village.signer, &world->village.sealer, false,
                                            &(struct bytes){NULL, 0}),
                             BB_OK);
            chain_commit(chain);
            if (i + 1 < count)
                sealing_begin(chain, 1, (struct wall){bb_loop_wall_ms()});
        }
    }
    for (uint32_t i = 0; i < world->village.people; i++) {
        struct account mine = {0}, other = {0};
        market_account(chain_market(pipeline_chain(world->rig.pipeline)), i, &mine);
        market_account(chain_market(chain), i, &other);
        assert_int_equal(mine.money.nano, other.money.nano);
        assert_int_equal(mine.energy.wh, other.energy.wh);
        assert_int_equal(mine.on_sale.wh, other.on_sale.wh);
        assert_int_equal(mine.escrow.nano, other.escrow.nano);
        assert_int_equal(mine.nonce, other.nonce);
    }
    chain_close(chain);
}

static void test_order_of_arrival_is_order_of_execution(void **state)
{
    struct world *world = *state;
    static uint64_t tickets[2000];
    open_rig(world, NULL, NULL);
    submit_random(world, 2000);
    assert_true(rig_run(&world->rig, 2000, PATIENCE));
    for (uint64_t i = 0; i < 2000; i++)
        tickets[i] = i;
    compare_with_reference(world, tickets, 2000);
}

static void test_restart_goes_on(void **state)
{
    struct world *world = *state;
    uint64_t total = 0;
    for (int round = 0; round < 4; round++) {
        struct chain_head before = {0}, after;
        open_rig(world, NULL, NULL);
        submit_random(world, 500);
        total += 500;
        assert_true(rig_run(&world->rig, 500, PATIENCE));
        check_answers(world, 0, 500);
        chain_head(pipeline_chain(world->rig.pipeline), &before);
        rig_close(&world->rig);
        open_rig(world, NULL, NULL);
        chain_head(pipeline_chain(world->rig.pipeline), &after);
        assert_int_equal(before.height, after.height);
        assert_true(hash_equal(&before.hash, &after.hash));
        assert_int_equal(after.transactions, total);
        audit(world, total);
        rig_close(&world->rig);
    }
}

static void test_closing_seals_what_is_open(void **state)
{
    struct world *world = *state;
    open_rig(world, NULL, NULL);
    submit_random(world, 150); /* nothing has run yet */
    pipeline_close(world->rig.pipeline);
    world->rig.pipeline = NULL;
    check_answers(world, 0, 150);
    uint64_t kept;
    assert_int_equal(checkpoint_height(world->rig.store, &kept), store_height(world->rig.store));
    assert_int_equal(kept, 150);
}

static void test_a_repeated_transaction_gets_its_receipt(void **state)
{
    struct world *world = *state;
    open_rig(world, NULL, NULL);
    submit_random(world, 700);
    submit(world, world->log[699].bytes, world->log[699].size); /* in the same block, most likely */
    assert_true(rig_run(&world->rig, 701, PATIENCE));
    for (uint64_t i = 0; i < 700; i += 13)
        submit(world, world->log[i].bytes, world->log[i].size);
    assert_true(rig_run(&world->rig, world->sent, PATIENCE));
    assert_true(world->rig.answers[700].again);
    check_answers(world, 0, world->sent);
    for (uint64_t i = 701; i < world->sent; i++) {
        const struct rig_answer *first = &world->rig.answers[(i - 701) * 13], *now = &world->rig.answers[i];
        assert_true(now->again);
        assert_int_equal(now->height, first->height);
        assert_int_equal(now->index, first->index);
        assert_int_equal(now->receipt_size, first->receipt_size);
    }
    audit(world, 700);
}

static void test_spoiled_transactions_are_refused_by_name(void **state)
{
    struct world *world = *state;
    struct action action = {.type = ACTION_TRANSFER,
                            .transfer = {.to = world->village.addresses[3], .amount = {5}}};
    uint8_t good[TRANSACTION_BYTES_MAX], bytes[TRANSACTION_BYTES_MAX];
    open_rig(world, NULL, NULL);
    size_t size = village_sign(&world->village, 2, &action, 0, good);
    size_t v = 1 + 5 * 32 + 64;
    struct {
        size_t at;
        uint8_t value;
        enum refusal refusal;
    } spoils[] = {
        {0, 99, REFUSAL_MALFORMED},          {v, 29, REFUSAL_BAD_V},
        {v - 32, 0xff, REFUSAL_HIGH_S},      {v - 64, 0xff, REFUSAL_COUNT}, /* another signer or none */
        {1 + 4 * 32 + 31, 6, REFUSAL_COUNT}, {1 + 32 + 31, 7, REFUSAL_COUNT}};
    for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
        memcpy(bytes, good, size);
        bytes[spoils[i].at] = spoils[i].value;
        submit(world, bytes, size);
    }
    submit(world, good, size - 1);
    submit(world, bytes, village_sign(&world->village, 2, &action, 3, bytes)); /* nonce from the future */
    assert_true(rig_run(&world->rig, 8, PATIENCE));
    for (size_t i = 0; i < sizeof spoils / sizeof *spoils; i++) {
        enum refusal got = world->rig.answers[i].refusal;
        if (spoils[i].refusal != REFUSAL_COUNT)
            assert_int_equal(got, spoils[i].refusal);
        else
            assert_true(got == REFUSAL_WRONG_SIGNER || got == REFUSAL_BAD_SIGNATURE);
    }
    assert_int_equal(world->rig.answers[6].refusal, REFUSAL_MALFORMED);
    assert_int_equal(world->rig.answers[7].refusal, REFUSAL_NONCE);
    assert_int_equal(world->rig.answers[7].expected_nonce, 0);
    assert_int_equal(store_height(world->rig.store), 0); /* no block for nothing */
    submit(world, good, size);
    assert_true(rig_run(&world->rig, 9, PATIENCE));
    assert_int_equal(world->rig.answers[8].refusal, REFUSAL_NONE);
}

static void test_too_many_waiting(void **state)
{
    struct world *world = *state;
    world->options.waiting_max = 100;
    open_rig(world, NULL, NULL);
    submit_random(world, 150);
    assert_true(rig_run(&world->rig, 150, PATIENCE));
    check_answers(world, 0, 100);
    for (int i = 100; i < 150; i++)
        assert_int_equal(world->rig.answers[i].refusal, REFUSAL_BUSY);
}

static void test_a_checkpoint_that_does_not_fit_is_not_used(void **state)
{
    struct world *world = *state;
    open_rig(world, NULL, NULL);
    submit_random(world, 700);
    assert_true(rig_run(&world->rig, 700, PATIENCE));
    rig_close(&world->rig);
    struct database *database;
    assert_int_equal(database_open(world->path, true, NULL, &database), BB_OK);
    assert_int_equal(database_run(database,
                                  "UPDATE state SET value = CAST(value || x'' AS BLOB);"
                                  "DELETE FROM state WHERE key = (SELECT max(key) FROM state)",
                                  NULL),
                     BB_OK);
    database_close(database);
    open_rig(world, NULL, NULL);
    struct pipeline_stats stats;
    pipeline_stats(world->rig.pipeline, &stats);
    assert_non_null(strstr(stats.opened, "cannot be used"));
    submit_random(world, 400);
    assert_true(rig_run(&world->rig, 400, PATIENCE));
    check_answers(world, 0, 400);
    audit(world, 1100); /* a new checkpoint has been written, and fits */
    rig_close(&world->rig);
    open_rig(world, NULL, NULL);
    pipeline_stats(world->rig.pipeline, &stats);
    if (strstr(stats.opened, "resumed") == NULL)
        fail_msg("%s", stats.opened);
}

/* -- a sequencer that misbehaves ----------------------------------------------------------------------- */

static void test_a_fickle_sequencer_loses_and_doubles_nothing(void **state)
{
    struct world *world = *state;
    static uint64_t tickets[1200];
    static struct fickle fickle;
    fickle = (struct fickle){.seed = first_seed, .trouble = 40};
    world->options.block_max = 16;
    open_rig(world, fickle_make, &fickle);
    fickle.loop = world->rig.loop;
    for (int burst = 0; burst < 60; burst++) {
        submit_random(world, 20);
        rig_run(&world->rig, world->sent - 10, PATIENCE);
    }
    assert_true(rig_run(&world->rig, world->sent, PATIENCE));
    check_answers(world, 0, world->sent);
    for (uint64_t i = 0; i < world->sent; i++)
        tickets[i] = i;
    compare_with_reference(world, tickets, world->sent);
    audit(world, world->sent);
    assert_true(fickle.delayed > 0 && fickle.lost > 0 && fickle.refused > 0 && fickle.repeated > 0);
}

static void test_reads_see_committed_state_while_nobody_knows(void **state)
{
    struct world *world = *state;
    static struct fickle fickle;
    fickle = (struct fickle){.seed = first_seed, .dead = true};
    open_rig(world, fickle_make, &fickle);
    fickle.loop = world->rig.loop;
    struct account before, after;
    market_account(chain_market(pipeline_chain(world->rig.pipeline)), 2, &before);
    submit_random(world, 60);
    struct pipeline_stats stats = {0};
    for (int i = 0; i < 40 && stats.role != SEQUENCER_STALLED; i++) {
        assert_false(rig_run(&world->rig, 60, 500));
        pipeline_stats(world->rig.pipeline, &stats);
    }
    assert_int_equal(stats.role, SEQUENCER_STALLED);
    market_account(chain_market(pipeline_chain(world->rig.pipeline)), 2, &after);
    assert_memory_equal(&before, &after, sizeof before);
    assert_non_null(strstr(stats.trouble, "nobody knows"));
    submit_random(world, 1); /* certain: it is in no proposal */
    fickle.dead = false;
    assert_true(rig_run(&world->rig, world->sent, PATIENCE));
    assert_int_equal(world->rig.answers[60].refusal, REFUSAL_READ_ONLY);
    uint64_t taken = 0;
    for (uint64_t i = 0; i < world->sent; i++) {
        assert_int_equal(world->rig.answers[i].times, 1);
        taken += world->rig.answers[i].refusal == REFUSAL_NONE;
        if (world->rig.answers[i].refusal != REFUSAL_NONE)
            assert_int_equal(world->rig.answers[i].refusal, REFUSAL_READ_ONLY);
    }
    assert_true(taken > 0);
    pipeline_stats(world->rig.pipeline, &stats);
    assert_int_equal(stats.role, SEQUENCER_LEADER);
    audit(world, taken);
}

int main(int argc, char **argv)
{
    first_seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_everything_is_answered_once, make, unmake),
        cmocka_unit_test_setup_teardown(test_order_of_arrival_is_order_of_execution, make, unmake),
        cmocka_unit_test_setup_teardown(test_restart_goes_on, make, unmake),
        cmocka_unit_test_setup_teardown(test_closing_seals_what_is_open, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_repeated_transaction_gets_its_receipt, make, unmake),
        cmocka_unit_test_setup_teardown(test_spoiled_transactions_are_refused_by_name, make, unmake),
        cmocka_unit_test_setup_teardown(test_too_many_waiting, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_checkpoint_that_does_not_fit_is_not_used, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_fickle_sequencer_loses_and_doubles_nothing, make, unmake),
        cmocka_unit_test_setup_teardown(test_reads_see_committed_state_while_nobody_knows, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
