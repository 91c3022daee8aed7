/* kill -9 at random moments under load: the same chain goes through all of them. What was acknowledged is
 * there, at the place that was said, and once; the next start goes on by itself; everything verifies.
 * `test_store_kill SEED KILLS`. */
#include "tests/ledger/store/folder.h"
#include "tests/ledger/store/yard.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define ACKNOWLEDGED_MAX 20000
#define WINDOW           200

static uint64_t first_seed;
static uint32_t kills;
static struct village village;
static const struct pipeline_options OPTIONS = {.threads = 1, .checkpoint = 400, .block_max = 64};

struct acknowledged {
    struct hash id;
    uint64_t height;
    uint32_t index;
};

/* What a child has acknowledged, written before anything else happens. */
static struct {
    uint32_t count, started;
    struct acknowledged list[ACKNOWLEDGED_MAX];
} * shared;

static struct rig child_rig;
static uint64_t child_seed, child_ticket;

static void send_one(void)
{
    uint8_t bytes[TRANSACTION_BYTES_MAX];
    size_t size = village_random(&village, &child_seed, bytes);
    pipeline_submit(child_rig.pipeline, (struct bytes){bytes, size}, child_ticket++);
}

static void answered(void *context, const struct answer *answer)
{
    (void)context;
    if (answer->refusal != REFUSAL_NONE)
        _exit(3); /* nothing here is refused */
    if (shared->count < ACKNOWLEDGED_MAX) {
        shared->list[shared->count] = (struct acknowledged){answer->id, answer->height, answer->index};
        __atomic_store_n(&shared->count, shared->count + 1, __ATOMIC_RELEASE);
    }
    send_one();
}

static _Noreturn void child(const char *path, uint64_t seed)
{
    struct bb_reason reason = {""};
    if (rig_open(&child_rig, &village, path, &OPTIONS, NULL, NULL, &reason) != BB_OK) {
        fprintf(stderr, "%s\n", reason.text);
        _exit(2);
    }
    child_seed = seed;
    yard_nonces(&village, child_rig.pipeline);
    pipeline_listen(child_rig.pipeline, answered, NULL, NULL);
    __atomic_store_n(&shared->started, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < WINDOW; i++)
        send_one();
    if (bb_loop_run(child_rig.loop) != BB_OK)
        _exit(4);
    _exit(0);
}

/* Starts a child, lets it work for a random while, kills it. */
static void one_kill(const char *path, uint64_t *seed)
{
    int result;
    memset(shared, 0, sizeof *shared - sizeof shared->list);
    pid_t pid = fork();
    if (pid == 0)
        child(path, seed_next(seed));
    while (__atomic_load_n(&shared->started, __ATOMIC_ACQUIRE) == 0) {
        usleep(200);
        pid_t gone = waitpid(pid, &result, WNOHANG);
        if (gone == pid)
            fail_msg("the start after a kill failed: status %d", result);
    }
    usleep(seed_below(seed, 80000));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &result, 0), pid);
    assert_true(WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL);
}

/* What the last child acknowledged, against the store as a restart sees it. */
static uint64_t check(const char *path)
{
    struct bb_reason reason = {""};
    struct store *store;
    if (store_open(path, STORE_READ, (struct bytes){NULL, 0}, &reason, &store) != BB_OK)
        fail_msg("%s", reason.text);
    for (uint32_t i = 0; i < shared->count; i++) {
        uint64_t height;
        uint32_t index;
        const struct acknowledged *one = &shared->list[i];
        if (store_find(store, &one->id, &height, &index) != BB_OK)
            fail_msg("an acknowledged transaction is lost");
        assert_int_equal(height, one->height);
        assert_int_equal(index, one->index);
    }
    store_close(store);
    return shared->count;
}

/* No id is in the chain twice. */
static void check_once(const char *path, uint64_t transactions)
{
    struct store *store;
    uint64_t count = 0;
    assert_int_equal(store_open(path, STORE_READ, (struct bytes){NULL, 0}, NULL, &store), BB_OK);
    for (uint64_t height = 1; height <= store_height(store); height++) {
        uint8_t *bytes;
        size_t size;
        struct block block;
        assert_int_equal(store_block(store, height, NULL, &bytes, &size), BB_OK);
        assert_int_equal(block_decode((struct bytes){bytes, size}, &block), BB_OK);
        struct reader receipts = reader_at(block.receipts);
        for (uint32_t i = 0; i < block.header.count; i++, count++) {
            struct hash id;
            uint64_t at;
            uint32_t index;
            memcpy(&id, block_next_receipt(&receipts).data, sizeof id);
            assert_int_equal(store_find(store, &id, &at, &index), BB_OK);
            assert_true(at == height && index == i);
        }
        free(bytes);
    }
    assert_int_equal(count, transactions);
    store_close(store);
}

static void test_killed_under_load(void **state)
{
    (void)state;
    struct folder folder;
    char path[128];
    uint64_t seed = first_seed, acknowledged = 0;
    folder_make(&folder, true);
    folder_file(&folder, "chain.db", path);
    for (uint32_t i = 0; i < kills; i++) {
        one_kill(path, &seed);
        acknowledged += check(path);
    }
    uint64_t transactions = yard_audit(path);
    assert_true(transactions >= acknowledged && acknowledged > 0);
    check_once(path, transactions);
    print_message("%u kills, %llu transactions, %llu acknowledged\n", kills, (unsigned long long)transactions,
                  (unsigned long long)acknowledged);
    folder_remove(&folder);
}

int main(int argc, char **argv)
{
    first_seed = seed_of(argc, argv);
    kills = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 60;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    village_open(&village, 50, 0);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed_under_load)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    village_close(&village);
    return failed;
}
