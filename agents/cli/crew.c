#include "agents/cli/crew.h"

#include "agents/cli/call.h"

#include <busbar/loop.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CREW_PATIENCE_MS 2000

/* Writes <folder>/<program> to path_out; true when that can be run. */
static bool runnable(const char *folder, size_t length, const char *program, char *path_out, size_t size)
{
    int count = snprintf(path_out, size, "%.*s/%s", (int)length, folder, program);
    return count > 0 && (size_t)count < size && access(path_out, X_OK) == 0;
}

enum status crew_find(const char *program, struct bb_reason *reason, char *path_out, size_t size)
{
    char self[1024];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length > 0) {
        self[length] = '\0';
        char *slash = strrchr(self, '/');
        if (slash != NULL && runnable(self, (size_t)(slash - self), program, path_out, size))
            return BB_OK;
    }
    for (const char *at = getenv("PATH"); at != NULL && *at != '\0';) {
        size_t part = strcspn(at, ":");
        if (part > 0 && runnable(at, part, program, path_out, size))
            return BB_OK;
        at += part + (at[part] == ':');
    }
    return call_reason(reason, BB_NOT_FOUND,
                       "%s is neither beside this program nor on PATH: build or install it", program);
}

/* What the child does until it is another program. Never returns. */
static _Noreturn void become(const struct crew *crew, const char *const *arguments, int log, pid_t parent)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool ready = getppid() == parent && null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
                 dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0 &&
                 setenv("BUSBAR_HOME", crew->home, 1) == 0 && unsetenv("BUSBAR_VIP") == 0;
    if (ready)
        execv(arguments[0], (char *const *)(const void *)arguments);
    dprintf(STDERR_FILENO, "%s: %s\n", arguments[0], strerror(errno));
    _exit(127);
}

enum status crew_start(struct crew *crew, const char *name, const char *const *arguments,
                       struct bb_reason *reason)
{
    char path[1024];
    if (crew->count == CREW_MAX)
        return call_reason(reason, BB_FULL, "more than %d processes", CREW_MAX);
    snprintf(path, sizeof path, "%s/%s.log", crew->log_folder, name);
    int log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log < 0)
        return call_reason(reason, BB_IO, "%s: %s", path, strerror(errno));
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become(crew, arguments, log, parent);
    close(log);
    if (pid < 0)
        return call_reason(reason, BB_IO, "fork: %s", strerror(errno));
    struct crew_member *member = &crew->members[crew->count++];
    snprintf(member->name, sizeof member->name, "%s", name);
    member->pid = pid;
    return BB_OK;
}

void crew_tail(const struct crew *crew, const char *name, struct bb_reason *reason)
{
    char path[1024], tail[360];
    size_t used = strlen(reason->text);
    snprintf(path, sizeof path, "%s/%s.log", crew->log_folder, name);
    FILE *log = fopen(path, "re");
    if (log == NULL)
        return;
    if (fseek(log, 0, SEEK_END) == 0 && ftell(log) > (long)sizeof tail - 1)
        (void)!fseek(log, -(long)(sizeof tail - 1), SEEK_END);
    else
        rewind(log);
    size_t size = fread(tail, 1, sizeof tail - 1, log);
    fclose(log);
    tail[size] = '\0';
    const char *start = size == sizeof tail - 1 ? strchr(tail, '\n') : tail;
    snprintf(reason->text + used, sizeof reason->text - used, "; %s ends:\n%s", path,
             start == NULL ? tail : start);
}

/* Says how a member has ended, with the end of its log. */
static enum status tell_end(struct crew *crew, const struct crew_member *member, int ended,
                            struct bb_reason *reason)
{
    if (WIFSIGNALED(ended))
        call_reason(reason, BB_CLOSED, "%s was ended by signal %d", member->name, WTERMSIG(ended));
    else
        call_reason(reason, BB_CLOSED, "%s ended with exit code %d", member->name, WEXITSTATUS(ended));
    crew_tail(crew, member->name, reason);
    return BB_CLOSED;
}

enum status crew_check(struct crew *crew, struct bb_reason *reason)
{
    for (size_t i = 0; i < crew->count; i++) {
        struct crew_member *member = &crew->members[i];
        int ended;
        if (member->pid == 0 || waitpid(member->pid, &ended, WNOHANG) != member->pid)
            continue;
        member->pid = 0;
        return tell_end(crew, member, ended, reason);
    }
    return BB_OK;
}

enum status crew_finish(struct crew *crew, const char *name, bool *ended_out, struct bb_reason *reason)
{
    size_t i = 0;
    int ended;
    while (i < crew->count && strcmp(crew->members[i].name, name) != 0)
        i++;
    *ended_out = i == crew->count;
    if (*ended_out || waitpid(crew->members[i].pid, &ended, WNOHANG) != crew->members[i].pid)
        return BB_OK;
    struct crew_member member = crew->members[i];
    crew->members[i] = crew->members[--crew->count];
    if (!WIFEXITED(ended) || WEXITSTATUS(ended) != 0)
        return tell_end(crew, &member, ended, reason);
    *ended_out = true;
    return BB_OK;
}

/* Reaps those that have ended; how many still run. */
static size_t reap(struct crew *crew)
{
    size_t running = 0;
    for (size_t i = 0; i < crew->count; i++) {
        struct crew_member *member = &crew->members[i];
        if (member->pid != 0 && waitpid(member->pid, NULL, WNOHANG) != 0)
            member->pid = 0;
        running += member->pid != 0;
    }
    return running;
}

static void signal_all(const struct crew *crew, int number)
{
    /* The last started first: agents say good-bye to the broker. */
    for (size_t i = crew->count; i > 0; i--)
        if (crew->members[i - 1].pid != 0)
            kill(crew->members[i - 1].pid, number);
}

void crew_stop(struct crew *crew)
{
    static const struct timespec moment = {0, 10 * 1000 * 1000};
    int64_t deadline = bb_loop_mono_ms() + CREW_PATIENCE_MS;
    signal_all(crew, SIGTERM);
    while (reap(crew) > 0 && bb_loop_mono_ms() < deadline)
        nanosleep(&moment, NULL);
    signal_all(crew, SIGKILL);
    while (reap(crew) > 0)
        nanosleep(&moment, NULL);
    crew->count = 0;
}
