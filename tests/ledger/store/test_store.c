/* The store without a contract: appending, reading, finding, the lock, versions, damage, proofs over its
 * history. */
#include "ledger/core/genesis.h"
#include "ledger/database.h"
#include "ledger/history.h"
#include "ledger/store.h"
#include "tests/ledger/store/folder.h"
#include "tests/ledger/store/forms.h"
#include "tests/link/cm.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char GENESIS[] = "any bytes are a genesis to the store";

struct world {
    struct folder folder;
    char path[128];
    struct store *store;
    struct hash hashes[2000]; /* by height */
    uint64_t height;
};

static struct store *open_store(const char *path, enum store_mode mode)
{
    struct store *store;
    struct bb_reason reason = {""};
    enum status status = store_open(path, mode, bytes_of(GENESIS), &reason, &store);
    if (status != BB_OK)
        fail_msg("%s: %s", bb_status_word(status), reason.text);
    return store;
}

static int make(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    folder_make(&world->folder, true);
    folder_file(&world->folder, "chain.db", world->path);
    world->store = open_store(world->path, STORE_WRITE);
    world->hashes[0] = genesis_hash(bytes_of(GENESIS));
    *state = world;
    return 0;
}

static int unmake(void **state)
{
    struct world *world = *state;
    store_close(world->store);
    world->store = NULL;
    folder_remove(&world->folder);
    free(world);
    return 0;
}

/* Appends blocks of 1, 2, 3, 4, 1, … transactions. */
static void append(struct world *world, uint64_t count)
{
    static uint8_t block[FORMS_BYTES_MAX];
    for (uint64_t i = 0; i < count; i++) {
        uint64_t height = ++world->height;
        size_t size = forms_block(height, &world->hashes[height - 1], 1 + (uint32_t)(height - 1) % 4, block,
                                  &world->hashes[height]);
        assert_int_equal(
            store_append(world->store, height, &world->hashes[height], (struct bytes){block, size}, NULL),
            BB_OK);
    }
}

static void check_all(struct world *world)
{
    assert_int_equal(store_height(world->store), world->height);
    for (uint64_t height = 1; height <= world->height; height++) {
        static uint8_t block[FORMS_BYTES_MAX];
        struct hash hash, unused;
        uint8_t *bytes;
        size_t size, expected = forms_block(height, &world->hashes[height - 1],
                                            1 + (uint32_t)(height - 1) % 4, block, &unused);
        assert_int_equal(store_block(world->store, height, NULL, &bytes, &size), BB_OK);
        assert_int_equal(size, expected);
        assert_memory_equal(bytes, block, size);
        free(bytes);
        assert_int_equal(store_block_hash(world->store, height, &hash), BB_OK);
        assert_true(hash_equal(&hash, &world->hashes[height]));
        for (uint32_t i = 0; i < 1 + (height - 1) % 4; i++) {
            struct hash id = forms_id(height, i);
            uint64_t at;
            uint32_t index;
            assert_int_equal(store_find(world->store, &id, &at, &index), BB_OK);
            assert_int_equal(at, height);
            assert_int_equal(index, i);
        }
    }
}

static void test_blocks_stay(void **state)
{
    struct world *world = *state;
    append(world, 100);
    check_all(world);
    store_close(world->store);
    world->store = NULL;
    world->store = open_store(world->path, STORE_WRITE);
    check_all(world);
    append(world, 10);
    check_all(world);
    struct hash id = forms_id(1000, 0);
    uint64_t at;
    uint32_t index;
    assert_int_equal(store_find(world->store, &id, &at, &index), BB_NOT_FOUND);
    uint8_t *bytes;
    size_t size;
    assert_int_equal(store_block(world->store, 111, NULL, &bytes, &size), BB_NOT_FOUND);
    assert_int_equal(store_block(world->store, 0, NULL, &bytes, &size), BB_NOT_FOUND);
}

static void test_only_the_next_block_is_taken(void **state)
{
    struct world *world = *state;
    static uint8_t block[FORMS_BYTES_MAX];
    struct hash hash, other = {{1}};
    append(world, 3);
    size_t size = forms_block(3, &world->hashes[2], 3, block, &hash);
    struct bytes third = {block, size};
    assert_int_equal(store_append(world->store, 3, &hash, third, NULL), BB_OK); /* again */
    size = forms_block(3, &other, 3, block, &hash);
    assert_int_equal(store_append(world->store, 3, &hash, (struct bytes){block, size}, NULL), BB_EXISTS);
    size = forms_block(5, &other, 3, block, &hash);
    assert_int_equal(store_append(world->store, 5, &hash, (struct bytes){block, size}, NULL), BB_RANGE);
    assert_int_equal(store_append(world->store, 4, &hash, (struct bytes){block, size}, NULL), BB_MALFORMED);
    assert_int_equal(store_append(world->store, 5, &hash, (struct bytes){block, size - 1}, NULL),
                     BB_MALFORMED);
    check_all(world);
}

static void test_one_writer(void **state)
{
    struct world *world = *state;
    struct bb_reason reason;
    struct store *second;
    append(world, 5);
    assert_int_equal(store_open(world->path, STORE_WRITE, bytes_of(GENESIS), &reason, &second), BB_EXISTS);
    assert_non_null(strstr(reason.text, "another process"));
    second = open_store(world->path, STORE_READ);
    append(world, 5);
    assert_int_equal(store_height(second), 5); /* it sees the chain as it was */
    uint8_t *bytes;
    size_t size;
    assert_int_equal(store_block(second, 5, NULL, &bytes, &size), BB_OK);
    free(bytes);
    store_close(second);
}

static void test_a_killed_writer_holds_nothing(void **state)
{
    struct world *world = *state;
    store_close(world->store);
    world->store = NULL;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    if (child == 0) {
        struct store *store = open_store(world->path, STORE_WRITE);
        (void)store;
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    struct store *second;
    assert_int_equal(store_open(world->path, STORE_WRITE, bytes_of(GENESIS), NULL, &second), BB_EXISTS);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    world->store = open_store(world->path, STORE_WRITE);
    close(ready[0]);
    close(ready[1]);
}

static void test_genesis_must_be_the_same(void **state)
{
    struct world *world = *state;
    struct bb_reason reason;
    append(world, 2);
    store_close(world->store);
    world->store = NULL;
    assert_int_equal(store_open(world->path, STORE_WRITE, bytes_of("another"), &reason, &world->store),
                     BB_MALFORMED);
    assert_non_null(strstr(reason.text, "another genesis"));
    assert_int_equal(store_open(world->path, STORE_WRITE, (struct bytes){NULL, 0}, &reason, &world->store),
                     BB_OK);
    assert_true(bytes_equal(store_genesis(world->store), bytes_of(GENESIS)));
}

static void test_what_is_no_ledger_is_refused(void **state)
{
    struct world *world = *state;
    struct bb_reason reason;
    struct store *store;
    char path[128];
    folder_file(&world->folder, "nothing.db", path);
    assert_int_equal(store_open(path, STORE_READ, (struct bytes){NULL, 0}, &reason, &store), BB_NOT_FOUND);
    assert_int_equal(store_open(path, STORE_WRITE, (struct bytes){NULL, 0}, &reason, &store), BB_NOT_FOUND);
    folder_file(&world->folder, "text.db", path);
    static unsigned char text[8192] = "This is not a database, and much longer than a header would be.";
    folder_write(path, text, sizeof text);
    assert_int_equal(store_open(path, STORE_WRITE, bytes_of(GENESIS), &reason, &store), BB_MALFORMED);
    folder_file(&world->folder, "other.db", path);
    struct database *other;
    assert_int_equal(database_open(path, true, NULL, &other), BB_OK);
    assert_int_equal(database_run(other, "PRAGMA application_id = 5", NULL), BB_OK);
    database_close(other);
    assert_int_equal(store_open(path, STORE_WRITE, bytes_of(GENESIS), &reason, &store), BB_MALFORMED);
    assert_non_null(strstr(reason.text, "another application"));
}

static void test_a_newer_schema_is_refused(void **state)
{
    struct world *world = *state;
    struct bb_reason reason;
    append(world, 1);
    store_close(world->store);
    world->store = NULL;
    struct database *database;
    assert_int_equal(database_open(world->path, true, NULL, &database), BB_OK);
    assert_int_equal(database_run(database, "PRAGMA user_version = 99", NULL), BB_OK);
    database_close(database);
    assert_int_equal(store_open(world->path, STORE_WRITE, bytes_of(GENESIS), &reason, &world->store),
                     BB_VERSION);
    assert_non_null(strstr(reason.text, "newer version"));
    world->store = NULL;
}

static void test_damaged_blocks_are_named(void **state)
{
    struct world *world = *state;
    struct bb_reason reason;
    append(world, 9);
    store_close(world->store);
    world->store = NULL;
    struct database *database;
    assert_int_equal(database_open(world->path, true, NULL, &database), BB_OK);
    assert_int_equal(database_run(database,
                                  "UPDATE blocks SET bytes = CAST(substr(bytes, 1, 300) || x'00' || "
                                  "substr(bytes, 302) AS BLOB) WHERE height = 4;"
                                  "UPDATE blocks SET hash = zeroblob(32) WHERE height = 5;"
                                  "DELETE FROM blocks WHERE height = 6",
                                  NULL),
                     BB_OK);
    database_close(database);
    world->store = open_store(world->path, STORE_WRITE);
    uint8_t *bytes;
    size_t size;
    for (uint64_t height = 4; height <= 6; height++) {
        char name[32];
        snprintf(name, sizeof name, "block %d ", (int)height);
        assert_int_equal(store_block(world->store, height, &reason, &bytes, &size), BB_MALFORMED);
        assert_non_null(strstr(reason.text, name));
    }
    assert_int_equal(store_block(world->store, 7, &reason, &bytes, &size), BB_OK);
    free(bytes);
}

/* -- history ------------------------------------------------------------------------------------------- */

static struct hash plain_leaf(void *context, uint64_t index)
{
    struct world *world = context;
    return merkle_leaf((struct bytes){world->hashes[index].bytes, sizeof *world->hashes});
}

static void same_proof(const struct merkle_proof *a, const struct merkle_proof *b)
{
    assert_int_equal(a->count, b->count);
    assert_memory_equal(a->hashes, b->hashes, a->count * sizeof *a->hashes);
}

static void test_proofs_are_those_of_the_whole_tree(void **state)
{
    static const uint64_t SIZES[] = {1,   2,   3,   7,   255, 256,  257,  300,  384,
                                     511, 512, 513, 640, 768, 1023, 1024, 1025, 1281};
    enum { COUNT = sizeof SIZES / sizeof *SIZES };
    struct world *world = *state;
    append(world, 1280);
    struct history *history = history_open(world->store);
    struct merkle_proof mine, plain;
    for (size_t i = 0; i < COUNT; i++) {
        struct merkle_edge edge = {0};
        struct hash root;
        for (uint64_t k = 0; k < SIZES[i]; k++) {
            struct hash leaf = plain_leaf(world, k);
            merkle_append(&edge, &leaf);
        }
        assert_int_equal(history_root(history, SIZES[i], &root), BB_OK);
        struct hash expected = merkle_root(&edge);
        assert_true(hash_equal(&root, &expected));
        for (uint64_t k = 0; k < SIZES[i]; k += 1 + k / 20) {
            assert_int_equal(history_inclusion(history, k, SIZES[i], &mine), BB_OK);
            merkle_inclusion(plain_leaf, world, k, SIZES[i], &plain);
            same_proof(&mine, &plain);
        }
        for (size_t k = 0; k <= i; k++) {
            assert_int_equal(history_consistency(history, SIZES[k], SIZES[i], &mine), BB_OK);
            merkle_consistency(plain_leaf, world, SIZES[k], SIZES[i], &plain);
            same_proof(&mine, &plain);
        }
    }
    assert_int_equal(history_inclusion(history, 5, 5, &mine), BB_NOT_FOUND);
    assert_int_equal(history_inclusion(history, 5, 1282, &mine), BB_NOT_FOUND);
    assert_int_equal(history_consistency(history, 0, 5, &mine), BB_NOT_FOUND);
    assert_int_equal(history_consistency(history, 6, 5, &mine), BB_NOT_FOUND);
    history_close(history);
}

static void test_backup_is_the_chain(void **state)
{
    struct world *world = *state;
    char path[128];
    struct bb_reason reason;
    append(world, 50);
    folder_file(&world->folder, "copy.db", path);
    struct store *reader = open_store(world->path, STORE_READ);
    append(world, 1); /* the writer goes on */
    assert_int_equal(store_backup(reader, path, &reason), BB_OK);
    assert_int_equal(store_backup(reader, path, &reason), BB_EXISTS);
    store_close(reader);
    struct store *copy = open_store(path, STORE_WRITE), *writer = world->store;
    uint64_t height = world->height--;
    world->store = copy;
    check_all(world);
    world->height = height;
    store_close(copy);
    world->store = writer;
    folder_file(&world->folder, "own.db", path);
    assert_int_equal(store_backup(world->store, path, &reason), BB_OK);
    check_all(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_blocks_stay, make, unmake),
        cmocka_unit_test_setup_teardown(test_only_the_next_block_is_taken, make, unmake),
        cmocka_unit_test_setup_teardown(test_one_writer, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_killed_writer_holds_nothing, make, unmake),
        cmocka_unit_test_setup_teardown(test_genesis_must_be_the_same, make, unmake),
        cmocka_unit_test_setup_teardown(test_what_is_no_ledger_is_refused, make, unmake),
        cmocka_unit_test_setup_teardown(test_a_newer_schema_is_refused, make, unmake),
        cmocka_unit_test_setup_teardown(test_damaged_blocks_are_named, make, unmake),
        cmocka_unit_test_setup_teardown(test_proofs_are_those_of_the_whole_tree, make, unmake),
        cmocka_unit_test_setup_teardown(test_backup_is_the_chain, make, unmake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
