/* The spool: order, bound, what a new process finds, a full disk. */
#include "agents/historian/spool.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ROOM 100000

static char folder[64], path[96];

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/bb-spool-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/spool.db", folder);
    return 0;
}

static int tear_down(void **state)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-lock"};
    char name[128];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "%s%s", path, ends[i]);
        unlink(name);
    }
    return rmdir(folder);
}

static struct spool *open_spool(uint64_t room)
{
    struct bb_reason reason;
    struct spool *spool = NULL;
    assert_int_equal(spool_open(path, room, &spool, &reason), BB_OK);
    return spool;
}

/* Appends a batch that holds its number; readings dropped for it. */
static uint64_t append(struct spool *spool, uint32_t number, size_t size)
{
    struct bb_reason reason;
    uint64_t dropped = 99;
    uint8_t *data = calloc(1, size);
    memcpy(data, &number, sizeof number);
    assert_int_equal(spool_append(spool, (struct bytes){data, size}, number, &dropped, &reason), BB_OK);
    free(data);
    return dropped;
}

/* Takes the oldest ones out of the spool and compares their numbers. */
static void expect_numbers(struct spool *spool, uint32_t first, uint32_t last)
{
    struct bb_reason reason;
    struct spool_batch batches[8];
    size_t count;
    while (first <= last) {
        assert_int_equal(spool_oldest(spool, 8, 5000, batches, &count, &reason), BB_OK);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
            uint32_t number;
            memcpy(&number, batches[i].data, sizeof number);
            assert_int_equal(number, first++);
            assert_int_equal(number, batches[i].readings);
            free(batches[i].data);
        }
        assert_int_equal(spool_remove(spool, batches[count - 1].id, &reason), BB_OK);
    }
    assert_int_equal(spool_oldest(spool, 8, 5000, batches, &count, &reason), BB_OK);
    assert_int_equal(count, 0);
    assert_int_equal(spool_counts(spool).bytes, 0);
    assert_int_equal(spool_counts(spool).readings, 0);
}

static void test_order_and_restart(void **state)
{
    struct stat about;
    (void)state;
    struct spool *spool = open_spool(ROOM);
    for (uint32_t i = 1; i <= 20; i++)
        assert_int_equal(append(spool, i, 500), 0);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    spool_close(spool);
    spool = open_spool(ROOM);
    assert_int_equal(spool_counts(spool).batches, 20);
    assert_int_equal(spool_counts(spool).readings, 210);
    assert_int_equal(spool_counts(spool).bytes, 10000);
    expect_numbers(spool, 1, 20);
    spool_close(spool);
}

static void test_bound(void **state)
{
    (void)state;
    struct spool *spool = open_spool(10000);
    for (uint32_t i = 1; i <= 10; i++)
        assert_int_equal(append(spool, i, 1000), 0);
    assert_int_equal(append(spool, 11, 2500), 1 + 2 + 3);
    assert_int_equal(spool_counts(spool).dropped, 6);
    assert_int_equal(append(spool, 12, 20000), 4 + 5 + 6 + 7 + 8 + 9 + 10 + 11);
    spool_close(spool);
    spool = open_spool(10000);
    assert_int_equal(spool_counts(spool).dropped, 66);
    expect_numbers(spool, 12, 12);
    spool_close(spool);
}

static void test_the_disk_gets_it_back(void **state)
{
    struct stat full, empty;
    (void)state;
    struct spool *spool = open_spool(UINT64_C(1) << 40);
    for (uint32_t i = 1; i <= 60; i++)
        assert_int_equal(append(spool, i, 1000000), 0);
    assert_int_equal(stat(path, &full), 0);
    expect_numbers(spool, 1, 60);
    for (uint32_t round = 0; round < 20; round++) {
        append(spool, 1, 1000);
        expect_numbers(spool, 1, 1);
    }
    spool_close(spool);
    assert_int_equal(stat(path, &empty), 0);
    assert_true(full.st_size > 50000000 && empty.st_size < 20000000);
}

static void test_one_at_a_time(void **state)
{
    struct bb_reason reason = {""};
    struct spool *second = NULL;
    (void)state;
    struct spool *spool = open_spool(ROOM);
    assert_int_equal(spool_open(path, ROOM, &second, &reason), BB_EXISTS);
    assert_non_null(strstr(reason.text, "another historian"));
    spool_close(spool);
}

static void test_foreign_file(void **state)
{
    struct bb_reason reason = {""};
    struct spool *spool = NULL;
    (void)state;
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 400; i++)
        fputs("this is no database", file);
    fclose(file);
    assert_int_not_equal(spool_open(path, ROOM, &spool, &reason), BB_OK);
    assert_non_null(strstr(reason.text, path));
}

static void test_full_disk(void **state)
{
    struct rlimit before, small = {300000, 0};
    struct bb_reason reason = {""};
    uint8_t data[20000] = {0};
    uint64_t dropped;
    enum status status = BB_OK;
    uint32_t taken = 0;
    (void)state;
    struct spool *spool = open_spool(UINT64_C(1) << 40);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small.rlim_max = before.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (uint32_t i = 1; i < 100 && status == BB_OK; i++) {
        memcpy(data, &i, sizeof i);
        status = spool_append(spool, (struct bytes){data, sizeof data}, i, &dropped, &reason);
        taken += status == BB_OK;
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_not_equal(status, BB_OK);
    assert_true(taken > 3 && taken < 50);
    assert_int_equal(append(spool, taken + 1, sizeof data), 0);
    expect_numbers(spool, 1, taken + 1);
    spool_close(spool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order_and_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_disk_gets_it_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_at_a_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_foreign_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full_disk, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
