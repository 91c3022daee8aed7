#include "agents/host/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Lower descriptors are the new process's own. */
#define FD_ABOVE 16
/* The period of cpu.max, in microseconds. */
#define PERIOD_US 100000
/* Agents' cgroups have this before their names: they are nobody else's. */
#define PREFIX    "agent-"
#define PATH_ROOM 160

static const char *const CONTROLLERS[] = {"memory", "pids", "cpu"};

/* The whole file as a text; false: it cannot be read. */
static bool read_file(int folder, const char *path, char *text_out, size_t size)
{
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text_out, size - 1);
    if (fd >= 0)
        close(fd);
    text_out[got < 0 ? 0 : got] = '\0';
    return got >= 0;
}

static bool write_file(int folder, const char *path, const char *text)
{
    int fd = openat(folder, path, O_WRONLY | O_CLOEXEC);
    size_t size = strlen(text);
    bool good = fd >= 0 && write(fd, text, size) == (ssize_t)size;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return good;
}

enum status cgroup_own(char *path_out)
{
    static const char *const MOUNTS[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
    char text[8192], below[BB_PATH_MAX / 2] = "";
    if (!read_file(AT_FDCWD, "/proc/self/cgroup", text, sizeof text))
        return BB_NOT_FOUND;
    const char *line = strncmp(text, "0::", 3) == 0 ? text : strstr(text, "\n0::");
    if (line == NULL || sscanf(line + (*line == '\n') + 3, "%2047[^\n]", below) != 1)
        return BB_NOT_FOUND;
    for (size_t i = 0; i < sizeof MOUNTS / sizeof *MOUNTS; i++) {
        char probe[BB_PATH_MAX];
        snprintf(path_out, BB_PATH_MAX, "%s%s", MOUNTS[i], below);
        snprintf(probe, sizeof probe, "%s/cgroup.controllers", MOUNTS[i]);
        if (access(probe, R_OK) == 0)
            return BB_OK;
    }
    return BB_NOT_FOUND;
}

bool cgroup_is_delegated(const char *path)
{
    static const char *const NAMES[] = {"user.delegate", "trusted.delegate"};
    char value[4];
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (getxattr(path, NAMES[i], value, sizeof value) == 1 && value[0] == '1')
            return true;
    }
    return false;
}

static bool has_word(const char *text, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at += size) {
        if ((at == text || at[-1] == ' ') && (at[size] == '\0' || at[size] == ' ' || at[size] == '\n'))
            return true;
    }
    return false;
}

static enum status not_delegated(struct cgroups *cgroups, const char *path, const char *why,
                                 struct bb_reason *reason)
{
    bb_reason_say(reason, "%.300s: no delegated cgroup: %s", path, why);
    cgroup_close(cgroups);
    return BB_NOT_FOUND;
}

enum status cgroup_open(const char *path, struct cgroups *out, struct bb_reason *reason)
{
    char text[512];
    struct cgroups cgroups = {open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (cgroups.folder < 0 || !read_file(cgroups.folder, "cgroup.controllers", text, sizeof text))
        return not_delegated(&cgroups, path, "it is none", reason);
    for (size_t i = 0; i < sizeof CONTROLLERS / sizeof *CONTROLLERS; i++) {
        if (!has_word(text, CONTROLLERS[i]))
            return not_delegated(&cgroups, path, "it has not all of memory, pids and cpu", reason);
    }
    snprintf(text, sizeof text, "%d", (int)getpid());
    if ((mkdirat(cgroups.folder, "agentd", 0755) != 0 && errno != EEXIST) ||
        !write_file(cgroups.folder, "agentd/cgroup.procs", text) ||
        !write_file(cgroups.folder, "cgroup.subtree_control", "+memory +pids +cpu"))
        return not_delegated(&cgroups, path, strerror(errno), reason);
    *out = cgroups;
    return BB_OK;
}

void cgroup_close(struct cgroups *cgroups)
{
    if (cgroups->folder >= 0)
        close(cgroups->folder);
    cgroups->folder = -1;
}

/* A file of an agent's cgroup, or the cgroup itself. path_out[PATH_ROOM]. Returns it. */
static const char *path_of(const char *name, const char *file, char *path_out)
{
    snprintf(path_out, PATH_ROOM, PREFIX "%.64s%s%.64s", name, file[0] == '\0' ? "" : "/", file);
    return path_out;
}

static bool set(const struct cgroups *cgroups, const char *name, const char *file, const char *value,
                struct bb_reason *reason)
{
    char path[PATH_ROOM];
    if (write_file(cgroups->folder, path_of(name, file, path), value))
        return true;
    bb_reason_say(reason, "cgroup %s: %s", path, strerror(errno));
    return false;
}

static bool set_limits(const struct cgroups *cgroups, const char *name, const struct judge_limits *limits,
                       struct bb_reason *reason)
{
    char memory[32], processes[32], cpu[48], path[PATH_ROOM];
    snprintf(memory, sizeof memory, "%" PRIu64, limits->memory);
    snprintf(processes, sizeof processes, "%" PRId64, limits->processes);
    snprintf(cpu, sizeof cpu, "%" PRId64 " %d", limits->cpu_percent * (PERIOD_US / 100), PERIOD_US);
    /* Where there is no swap accounting there is nothing to forbid; where it is, it is no way around. */
    (void)!write_file(cgroups->folder, path_of(name, "memory.swap.max", path), "0");
    (void)!write_file(cgroups->folder, path_of(name, "memory.oom.group", path), "1");
    return set(cgroups, name, "memory.max", memory, reason) &&
           set(cgroups, name, "pids.max", processes, reason) && set(cgroups, name, "cpu.max", cpu, reason);
}

enum status cgroup_make(const struct cgroups *cgroups, const char *name, const struct judge_limits *limits,
                        struct bb_reason *reason, int *procs_out)
{
    char path[PATH_ROOM];
    if (mkdirat(cgroups->folder, path_of(name, "", path), 0755) != 0 && errno != EEXIST) {
        bb_reason_say(reason, "cgroup %s: %s", path, strerror(errno));
        return BB_IO;
    }
    if (!set_limits(cgroups, name, limits, reason))
        return BB_IO;
    int fd = openat(cgroups->folder, path_of(name, "cgroup.procs", path), O_WRONLY | O_CLOEXEC);
    int procs = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, FD_ABOVE);
    if (procs < 0)
        bb_reason_say(reason, "cgroup %s: %s", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    if (procs < 0)
        return BB_IO;
    *procs_out = procs;
    return BB_OK;
}

/* The number of a file, or, with a key, behind the key in its line; 0 when there is none. */
static uint64_t number(const struct cgroups *cgroups, const char *name, const char *file, const char *key)
{
    char text[4096], path[PATH_ROOM];
    if (!read_file(cgroups->folder, path_of(name, file, path), text, sizeof text))
        return 0;
    if (key == NULL)
        return strtoull(text, NULL, 10);
    size_t size = strlen(key);
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, size) == 0 && line[size] == ' ')
            return strtoull(line + size, NULL, 10);
    }
    return 0;
}

enum status cgroup_read(const struct cgroups *cgroups, const char *name, struct cgroup_use *out)
{
    char path[PATH_ROOM];
    if (faccessat(cgroups->folder, path_of(name, "cgroup.events", path), R_OK, 0) != 0)
        return BB_NOT_FOUND;
    *out = (struct cgroup_use){.memory = number(cgroups, name, "memory.current", NULL),
                               .cpu_us = number(cgroups, name, "cpu.stat", "usage_usec"),
                               .oom = number(cgroups, name, "memory.events", "oom_kill"),
                               .refused = number(cgroups, name, "pids.events", "max"),
                               .processes = (unsigned)number(cgroups, name, "pids.current", NULL),
                               .populated = number(cgroups, name, "cgroup.events", "populated") != 0};
    return BB_OK;
}

void cgroup_kill(const struct cgroups *cgroups, const char *name)
{
    char path[PATH_ROOM];
    (void)!write_file(cgroups->folder, path_of(name, "cgroup.kill", path), "1");
}

void cgroup_drop(const struct cgroups *cgroups, const char *name)
{
    char path[PATH_ROOM];
    (void)!unlinkat(cgroups->folder, path_of(name, "", path), AT_REMOVEDIR);
}
