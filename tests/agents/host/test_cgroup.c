/* Limits by the kernel. What is written where, against a tree of plain files; killing and emptiness, in a
 * real hierarchy where one is mounted and may be written. Controllers are not to be had everywhere, so that
 * memory.max, pids.max and cpu.max are not seen at work here. */
#include "agents/host/cgroup.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/busbar-cgroup.XXXXXX";
static const struct judge_limits LIMITS = {
    .memory = 1 << 26, .processes = 8, .cpu_percent = 150, .messages_per_s = 1};

static void put(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static const char *get(const char *name)
{
    static char text[128];
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    size_t size = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
    if (file != NULL)
        fclose(file);
    text[size] = '\0';
    return text;
}

static void make(const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void test_what_is_delegated(void **state)
{
    static const char *const LACKING[] = {"", "memory pids\n", "cpuset cpux memory pids\n"};
    struct cgroups cgroups;
    struct bb_reason reason = {""};
    (void)state;
    assert_int_equal(cgroup_open("/nowhere", &cgroups, &reason), BB_NOT_FOUND);
    assert_non_null(strstr(reason.text, "/nowhere: no delegated cgroup: it is none"));
    for (size_t i = 0; i < 3; i++) {
        put("cgroup.controllers", LACKING[i]);
        assert_int_equal(cgroup_open(folder, &cgroups, &reason), BB_NOT_FOUND);
        assert_non_null(strstr(reason.text, "not all of memory, pids and cpu"));
    }
    put("cgroup.controllers", "cpuset cpu io memory pids\n");
    assert_int_equal(cgroup_open(folder, &cgroups, &reason), BB_NOT_FOUND); /* it cannot be entered */
    put("agentd/cgroup.procs", "");
    put("cgroup.subtree_control", "");
    assert_int_equal(cgroup_open(folder, &cgroups, &reason), BB_OK);
    assert_int_equal(atoll(get("agentd/cgroup.procs")), getpid());
    assert_string_equal(get("cgroup.subtree_control"), "+memory +pids +cpu");
    cgroup_close(&cgroups);
    assert_int_equal(cgroups.folder, -1);
}

static void test_limits_are_written(void **state)
{
    static const char *const FILES[] = {"memory.max", "memory.swap.max", "memory.oom.group", "pids.max",
                                        "cpu.max",    "cgroup.procs",    "cgroup.kill"};
    struct cgroups cgroups;
    struct bb_reason reason = {""};
    char path[64];
    int procs = -1;
    (void)state;
    assert_int_equal(cgroup_open(folder, &cgroups, &reason), BB_OK);
    assert_int_equal(cgroup_make(&cgroups, "none", &LIMITS, &reason, &procs), BB_IO);
    assert_non_null(strstr(reason.text, "agent-none/memory.max"));
    make("agent-one");
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        snprintf(path, sizeof path, "agent-one/%s", FILES[i]);
        put(path, "");
    }
    assert_int_equal(cgroup_make(&cgroups, "one", &LIMITS, &reason, &procs), BB_OK);
    assert_true(procs >= 16);
    close(procs);
    assert_string_equal(get("agent-one/memory.max"), "67108864");
    assert_string_equal(get("agent-one/memory.swap.max"), "0");
    assert_string_equal(get("agent-one/memory.oom.group"), "1");
    assert_string_equal(get("agent-one/pids.max"), "8");
    assert_string_equal(get("agent-one/cpu.max"), "150000 100000");
    cgroup_kill(&cgroups, "one");
    assert_string_equal(get("agent-one/cgroup.kill"), "1");
    cgroup_close(&cgroups);
}

static void test_use_is_read(void **state)
{
    struct cgroups cgroups;
    struct cgroup_use use;
    struct bb_reason reason;
    (void)state;
    assert_int_equal(cgroup_open(folder, &cgroups, &reason), BB_OK);
    assert_int_equal(cgroup_read(&cgroups, "one", &use), BB_NOT_FOUND);
    put("agent-one/cgroup.events", "populated 1\nfrozen 0\n");
    put("agent-one/memory.current", "4096\n");
    put("agent-one/memory.events", "low 0\nhigh 0\nmax 9\noom 4\noom_kill 3\noom_group_kill 1\n");
    put("agent-one/pids.current", "5\n");
    put("agent-one/pids.events", "max 7\n");
    put("agent-one/cpu.stat", "usage_usec 123456\nuser_usec 1\n");
    assert_int_equal(cgroup_read(&cgroups, "one", &use), BB_OK);
    assert_int_equal(use.memory, 4096);
    assert_int_equal(use.oom, 3);
    assert_int_equal(use.refused, 7);
    assert_int_equal(use.processes, 5);
    assert_int_equal(use.cpu_us, 123456);
    assert_true(use.populated);
    put("agent-one/cgroup.events", "frozen 0\npopulated 0\n");
    assert_int_equal(cgroup_read(&cgroups, "one", &use), BB_OK);
    assert_false(use.populated);
    cgroup_close(&cgroups);
}

/* A real cgroup without controllers: entered, seen to be populated, killed, seen to be empty, removed. */
static void test_a_real_one(void **state)
{
    char own[BB_PATH_MAX], name[32];
    struct cgroup_use use;
    (void)state;
    struct cgroups cgroups = {cgroup_own(own) == BB_OK ? open(own, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1};
    snprintf(name, sizeof name, "agent-test%d", (int)getpid());
    if (cgroups.folder < 0 || mkdirat(cgroups.folder, name, 0755) != 0) {
        print_message("no cgroup of version 2 that may be written\n");
        skip();
    }
    int folder_of = openat(cgroups.folder, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int procs = openat(folder_of, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    pid_t pid = fork();
    if (pid == 0) {
        (void)!write(procs, "0", 1);
        if (fork() == 0)
            setsid();
        for (;;)
            pause();
    }
    close(procs);
    close(folder_of);
    for (int i = 0; i < 500 && (cgroup_read(&cgroups, name + 6, &use) != BB_OK || !use.populated); i++)
        usleep(10000);
    assert_true(use.populated);
    cgroup_drop(&cgroups, name + 6); /* not while it is populated */
    cgroup_kill(&cgroups, name + 6);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    for (int i = 0; i < 500 && cgroup_read(&cgroups, name + 6, &use) == BB_OK && use.populated; i++)
        usleep(10000);
    assert_false(use.populated);
    cgroup_drop(&cgroups, name + 6);
    assert_int_equal(cgroup_read(&cgroups, name + 6, &use), BB_NOT_FOUND);
    cgroup_close(&cgroups);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    static const char *const PARTS[] = {"agent-one/memory.max",
                                        "agent-one/memory.swap.max",
                                        "agent-one/memory.oom.group",
                                        "agent-one/pids.max",
                                        "agent-one/cpu.max",
                                        "agent-one/cgroup.procs",
                                        "agent-one/cgroup.kill",
                                        "agent-one/cgroup.events",
                                        "agent-one/memory.current",
                                        "agent-one/memory.events",
                                        "agent-one/pids.current",
                                        "agent-one/pids.events",
                                        "agent-one/cpu.stat",
                                        "agent-one",
                                        "agent-none",
                                        "agentd/cgroup.procs",
                                        "agentd",
                                        "cgroup.controllers",
                                        "cgroup.subtree_control"};
    char path[128];
    (void)state;
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, PARTS[i]);
        (void)!remove(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_delegated),
        cmocka_unit_test(test_limits_are_written),
        cmocka_unit_test(test_use_is_read),
        cmocka_unit_test(test_a_real_one),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
