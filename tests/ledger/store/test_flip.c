/* A byte of the database file is changed, one after the other: the store refuses to open, or what is opened
 * is the state that was there; and verification says what is wrong, or what is exported is identical. Never a
 * silent wrong balance. `test_store_flip SEED STEP`: every STEP-th byte, from the SEED-th on. */
#include "ledger/archive.h"
#include "ledger/audit.h"
#include "ledger/database.h"
#include "tests/ledger/store/folder.h"
#include "tests/ledger/store/yard.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <stdlib.h>
#include <unistd.h>

static uint64_t first_seed;
static size_t step;
static struct village village;
static struct yard_log log_;

struct tally {
    uint32_t refused, named, repaired, identical;
};

/* What the sound chain says. */
struct truth {
    struct hash state, head;
    unsigned char *file, *archive;
    size_t file_size, archive_size;
};

static void build(const char *path, const char *archive, struct truth *truth)
{
    struct pipeline_options options = {.threads = 1, .checkpoint = 30, .block_max = 8};
    struct bb_reason reason = {""};
    struct rig rig;
    uint64_t seed = first_seed, height;
    assert_int_equal(rig_open(&rig, &village, path, &options, NULL, NULL, &reason), BB_OK);
    yard_sign(&log_, &village, &seed, 45); /* a checkpoint, and a tail behind it */
    for (uint32_t i = 0; i < log_.count; i++)
        pipeline_submit(rig.pipeline, (struct bytes){log_.bytes[i], log_.sizes[i]}, i);
    assert_true(rig_run(&rig, log_.count, 20000));
    struct chain_head head;
    chain_head(pipeline_chain(rig.pipeline), &head);
    truth->head = head.hash;
    truth->state = yard_state(pipeline_chain(rig.pipeline));
    assert_int_equal(archive_export(rig.store, archive, NULL, NULL, &reason, &height), BB_OK);
    rig_close(&rig); /* the last one closes the WAL too */
    truth->file = folder_read(path, &truth->file_size);
    truth->archive = folder_read(archive, &truth->archive_size);
}

/* Opens it as the service would. False: it is refused, with a reason. */
static bool open_and_compare(const char *path, const struct truth *truth, size_t at)
{
    struct pipeline_options options = {.threads = 1};
    struct bb_reason reason = {""};
    struct rig rig;
    enum status status = rig_open(&rig, &village, path, &options, NULL, NULL, &reason);
    if (status != BB_OK) {
        if (reason.text[0] == '\0')
            fail_msg("byte %zu: %s without a reason", at, bb_status_word(status));
        return false;
    }
    struct chain_head head;
    chain_head(pipeline_chain(rig.pipeline), &head);
    struct hash state = yard_state(pipeline_chain(rig.pipeline));
    if (!hash_equal(&head.hash, &truth->head) || !hash_equal(&state, &truth->state))
        fail_msg("byte %zu: another state than before, and nobody has said a word", at);
    rig_close(&rig);
    return true;
}

static enum status verify(const char *path, struct bb_reason *reason, struct store **store_out)
{
    struct audit_report report;
    struct store *store;
    enum status status = store_open(path, STORE_READ, (struct bytes){NULL, 0}, reason, &store);
    if (status != BB_OK)
        return status;
    status = audit_run(store, 1, NULL, NULL, reason, &report);
    if (status != BB_OK)
        store_close(store);
    else
        *store_out = store;
    return status;
}

static void flip(const char *path, const char *archive, const struct truth *truth, size_t at, uint8_t mask,
                 struct tally *tally)
{
    struct bb_reason reason = {""};
    struct store *store;
    uint64_t height;
    truth->file[at] ^= mask;
    folder_write(path, truth->file, truth->file_size);
    enum status status = verify(path, &reason, &store);
    if (status == BB_OK) { /* then what it exports is what was there */
        unlink(archive);
        assert_int_equal(archive_export(store, archive, NULL, NULL, &reason, &height), BB_OK);
        store_close(store);
        size_t size;
        unsigned char *bytes = folder_read(archive, &size);
        if (size != truth->archive_size || memcmp(bytes, truth->archive, size) != 0)
            fail_msg("byte %zu: verified, and exports something else", at);
        free(bytes);
        tally->identical++;
    } else if (reason.text[0] == '\0') {
        fail_msg("byte %zu: %s without a reason", at, bb_status_word(status));
    }
    bool opened = open_and_compare(path, truth, at);
    tally->refused += !opened;
    tally->named += opened && status != BB_OK;
    truth->file[at] ^= mask;
}

static void test_any_byte(void **state)
{
    (void)state;
    struct folder folder;
    char path[128], archive[128];
    struct truth truth;
    struct tally tally = {0};
    uint64_t seed = first_seed;
    folder_make(&folder, true);
    folder_file(&folder, "chain.db", path);
    folder_file(&folder, "chain.bex", archive);
    village_open(&village, 5, 0);
    build(path, archive, &truth);
    for (size_t at = first_seed % step; at < truth.file_size; at += step)
        flip(path, archive, &truth, at, (uint8_t)(1 + seed_below(&seed, 255)), &tally);
    print_message("%zu bytes: %u refused, %u opened rightly and named by verification, %u identical\n",
                  truth.file_size, tally.refused, tally.named, tally.identical);
    assert_true(tally.refused > 0 && tally.named > 0 && tally.identical > 0);
    free(truth.file);
    free(truth.archive);
    village_close(&village);
    folder_remove(&folder);
}

int main(int argc, char **argv)
{
    first_seed = seed_of(argc, argv);
    step = argc > 2 ? strtoul(argv[2], NULL, 10) : 211;
    step = step == 0 ? 1 : step;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_any_byte)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
