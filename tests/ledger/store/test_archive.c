/* The chain as a file, and back; verification of a chain that somebody has changed. */
#include "ledger/archive.h"
#include "ledger/audit.h"
#include "ledger/checkpoint.h"
#include "ledger/database.h"
#include "tests/ledger/store/folder.h"
#include "tests/ledger/store/yard.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <stdlib.h>
#include <unistd.h>

#define SENT 200

static uint64_t first_seed;
static struct village village;
static struct yard_log log_;

struct world {
    struct folder folder;
    char path[128], file[128], copy[128];
    uint64_t height;
};

static int make(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct pipeline_options options = {.threads = 1, .checkpoint = 60, .block_max = 16};
    struct bb_reason reason = {""};
    struct rig rig;
    uint64_t seed = first_seed;
    folder_make(&world->folder, true);
    folder_file(&world->folder, "chain.db", world->path);
    folder_file(&world->folder, "chain.bex", world->file);
    folder_file(&world->folder, "copy.db", world->copy);
    village_open(&village, 8, 0);
    log_.count = 0;
    yard_sign(&log_, &village, &seed, SENT);
    assert_int_equal(rig_open(&rig, &village, world->path, &options, NULL, NULL, &reason), BB_OK);
    for (uint32_t i = 0; i < SENT; i++)
        pipeline_submit(rig.pipeline, (struct bytes){log_.bytes[i], log_.sizes[i]}, i);
    assert_true(rig_run(&rig, SENT, 20000));
    assert_int_equal(archive_export(rig.store, world->file, NULL, NULL, &reason, &world->height), BB_OK);
    rig_close(&rig);
    *state = world;
    return 0;
}

static int unmake(void **state)
{
    struct world *world = *state;
    village_close(&village);
    folder_remove(&world->folder);
    free(world);
    return 0;
}

static struct hash state_of(const char *path)
{
    struct pipeline_options options = {.threads = 1};
    struct bb_reason reason = {""};
    struct rig rig;
    if (rig_open(&rig, &village, path, &options, NULL, NULL, &reason) != BB_OK)
        fail_msg("%s", reason.text);
    struct hash state = yard_state(pipeline_chain(rig.pipeline));
    rig_close(&rig);
    return state;
}

static void test_export_and_import(void **state)
{
    struct world *world = *state;
    struct bb_reason reason = {""};
    uint64_t height, kept;
    if (archive_import(world->file, world->copy, (struct bytes){NULL, 0}, 2, NULL, NULL, &reason, &height) !=
        BB_OK)
        fail_msg("%s", reason.text);
    assert_int_equal(height, world->height);
    assert_int_equal(yard_audit(world->copy), SENT);
    struct hash a = state_of(world->path), b = state_of(world->copy);
    assert_true(hash_equal(&a, &b));
    struct store *store;
    assert_int_equal(store_open(world->copy, STORE_READ, (struct bytes){NULL, 0}, &reason, &store), BB_OK);
    assert_true(checkpoint_height(store, &kept) > 0);
    store_close(store);
    assert_int_equal(
        archive_import(world->file, world->copy, (struct bytes){NULL, 0}, 2, NULL, NULL, &reason, &height),
        BB_EXISTS);
    assert_int_equal(store_open(world->copy, STORE_READ, (struct bytes){NULL, 0}, &reason, &store), BB_OK);
    assert_int_equal(archive_export(store, world->file, NULL, NULL, &reason, &height), BB_EXISTS);
    store_close(store);
}

static void test_a_file_that_is_cut_off(void **state)
{
    struct world *world = *state;
    size_t size;
    unsigned char *bytes = folder_read(world->file, &size);
    char cut[128];
    folder_file(&world->folder, "cut.bex", cut);
    for (size_t at = first_seed % 97; at < size; at += at < 2000 ? 97 : 1999) {
        struct bb_reason reason = {""};
        uint64_t height;
        folder_write(cut, bytes, at);
        assert_int_equal(
            archive_import(cut, world->copy, (struct bytes){NULL, 0}, 1, NULL, NULL, &reason, &height),
            BB_MALFORMED);
        assert_true(strstr(reason.text, "block") != NULL || strstr(reason.text, "not an exported") != NULL);
        assert_int_equal(access(world->copy, F_OK), -1); /* nothing half done */
    }
    unsigned char *longer = malloc(size + 1);
    memcpy(longer, bytes, size);
    longer[size] = 0;
    folder_write(cut, longer, size + 1);
    struct bb_reason reason;
    uint64_t height;
    assert_int_equal(
        archive_import(cut, world->copy, (struct bytes){NULL, 0}, 1, NULL, NULL, &reason, &height),
        BB_MALFORMED);
    free(longer);
    free(bytes);
}

static void test_a_file_that_is_altered(void **state)
{
    struct world *world = *state;
    uint64_t seed = first_seed;
    size_t size;
    unsigned char *bytes = folder_read(world->file, &size);
    char altered[128];
    folder_file(&world->folder, "altered.bex", altered);
    for (int i = 0; i < 60; i++) {
        struct bb_reason reason = {""};
        uint64_t height;
        size_t at = seed_below(&seed, (uint32_t)size);
        uint8_t mask = (uint8_t)(1 << seed_below(&seed, 8));
        bytes[at] ^= mask;
        folder_write(altered, bytes, size);
        bytes[at] ^= mask;
        enum status status =
            archive_import(altered, world->copy, (struct bytes){NULL, 0}, 1, NULL, NULL, &reason, &height);
        if (status == BB_OK || reason.text[0] == '\0')
            fail_msg("byte %zu: %s, \"%s\"", at, bb_status_word(status), reason.text);
        assert_int_equal(access(world->copy, F_OK), -1);
    }
    free(bytes);
}

/* Somebody who knows the format: sums and hashes beside the block are made again. */
static void test_a_forged_block_is_named(void **state)
{
    struct world *world = *state;
    struct bb_reason reason = {""};
    struct store *store;
    uint8_t *bytes;
    size_t size;
    char forged[128];
    /* The same chain with one byte of a transaction's amount changed, put together again as it is written. */
    folder_file(&world->folder, "forged.db", forged);
    assert_int_equal(store_open(world->path, STORE_READ, (struct bytes){NULL, 0}, &reason, &store), BB_OK);
    struct store *other;
    assert_int_equal(store_open(forged, STORE_WRITE, store_genesis(store), &reason, &other), BB_OK);
    for (uint64_t height = 1; height <= world->height; height++) {
        assert_int_equal(store_block(store, height, &reason, &bytes, &size), BB_OK);
        if (height == 5)
            bytes[BLOCK_HEADER_SIZE + 1 + 3 + SIGNATURE_SIZE + 2 + 1 + 32 + 32 + 32 + 31] ^= 1;
        struct hash hash = block_hash((struct bytes){bytes, BLOCK_HEADER_SIZE});
        assert_int_equal(store_append(other, height, &hash, (struct bytes){bytes, size}, &reason), BB_OK);
        free(bytes);
    }
    store_close(store);
    store_close(other);
    struct audit_report report;
    assert_int_equal(store_open(forged, STORE_READ, (struct bytes){NULL, 0}, &reason, &store), BB_OK);
    assert_int_equal(audit_run(store, 2, NULL, NULL, &reason, &report), BB_MALFORMED);
    if (strstr(reason.text, "block 5, transaction 0") == NULL)
        fail_msg("%s", reason.text);
    assert_int_equal(report.height, 4);
    store_close(store);
    /* The service does not go on either. */
    struct rig rig;
    assert_int_equal(rig_open(&rig, &village, forged, NULL, NULL, NULL, &reason), BB_MALFORMED);
    assert_non_null(strstr(reason.text, "block 5"));
}

static void test_forged_rows_are_found(void **state)
{
    static const char *const FORGERIES[] = {
        "UPDATE state SET value = CAST(substr(value, 1, 30) || x'77' || substr(value, 32) AS BLOB) WHERE key "
        "= "
        "(SELECT key FROM state WHERE hex(substr(key, 1, 1)) = '02' LIMIT 1)",
        "DELETE FROM runs",
        "UPDATE meta SET value = zeroblob(length(value)) WHERE name = 'checkpoint'",
    };
    struct world *world = *state;
    struct hash right = state_of(world->path);
    for (size_t i = 0; i < sizeof FORGERIES / sizeof *FORGERIES; i++) {
        struct database *database;
        unlink(world->copy);
        folder_copy(world->path, world->copy);
        assert_int_equal(database_open(world->copy, true, NULL, &database), BB_OK);
        assert_int_equal(database_run(database, FORGERIES[i], NULL), BB_OK);
        database_close(database);
        struct hash state_now = state_of(world->copy);
        assert_true(hash_equal(&state_now, &right)); /* made again from the blocks */
    }
}

static void told(void *context, const struct audit_report *report)
{
    uint64_t *last = context;
    assert_true(report->height >= *last && report->height <= report->of);
    *last = report->height;
}

static void test_verification_tells_how_far_it_is(void **state)
{
    struct world *world = *state;
    struct audit_report report;
    struct store *store;
    uint64_t last = 0;
    assert_int_equal(store_open(world->path, STORE_READ, (struct bytes){NULL, 0}, NULL, &store), BB_OK);
    assert_int_equal(audit_run(store, 0, told, &last, NULL, &report), BB_OK);
    assert_int_equal(last, world->height);
    assert_int_equal(report.of, world->height);
    store_close(store);
}

static void test_restored_backup_goes_on(void **state)
{
    struct world *world = *state;
    struct pipeline_options options = {.threads = 1, .block_max = 16};
    struct bb_reason reason = {""};
    struct rig rig;
    uint64_t seed = first_seed + 1;
    assert_int_equal(rig_open(&rig, &village, world->path, &options, NULL, NULL, &reason), BB_OK);
    yard_sign(&log_, &village, &seed, 50);
    for (uint32_t i = SENT; i < log_.count; i++)
        pipeline_submit(rig.pipeline, (struct bytes){log_.bytes[i], log_.sizes[i]}, i);
    assert_true(rig_run(&rig, 20, 20000)); /* in the middle of it */
    assert_int_equal(store_backup(rig.store, world->copy, &reason), BB_OK);
    uint64_t copied = store_height(rig.store);
    assert_true(rig_run(&rig, 50, 20000));
    rig_close(&rig);
    yard_audit(world->path);
    yard_audit(world->copy);
    assert_int_equal(rig_open(&rig, &village, world->copy, &options, NULL, NULL, &reason), BB_OK);
    assert_int_equal(store_height(rig.store), copied);
    for (uint32_t i = SENT; i < log_.count; i++)
        pipeline_submit(rig.pipeline, (struct bytes){log_.bytes[i], log_.sizes[i]}, i);
    assert_true(rig_run(&rig, 50, 20000));
    for (uint32_t i = SENT; i < log_.count; i++)
        assert_int_equal(rig.answers[i].refusal, REFUSAL_NONE);
    rig_close(&rig);
    assert_int_equal(yard_audit(world->copy), SENT + 50);
}

int main(int argc, char **argv)
{
    first_seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_export_and_import, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_file_that_is_cut_off, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_file_that_is_altered, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_forged_block_is_named, make, unmake),
        cmocka_unit_test_setup_teardown(test_forged_rows_are_found, make, unmake),
        cmocka_unit_test_setup_teardown(test_verification_tells_how_far_it_is, make, unmake),
        cmocka_unit_test_setup_teardown(test_restored_backup_goes_on, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
