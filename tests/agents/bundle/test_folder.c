/* Bundles on the disk: unpacked as a whole, read-only, compared, removed; and what a cut-off unpacking
 * leaves. */
#include "agents/bundle/folder.h"
#include "tests/agents/bundle/home.h"
#include "tests/link/cm.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 60

static uint64_t seed = 1;

struct rig {
    int home;
    uint8_t *data;
    struct bundle bundle;
};

static struct rig begin(void)
{
    struct rig rig = {.home = home_open()};
    struct bb_reason reason = {""};
    size_t size;
    int folder = openat(rig.home, "agent", O_RDONLY | O_DIRECTORY);
    if (bundle_pack(folder, &reason, &rig.data, &size) != BB_OK ||
        bundle_read((struct bytes){rig.data, size}, NULL, &reason, &rig.bundle) != BB_OK)
        fail_msg("%s", reason.text);
    close(folder);
    return rig;
}

static void end(struct rig *rig)
{
    bundle_free(&rig->bundle);
    free(rig->data);
    home_close(rig->home);
}

static unsigned mode_of(int home, const char *path)
{
    struct stat about;
    assert_int_equal(fstatat(home, path, &about, AT_SYMLINK_NOFOLLOW), 0);
    return about.st_mode & 07777;
}

static size_t entries_of(int home)
{
    size_t count = 0;
    DIR *entries = fdopendir(openat(home, ".", O_RDONLY | O_DIRECTORY));
    while (readdir(entries) != NULL)
        count++;
    closedir(entries);
    return count - 2;
}

static void test_round_trip(void **state)
{
    (void)state;
    struct rig rig = begin();
    struct bb_reason reason = {""};
    uint8_t *again;
    size_t size;
    assert_int_equal(folder_unpack(&rig.bundle, rig.home, "unpacked", &reason), BB_OK);
    assert_int_equal(mode_of(rig.home, "unpacked"), 0555);
    assert_int_equal(mode_of(rig.home, "unpacked/data"), 0555);
    assert_int_equal(mode_of(rig.home, "unpacked/run"), 0555);
    assert_int_equal(mode_of(rig.home, "unpacked/data/table.csv"), 0444);
    assert_int_equal(entries_of(rig.home), 2);
    assert_int_equal(folder_matches(&rig.bundle, rig.home, "unpacked", &reason), BB_OK);
    int folder = openat(rig.home, "unpacked", O_RDONLY | O_DIRECTORY);
    assert_int_equal(bundle_pack(folder, &reason, &again, &size), BB_OK);
    close(folder);
    assert_int_equal(size, rig.bundle.archive.size);
    assert_memory_equal(again, rig.bundle.archive.data, size);
    free(again);
    assert_int_equal(folder_unpack(&rig.bundle, rig.home, "unpacked", &reason), BB_EXISTS);
    assert_int_equal(folder_remove(rig.home, "unpacked", &reason), BB_OK);
    assert_int_equal(folder_remove(rig.home, "unpacked", &reason), BB_NOT_FOUND);
    assert_int_equal(entries_of(rig.home), 1);
    end(&rig);
}

static void test_differences(void **state)
{
    (void)state;
    struct rig rig = begin();
    struct bb_reason reason = {""};
    static const struct {
        const char *path, *text, *words;
        unsigned mode;
    } cases[] = {{"run", "#!/bin/sh\nexec sleep 61\n", "\"run\" has other bytes", 0555},
                 {"run", "#!/bin/sh\nexec sleep 60\n", "\"run\" has another mode", 0444},
                 {"data/table.csv", "", "\"data/table.csv\" has other bytes", 0444},
                 {"data/table.csv", "a,b\n1,2\n3,4\n", "\"data/table.csv\" has other bytes", 0444},
                 {"data/more.csv", "x", "\"data/more.csv\" is not of the bundle", 0444}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(folder_unpack(&rig.bundle, rig.home, "u", &reason), BB_OK);
        int folder = openat(rig.home, "u", O_RDONLY | O_DIRECTORY);
        assert_int_equal(fchmod(folder, 0755), 0);
        assert_int_equal(fchmodat(folder, "data", 0755, 0), 0);
        (void)unlinkat(folder, cases[i].path, 0);
        home_put(folder, cases[i].path, cases[i].text, cases[i].mode);
        close(folder);
        assert_int_equal(folder_matches(&rig.bundle, rig.home, "u", &reason), BB_MALFORMED);
        if (strstr(reason.text, cases[i].words) == NULL)
            fail_msg("%s", reason.text);
        assert_int_equal(folder_remove(rig.home, "u", &reason), BB_OK);
    }
    assert_int_equal(folder_matches(&rig.bundle, rig.home, "u", &reason), BB_NOT_FOUND);
    home_put(rig.home, "u/run", "#!/bin/sh\nexec sleep 60\n", 0755);
    assert_int_equal(folder_matches(&rig.bundle, rig.home, "u", &reason), BB_MALFORMED);
    assert_non_null(strstr(reason.text, "1 of the bundle's 3 files"));
    end(&rig);
}

/* A disk that takes no more: nothing of it stays. */
static void test_nothing_half_done(void **state)
{
    (void)state;
    struct rig rig = begin();
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct bb_reason reason = {""};
        struct rlimit limit = {10, 10};
        signal(SIGXFSZ, SIG_IGN);
        if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
            _exit(1);
        enum status status = folder_unpack(&rig.bundle, rig.home, "u", &reason);
        _exit(status == BB_IO && strstr(reason.text, "cannot be written") != NULL ? 0 : 2);
    }
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    assert_int_equal(entries_of(rig.home), 1);
    end(&rig);
}

/* Unpacks one after the other until it is killed. */
static _Noreturn void unpack_on(const struct rig *rig, int round)
{
    for (int i = 0;; i++) {
        struct bb_reason reason = {""};
        char name[32];
        snprintf(name, sizeof name, "u%d.%d", round, i);
        if (folder_unpack(&rig->bundle, rig->home, name, &reason) != BB_OK)
            _exit(1);
    }
}

/* Whenever the process dies: what has the name is the whole bundle, and what is left besides goes. */
static void test_killed_at_any_time(void **state)
{
    (void)state;
    struct rig rig = begin();
    struct bb_reason reason = {""};
    size_t whole = 0;
    for (int round = 0; round < ROUNDS; round++) {
        int how;
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            unpack_on(&rig, round);
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        usleep((useconds_t)(seed >> 33) % 20000);
        assert_int_equal(kill(child, SIGKILL), 0);
        assert_int_equal(waitpid(child, &how, 0), child);
        assert_true(WIFSIGNALED(how));
    }
    (void)folder_sweep(rig.home);
    DIR *entries = fdopendir(openat(rig.home, ".", O_RDONLY | O_DIRECTORY));
    const struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) {
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "agent") == 0)
            continue;
        if (folder_matches(&rig.bundle, rig.home, entry->d_name, &reason) != BB_OK)
            fail_msg("%s: %s", entry->d_name, reason.text);
        assert_int_equal(folder_remove(rig.home, entry->d_name, &reason), BB_OK);
        whole++;
    }
    closedir(entries);
    assert_true(whole > 0);
    assert_int_equal(entries_of(rig.home), 1);
    end(&rig);
}

static void test_sweep(void **state)
{
    (void)state;
    struct rig rig = begin();
    home_put(rig.home, ".fresh-1-1/data/x", "half", 0400);
    home_put(rig.home, ".fresh-2-7", "half", 0400);
    home_put(rig.home, "kept/x", "x", 0600);
    assert_int_equal(fchmodat(rig.home, ".fresh-1-1/data", 0500, 0), 0);
    assert_int_equal(folder_sweep(rig.home), 2);
    assert_int_equal(folder_sweep(rig.home), 0);
    assert_int_equal(entries_of(rig.home), 2);
    end(&rig);
}

/* What lies in an agent's folder is its own work: links, closed folders, and deeper than one may open. */
static void test_removes_anything(void **state)
{
    (void)state;
    struct rig rig = begin();
    struct bb_reason reason = {""};
    home_put(rig.home, "outside/precious", "x", 0600);
    home_put(rig.home, "state/a/b/c", "x", 0000);
    home_put(rig.home, "state/.lifted-0/x", "x", 0600);
    assert_int_equal(symlinkat("../outside", rig.home, "state/link"), 0);
    assert_int_equal(symlinkat("../../outside", rig.home, "state/a/link"), 0);
    assert_int_equal(mkfifoat(rig.home, "state/pipe", 0600), 0);
    int at = openat(rig.home, "state", O_RDONLY | O_DIRECTORY);
    for (int depth = 0; depth < 2000; depth++) {
        assert_int_equal(mkdirat(at, "d", 0700), 0);
        int next = openat(at, "d", O_RDONLY | O_DIRECTORY);
        assert_true(next >= 0);
        close(at);
        at = next;
    }
    close(at);
    assert_int_equal(fchmodat(rig.home, "state/a/b", 0000, 0), 0);
    assert_int_equal(fchmodat(rig.home, "state/a", 0500, 0), 0);
    if (folder_remove(rig.home, "state", &reason) != BB_OK)
        fail_msg("%s", reason.text);
    assert_int_equal(mode_of(rig.home, "outside/precious"), 0600);
    assert_int_equal(symlinkat("outside", rig.home, "link"), 0);
    assert_int_equal(folder_remove(rig.home, "link", &reason), BB_OK);
    assert_int_equal(mode_of(rig.home, "outside/precious"), 0600);
    assert_int_equal(entries_of(rig.home), 2);
    end(&rig);
}

static void test_store(void **state)
{
    (void)state;
    struct rig rig = begin();
    struct bb_reason reason = {""};
    assert_int_equal(folder_store(rig.home, "x", bytes_of("one"), 0600, &reason), BB_OK);
    assert_int_equal(folder_store(rig.home, "x", bytes_of("two"), 0640, &reason), BB_OK);
    assert_int_equal(mode_of(rig.home, "x"), 0640);
    char text[8] = "";
    int file = openat(rig.home, "x", O_RDONLY);
    assert_int_equal(read(file, text, sizeof text), 3);
    close(file);
    assert_string_equal(text, "two");
    assert_int_equal(entries_of(rig.home), 2);
    end(&rig);
}

int main(int argc, char **argv)
{
    const char *given = argc > 1 ? argv[1] : getenv("BUSBAR_SEED");
    if (given != NULL)
        seed = strtoull(given, NULL, 10);
    printf("test_folder: seed %llu\n", (unsigned long long)seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_differences),
        cmocka_unit_test(test_nothing_half_done),
        cmocka_unit_test(test_killed_at_any_time),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_removes_anything),
        cmocka_unit_test(test_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
