/* Every operation that changes a file fails once, and from then on; the process dies at each of them; the
 * database is locked, read-only. What was acknowledged is there once, what was refused is not, and the
 * service goes on when the trouble is over. */
#include "tests/ledger/store/folder.h"
#include "tests/ledger/store/shim.h"
#include "tests/ledger/store/yard.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SENT     48
#define PATIENCE 20000

static uint64_t first_seed;
static struct village village;
static struct yard_log log_;
static const struct pipeline_options OPTIONS = {.threads = 1, .checkpoint = 15, .block_max = 8};

static int make(void **state)
{
    (void)state;
    uint64_t seed = first_seed;
    village_open(&village, 6, 0);
    yard_sign(&log_, &village, &seed, SENT);
    shim_install();
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    village_close(&village);
    return 0;
}

static void open_rig(struct rig *rig, const char *path)
{
    struct bb_reason reason = {""};
    if (rig_open(rig, &village, path, &OPTIONS, NULL, NULL, &reason) != BB_OK)
        fail_msg("%s", reason.text);
}

static void submit(struct rig *rig, uint32_t from, uint32_t to, uint64_t ticket)
{
    for (uint32_t i = from; i < to; i++)
        pipeline_submit(rig->pipeline, (struct bytes){log_.bytes[i], log_.sizes[i]}, ticket++);
}

/* An answer says where a transaction is, or that it is nowhere: both must be true. */
static void check_answer(struct rig *rig, const struct rig_answer *answer)
{
    uint64_t height;
    uint32_t index;
    assert_int_equal(answer->times, 1);
    enum status status = store_find(rig->store, &answer->id, &height, &index);
    if (answer->refusal == REFUSAL_NONE) {
        assert_int_equal(status, BB_OK);
        assert_int_equal(height, answer->height);
        assert_int_equal(index, answer->index);
    } else {
        assert_int_equal(answer->refusal, REFUSAL_READ_ONLY);
    }
}

/* All of it again until everything is in the chain: whatever was executed answers with its receipt. */
static void send_until_taken(struct rig *rig)
{
    for (uint32_t round = 1;; round++) {
        assert_true(round < 100);
        uint64_t first = round * SENT;
        bool all = true;
        submit(rig, 0, SENT, first);
        assert_true(rig_run(rig, rig->answered + SENT, PATIENCE));
        for (uint64_t i = first; i < first + SENT; i++)
            all = all && rig->answers[i].refusal == REFUSAL_NONE;
        if (all)
            return;
        rig_run(rig, UINT64_MAX, 50);
    }
}

/* One run with a fault at operation `n`; false when there was no such operation any more. */
static bool run_with(enum shim_fault fault, long n, bool lasting)
{
    struct folder folder;
    char path[128];
    struct rig rig;
    folder_make(&folder, true);
    folder_file(&folder, "chain.db", path);
    open_rig(&rig, path);
    shim_arm(fault, n, lasting);
    submit(&rig, 0, SENT / 2, 0);
    rig_run(&rig, SENT / 2, lasting ? 30 : 2000);
    submit(&rig, SENT / 2, SENT, SENT / 2);
    rig_run(&rig, SENT, lasting ? 30 : 2000);
    bool happened = shim_happened();
    shim_calm();
    assert_true(rig_run(&rig, SENT, PATIENCE));
    for (uint64_t i = 0; i < SENT; i++)
        check_answer(&rig, &rig.answers[i]);
    send_until_taken(&rig);
    for (uint64_t i = 0; i < SENT; i++) /* once more: not one of them is in two places */
        check_answer(&rig, &rig.answers[i]);
    assert_int_equal(yard_audit(path), SENT);
    rig_close(&rig);
    open_rig(&rig, path);
    rig_close(&rig);
    assert_int_equal(yard_audit(path), SENT);
    folder_remove(&folder);
    return happened;
}

static void every_operation(enum shim_fault fault, bool lasting, long step)
{
    long n = 1 + (long)(first_seed % (uint64_t)step);
    uint32_t runs = 0;
    while (run_with(fault, n, lasting)) {
        n += step;
        runs++;
    }
    print_message("%u faults\n", runs);
    assert_true(runs >= 2); /* how many there are is a matter of how many blocks the orders fall into */
}

static void test_a_write_that_fails_once(void **state)
{
    (void)state;
    every_operation(SHIM_IO_ERROR, false, 7);
}

static void test_a_sync_that_fails(void **state)
{
    (void)state;
    every_operation(SHIM_SYNC_ERROR, true, 11);
}

static void test_a_disk_that_is_full_for_a_while(void **state)
{
    (void)state;
    every_operation(SHIM_FULL, true, 11);
}

static void test_a_disk_that_is_broken_for_a_while(void **state)
{
    (void)state;
    every_operation(SHIM_IO_ERROR, true, 13);
}

/* -- killed at the n-th operation ---------------------------------------------------------------------- */

struct acknowledged {
    uint32_t finished;
    struct rig_answer answers[SENT];
};

static struct acknowledged *shared;
static struct rig child_rig;

static void tell_parent(void *context, const struct answer *answer)
{
    (void)context;
    struct rig_answer *record = &shared->answers[answer->ticket];
    record->refusal = answer->refusal;
    record->height = answer->height;
    record->index = answer->index;
    record->id = answer->id;
    __atomic_store_n(&record->times, 1, __ATOMIC_RELEASE);
    if (++child_rig.answered == SENT)
        bb_loop_stop(child_rig.loop);
}

static _Noreturn void child(const char *path, long n)
{
    open_rig(&child_rig, path);
    pipeline_listen(child_rig.pipeline, tell_parent, NULL, NULL);
    shim_arm(SHIM_KILL, n, true);
    submit(&child_rig, 0, SENT, 0);
    if (bb_loop_run(child_rig.loop) == BB_OK)
        pipeline_close(child_rig.pipeline);
    shared->finished = 1;
    _exit(0);
}

static bool killed_at(long n)
{
    struct folder folder;
    char path[128];
    struct rig rig;
    folder_make(&folder, true);
    folder_file(&folder, "chain.db", path);
    memset(shared, 0, sizeof *shared);
    pid_t pid = fork();
    if (pid == 0)
        child(path, n);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    open_rig(&rig, path);
    for (uint32_t i = 0; i < SENT; i++) {
        struct rig_answer answer = shared->answers[i];
        if (answer.times == 1) {
            assert_int_equal(answer.refusal, REFUSAL_NONE);
            check_answer(&rig, &answer);
        }
    }
    (void)yard_audit(path);
    send_until_taken(&rig);
    assert_int_equal(yard_audit(path), SENT);
    rig_close(&rig);
    folder_remove(&folder);
    return shared->finished == 0;
}

static void test_killed_at_any_operation(void **state)
{
    (void)state;
    uint32_t runs = 0;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    for (long n = 1 + (long)(first_seed % 5); killed_at(n); n += 5)
        runs++;
    print_message("killed %u times\n", runs);
    assert_true(runs >= 2); /* how many there are is a matter of how many blocks the orders fall into */
    munmap(shared, sizeof *shared);
}

/* -- locked, read-only --------------------------------------------------------------------------------- */

static void test_locked_by_another_program(void **state)
{
    (void)state;
    struct folder folder;
    char path[128];
    struct rig rig;
    struct pipeline_stats stats;
    sqlite3 *other;
    folder_make(&folder, true);
    folder_file(&folder, "chain.db", path);
    open_rig(&rig, path);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    submit(&rig, 0, SENT, 0);
    assert_true(rig_run(&rig, SENT, PATIENCE));
    pipeline_stats(rig.pipeline, &stats);
    assert_int_equal(stats.role, SEQUENCER_STALLED);
    assert_non_null(strstr(stats.trouble, "locked"));
    for (uint32_t i = 0; i < SENT; i++)
        assert_int_equal(rig.answers[i].refusal, REFUSAL_READ_ONLY);
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(other);
    send_until_taken(&rig);
    pipeline_stats(rig.pipeline, &stats);
    assert_int_equal(stats.role, SEQUENCER_LEADER);
    rig_close(&rig);
    assert_int_equal(yard_audit(path), SENT);
    folder_remove(&folder);
}

static void test_a_file_that_may_not_be_written(void **state)
{
    (void)state;
    struct folder folder;
    char path[128];
    struct rig rig;
    folder_make(&folder, true);
    folder_file(&folder, "chain.db", path);
    open_rig(&rig, path);
    rig_close(&rig);
    assert_int_equal(chmod(path, 0444), 0);
    assert_int_equal(chmod(folder.path, 0777), 0);
    char lock[140];
    snprintf(lock, sizeof lock, "%s.lock", path);
    assert_int_equal(chmod(lock, 0666), 0);
    pid_t pid = fork();
    if (pid == 0) {
        struct bb_reason reason = {""};
        struct store *store;
        if (getuid() == 0 && setuid(65534) != 0)
            _exit(2);
        enum status status = store_open(path, STORE_WRITE, (struct bytes){NULL, 0}, &reason, &store);
        _exit(status == BB_DENIED && strlen(reason.text) > 10 ? 0 : 1);
    }
    int result;
    assert_int_equal(waitpid(pid, &result, 0), pid);
    assert_int_equal(result, 0);
    folder_remove(&folder);
}

int main(int argc, char **argv)
{
    first_seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_write_that_fails_once),
        cmocka_unit_test(test_a_sync_that_fails),
        cmocka_unit_test(test_a_disk_that_is_full_for_a_while),
        cmocka_unit_test(test_a_disk_that_is_broken_for_a_while),
        cmocka_unit_test(test_killed_at_any_operation),
        cmocka_unit_test(test_locked_by_another_program),
        cmocka_unit_test(test_a_file_that_may_not_be_written),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
