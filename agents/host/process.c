#include "agents/host/process.h"

#include "agents/host/launch.h"
#include "agents/host/output.h"
#include "agents/host/spawn.h"
#include "agents/host/supervisor.h"

#include <busbar/check.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Descriptors 0 to 4 are the new process's own. */
#define FD_ABOVE 16
/* How often the whole of /proc is searched for who holds a lock. */
#define SEARCH_MS 500

static struct supervisor *supervisor_of(const struct process *process)
{
    return process->agent->host->supervisor;
}

static void on_exit_ready(void *context)
{
    struct process *process = context;
    siginfo_t info = {.si_pid = 0};
    struct hosted *agent = process->agent;
    if (process->pid == 0 || waitid(P_PID, (id_t)process->pid, &info, WEXITED | WNOHANG) != 0 ||
        info.si_pid == 0)
        return;
    /* What it said of its start comes first. */
    if (process->said.fd >= 0)
        process->said.handler(process);
    if (process->pid == 0)
        return;
    process_reaped(process);
    bool exited = info.si_code == CLD_EXITED;
    snprintf(agent->last_exit, sizeof agent->last_exit, exited ? "exit %d" : "signal %d", info.si_status);
    supervisor_take(agent, exited && info.si_status == 0 ? LIFE_ENDED : LIFE_EXITED);
}

static void on_said(void *context)
{
    struct process *process = context;
    struct hosted *agent = process->agent;
    const char *step = NULL;
    int error = 0;
    enum status status = spawn_said(process->said.fd, &step, &error);
    ears_drop(supervisor_of(process)->ears, &process->said);
    if (status == BB_OK) {
        supervisor_take(agent, LIFE_RUNS);
        return;
    }
    bb_reason_say(&agent->trouble, "%s: %s: %s", agent->manifest.command[0], step, strerror(error));
    (void)!waitpid(process->pid, NULL, 0);
    process_reaped(process);
    supervisor_take(agent, LIFE_FAILED);
}

struct process *process_open(struct hosted *agent)
{
    struct process *process = calloc(1, sizeof *process);
    CHECK(process != NULL);
    const struct manifest_limits *limits = &agent->manifest.limits;
    process->agent = agent;
    process->exit = (struct ear){-1, on_exit_ready, process};
    process->said = (struct ear){-1, on_said, process};
    process->limits = (struct judge_limits){(uint64_t)limits->memory_mb * 1024 * 1024, limits->processes,
                                            limits->cpu_percent, limits->messages_per_s};
    process->own.mark = paths_agent(&agent->host->paths, agent->row.name, PATH_FOLDER, process->mark);
    members_own(supervisor_of(process)->members, &process->own);
    return process;
}

void process_close(struct process *process)
{
    if (process == NULL)
        return;
    ears_drop(supervisor_of(process)->ears, &process->exit);
    ears_drop(supervisor_of(process)->ears, &process->said);
    members_disown(supervisor_of(process)->members, &process->own);
    free(process);
}

/* The lock, held; −1 with errno EWOULDBLOCK: somebody has it. */
static int take_lock(struct process *process)
{
    char path[BB_PATH_MAX];
    paths_agent(&process->agent->host->paths, process->agent->row.name, PATH_LOCK, path);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    int lock = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FD_ABOVE);
    if (fd >= 0)
        close(fd);
    if (lock < 0 || fstat(lock, &process->own.lock) != 0 || flock(lock, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;
        if (lock >= 0)
            close(lock);
        errno = error;
        return -1;
    }
    return lock;
}

/* Listens for its end. */
static enum status watch(struct process *process, pid_t pid, int said)
{
    struct ears *ears = supervisor_of(process)->ears;
    process->pid = pid;
    process->said.fd = said;
    process->exit.fd = (int)syscall(SYS_pidfd_open, pid, 0);
    members_lead(supervisor_of(process)->members, &process->own, pid);
    judge_reset(&process->judge);
    if (process->exit.fd >= 0 && ears_add(ears, &process->exit) == BB_OK &&
        ears_add(ears, &process->said) == BB_OK)
        return BB_OK;
    kill(pid, SIGKILL);
    (void)!waitpid(pid, NULL, 0);
    ears_drop(ears, &process->said);
    process_reaped(process);
    return BB_IO;
}

/* −1 where none was delegated. */
static enum status make_cgroup(struct process *process, struct bb_reason *reason, int *procs_out)
{
    const struct cgroups *cgroups = &supervisor_of(process)->cgroups;
    const char *name = process->agent->row.name;
    if (cgroups->folder < 0)
        return BB_OK;
    enum status status = cgroup_make(cgroups, name, &process->limits, reason, procs_out);
    if (status == BB_OK && cgroup_read(cgroups, name, &process->told) != BB_OK)
        process->told = (struct cgroup_use){.memory = 0};
    return status;
}

enum status process_start(struct process *process, struct bb_reason *reason)
{
    struct launch_ends ends = {.lock = take_lock(process), .cgroup = -1};
    int pipes[2], said;
    pid_t pid;
    if (ends.lock < 0) {
        bb_reason_say(reason, "its lock: %s", strerror(errno));
        return errno == EWOULDBLOCK ? BB_EXISTS : BB_IO;
    }
    enum status status = output_pipes(process->agent->output, pipes);
    if (status != BB_OK) {
        bb_reason_say(reason, "no pipe for its output: %s", strerror(errno));
        close(ends.lock);
        return status;
    }
    ends.output = pipes[0];
    ends.error = pipes[1];
    status = make_cgroup(process, reason, &ends.cgroup);
    if (status == BB_OK)
        status = launch(process->agent, &ends, reason, &pid, &said);
    if (ends.cgroup >= 0)
        close(ends.cgroup);
    close(ends.lock);
    close(ends.output);
    close(ends.error);
    if (status != BB_OK)
        return status;
    status = watch(process, pid, said);
    if (status != BB_OK)
        bb_reason_say(reason, "its end cannot be waited for: %s", strerror(errno));
    return status;
}

void process_signal(struct process *process, int number)
{
    struct members *members = supervisor_of(process)->members;
    if (number == SIGKILL && supervisor_of(process)->cgroups.folder >= 0)
        cgroup_kill(&supervisor_of(process)->cgroups, process->agent->row.name);
    /* What is known first: before a bomb is looked at it is to be out. */
    if (number == SIGKILL)
        members_signal(members, &process->own, number);
    members_look(members);
    members_signal(members, &process->own, number);
}

static bool is_populated(const struct process *process)
{
    const struct cgroups *cgroups = &supervisor_of(process)->cgroups;
    struct cgroup_use use;
    return cgroups->folder >= 0 && cgroup_read(cgroups, process->agent->row.name, &use) == BB_OK &&
           use.populated;
}

bool process_is_clear(struct process *process)
{
    struct members *members = supervisor_of(process)->members;
    int64_t now_ms = bb_loop_mono_ms();
    CHECK(process->pid == 0);
    members_look(members);
    if (process->own.processes > 0 || is_populated(process))
        return false;
    int lock = take_lock(process);
    if (lock >= 0) {
        close(lock);
        process->own.leader = 0;
        if (supervisor_of(process)->cgroups.folder >= 0)
            cgroup_drop(&supervisor_of(process)->cgroups, process->agent->row.name);
        return true;
    }
    if (errno == EWOULDBLOCK && now_ms - process->searched_ms >= SEARCH_MS) {
        process->searched_ms = now_ms;
        members_search(members);
    }
    return false;
}

void process_reaped(struct process *process)
{
    ears_drop(supervisor_of(process)->ears, &process->exit);
    process->pid = 0;
}

unsigned process_files(const struct process *process)
{
    return members_files(supervisor_of(process)->members, &process->own);
}
