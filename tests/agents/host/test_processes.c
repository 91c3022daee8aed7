/* Real processes: started behind their fence, found whatever they do, killed to the last. */
#include "agents/host/fence.h"
#include "agents/host/members.h"
#include "agents/host/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/busbar-processes.XXXXXX";
static char mark[80];
static const char *const ENVIRONMENT[] = {"PATH=/usr/bin:/bin", mark, NULL};

static int above(int fd)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, 16);
    close(fd);
    return moved;
}

static int open_file(const char *name)
{
    char path[80];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return above(open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
}

/* Starts a shell script; what it is told of the start. */
static enum status start(const char *script, int fence, pid_t *pid_out, const char **step_out, int *error_out)
{
    const char *const argv[] = {script[0] == '/' ? script : "/bin/sh", "-c", script, NULL};
    struct spawn_plan plan = {.folder = folder,
                              .argv = argv,
                              .envp = ENVIRONMENT,
                              .fence = fence,
                              .cgroup = -1,
                              .output = open_file("out"),
                              .error = open_file("out"),
                              .lock = open_file("lock"),
                              .limits = {{RLIMIT_NOFILE, 32}, {RLIMIT_CORE, 0}},
                              .limit_count = 2};
    int said;
    assert_int_equal(spawn_run(&plan, pid_out, &said), BB_OK);
    enum status status = spawn_said(said, step_out, error_out);
    close(said);
    close(plan.output);
    close(plan.error);
    close(plan.lock);
    return status;
}

static const char *output(void)
{
    static char text[4096];
    char path[80];
    snprintf(path, sizeof path, "%s/out", folder);
    FILE *file = fopen(path, "r");
    size_t size = file == NULL ? 0 : fread(text, 1, sizeof text - 1, file);
    if (file != NULL)
        fclose(file);
    text[size] = '\0';
    unlink(path);
    return text;
}

static void test_a_new_process(void **state)
{
    const char *step = NULL;
    int error = 0, status;
    pid_t pid;
    (void)state;
    assert_int_equal(start("ulimit -n; grep NoNewPrivs /proc/self/status; ls /proc/self/fd | wc -l; umask; "
                           "cut -d' ' -f6 /proc/$$/stat; echo $$; trap",
                           -1, &pid, &step, &error),
                     BB_OK);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    char expected[200];
    /* Open: 0, 1, 2, the lock, and the folder that ls reads. Its session is its own. */
    snprintf(expected, sizeof expected, "32\nNoNewPrivs:\t1\n5\n0077\n%d\n%d\n", pid, pid);
    assert_string_equal(output(), expected);
}

static void test_what_cannot_be_started(void **state)
{
    const char *step = NULL;
    int error = 0;
    pid_t pid;
    (void)state;
    assert_int_equal(start("/nowhere/program", -1, &pid, &step, &error), BB_IO);
    assert_string_equal(step, "running its command");
    assert_int_equal(error, ENOENT);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_the_fence(void **state)
{
    const struct fence_place places[] = {{folder, FENCE_OWN}};
    const char *step = NULL;
    int error = 0, fence;
    pid_t pid;
    (void)state;
    if (fence_open(places, 1, &fence) == BB_NOT_FOUND) {
        print_message("no Landlock here\n");
        skip();
    }
    assert_int_equal(
        start("echo x >own && cat own; cat /etc/hostname >/dev/null && echo etc; ls /root /tmp 2>/dev/null "
              "|| echo shut; echo y 2>/dev/null >/tmp/busbar-escape || echo out; cp /bin/true t; ./t || echo "
              "no",
              fence, &pid, &step, &error),
        BB_OK);
    close(fence);
    waitpid(pid, NULL, 0);
    const char *text = output();
    assert_non_null(strstr(text, "x\netc\nshut\n"));
    assert_non_null(strstr(text, "out\n"));
    assert_non_null(strstr(text, "no\n"));
}

static void look_until(struct members *members, const struct members_owner *owner, unsigned count)
{
    for (int i = 0; i < 500 && owner->processes != count; i++) {
        usleep(20000);
        members_look(members);
    }
    assert_int_equal(owner->processes, count);
}

/* Children, grandchildren, a group of its own, a session of its own: all are known, and all are killed. */
static void test_all_are_found_and_killed(void **state)
{
    bool reaper;
    struct members *members = members_open(&reaper);
    assert_true(reaper);
    struct members_owner owner = {.mark = folder};
    const char *step;
    int error;
    pid_t pid;
    (void)state;
    members_own(members, &owner);
    members_look(members);
    /* The shell and one; a shell with two; one in a session of its own; one whose parents have ended. */
    assert_int_equal(start("sleep 77777 & (sleep 77777 & sleep 77777 & wait) & setsid sleep 77777 & "
                           "(setsid sh -c 'sleep 77777 & exit') & wait",
                           -1, &pid, &step, &error),
                     BB_OK);
    members_lead(members, &owner, pid);
    look_until(members, &owner, 7);
    assert_true(owner.memory > 1000000);
    assert_true(members_files(members, &owner) >= 7 * 4);
    assert_true(members_proportional(members, &owner) > 100000);
    members_signal(members, &owner, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    owner.leader = 0;
    look_until(members, &owner, 0);
    members_disown(members, &owner);
    members_close(members);
}

/* What an earlier run has left: found by the mark, or by the open lock. */
static void test_leftovers_are_found(void **state)
{
    bool reaper;
    struct members *members = members_open(&reaper);
    assert_true(reaper);
    struct members_owner owner = {.mark = folder};
    const char *step;
    int error, lock = open_file("lock");
    pid_t marked, locked;
    (void)state;
    assert_int_equal(fstat(lock, &owner.lock), 0);
    close(lock);
    assert_int_equal(start("exec sleep 77777", -1, &marked, &step, &error), BB_OK);
    assert_int_equal(start("exec env -i sleep 77777", -1, &locked, &step, &error), BB_OK);
    members_own(members, &owner);
    members_search(members);
    assert_int_equal(owner.processes, 2);
    members_signal(members, &owner, SIGKILL);
    look_until(members, &owner, 0); /* which waits for them, too */
    assert_int_equal(kill(marked, 0), -1);
    assert_int_equal(kill(locked, 0), -1);
    members_disown(members, &owner);
    members_close(members);
}

static void test_stat_lines(void **state)
{
    struct procfs_stat stat;
    (void)state;
    assert_int_equal(
        procfs_parse("7 (a ) b (c) S 1 2 3 0 -1 0 0 0 0 0 10 20 30 40 20 0 3 0 555 1000 6 1", &stat), BB_OK);
    assert_int_equal(stat.state, 'S');
    assert_int_equal(stat.parent, 1);
    assert_int_equal(stat.group, 2);
    assert_int_equal(stat.session, 3);
    assert_int_equal(stat.ticks, 100);
    assert_int_equal(stat.start, 555);
    assert_int_equal(stat.memory, 6 * sysconf(_SC_PAGESIZE));
    static const char *const BAD[] = {
        "", "7", "7 (x)", "7 (x) ", "7 (x) S", "7 (x) S 1 2 y", ")", "7 (x) S 1 2 3 4"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_int_equal(procfs_parse(BAD[i], &stat), BB_MALFORMED);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(mark, sizeof mark, MEMBERS_MARK "=%s", folder);
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const FILES[] = {"out", "lock", "own", "t"};
    char path[80];
    (void)state;
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, FILES[i]);
        unlink(path);
    }
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_new_process),       cmocka_unit_test(test_what_cannot_be_started),
        cmocka_unit_test(test_the_fence),           cmocka_unit_test(test_all_are_found_and_killed),
        cmocka_unit_test(test_leftovers_are_found), cmocka_unit_test(test_stat_lines),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
