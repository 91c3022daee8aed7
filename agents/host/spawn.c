#include "agents/host/spawn.h"

#include "agents/host/fence.h"

#include <busbar/check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The descriptors of the new process; those that are not standard are moved above these before. */
enum { FD_OUTPUT = 1, FD_ERROR, FD_LOCK, FD_FREE };
#define FD_ABOVE 16

enum step { PARENT, SESSION, CGROUP, FILES, LIMITS, PRIVILEGES, FENCE, FOLDER, PROGRAM, STEPS };

static const char *const STEP_TEXTS[STEPS] = {
    [PARENT] = "busbar-agentd has ended", [SESSION] = "a session of its own",
    [CGROUP] = "entering its cgroup",     [FILES] = "its open files",
    [LIMITS] = "setting its limits",      [PRIVILEGES] = "giving up privileges",
    [FENCE] = "entering its Landlock",    [FOLDER] = "entering its bundle",
    [PROGRAM] = "running its command"};

struct said {
    int32_t step, error;
};

static int set_limits(const struct spawn_plan *plan)
{
    for (size_t i = 0; i < plan->limit_count; i++) {
        struct rlimit now, limit = {plan->limits[i].value, plan->limits[i].value};
        if (getrlimit(plan->limits[i].resource, &now) != 0)
            return 0;
        if (limit.rlim_max > now.rlim_max)
            limit.rlim_cur = limit.rlim_max = now.rlim_max;
        if (setrlimit(plan->limits[i].resource, &limit) != 0)
            return 0;
    }
    return 1;
}

static int set_files(const struct spawn_plan *plan, int said)
{
    int empty = open("/dev/null", O_RDONLY);
    return empty >= 0 && dup2(empty, 0) == 0 && dup2(plan->output, FD_OUTPUT) >= 0 &&
           dup2(plan->error, FD_ERROR) >= 0 && dup2(plan->lock, FD_LOCK) >= 0 &&
           syscall(SYS_close_range, FD_FREE, ~0U, CLOSE_RANGE_CLOEXEC) == 0 &&
           fcntl(said, F_SETFD, FD_CLOEXEC) == 0;
}

static void reset_signals(void)
{
    sigset_t none;
    struct sigaction plain = {.sa_handler = SIG_DFL};
    for (int number = 1; number < NSIG; number++)
        (void)!sigaction(number, &plain, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Everything between fork and exec; what failed. */
static enum step become(const struct spawn_plan *plan, pid_t parent, int said)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent)
        return PARENT;
    if (setsid() < 0)
        return SESSION;
    if (plan->cgroup >= 0 && write(plan->cgroup, "0", 1) != 1)
        return CGROUP;
    (void)!setpriority(PRIO_PROCESS, 0, 0);
    if (!set_files(plan, said))
        return FILES;
    if (!set_limits(plan))
        return LIMITS;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return PRIVILEGES;
    if (chdir(plan->folder) != 0)
        return FOLDER;
    if (plan->fence >= 0 && fence_enter(plan->fence) != BB_OK)
        return FENCE;
    umask(0077);
    reset_signals();
    /* execve does not change what it is given; its type says otherwise. */
    execve(plan->argv[0], (char *const *)(uintptr_t)plan->argv, (char *const *)(uintptr_t)plan->envp);
    return PROGRAM;
}

/* A descriptor above those of the new process, in place of `fd`. */
static int above(int fd)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, FD_ABOVE);
    close(fd);
    return moved;
}

enum status spawn_run(const struct spawn_plan *plan, pid_t *pid_out, int *said_out)
{
    int ends[2];
    pid_t parent = getpid();
    CHECK(plan->output > FD_FREE && plan->error > FD_FREE && plan->lock > FD_FREE);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return BB_IO;
    ends[0] = above(ends[0]);
    ends[1] = above(ends[1]);
    pid_t pid = ends[0] < 0 || ends[1] < 0 ? -1 : fork();
    if (pid == 0) {
        enum step step = become(plan, parent, ends[1]);
        struct said said = {step, errno};
        (void)!write(ends[1], &said, sizeof said);
        _exit(127);
    }
    if (ends[1] >= 0)
        close(ends[1]);
    if (pid < 0) {
        if (ends[0] >= 0)
            close(ends[0]);
        return BB_IO;
    }
    *pid_out = pid;
    *said_out = ends[0];
    return BB_OK;
}

enum status spawn_said(int said, const char **step_out, int *error_out)
{
    struct said what;
    ssize_t size = read(said, &what, sizeof what);
    if (size == 0)
        return BB_OK;
    bool whole = size == (ssize_t)sizeof what && what.step >= 0 && what.step < STEPS;
    *step_out = whole ? STEP_TEXTS[what.step] : "starting";
    *error_out = whole ? what.error : EIO;
    return BB_IO;
}
