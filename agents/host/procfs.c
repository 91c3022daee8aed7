#include "agents/host/procfs.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fields behind the name, from 0: the state. */
enum {
    PARENT = 1,
    GROUP = 2,
    SESSION = 3,
    USER = 11,
    SYSTEM,
    CHILDREN_USER,
    CHILDREN_SYSTEM,
    START = 19,
    MEMORY = 21,
    FIELDS
};

enum status procfs_parse(const char *text, struct procfs_stat *out)
{
    long long fields[FIELDS] = {0};
    /* The name may hold blanks and parentheses: the last one ends it. */
    const char *at = strrchr(text, ')');
    if (at == NULL || at[1] != ' ' || at[2] == '\0')
        return BB_MALFORMED;
    char state = at[2];
    at += 3;
    for (size_t i = 1; i < FIELDS; i++) {
        char *end;
        fields[i] = strtoll(at, &end, 10);
        if (end == at)
            return BB_MALFORMED;
        at = end;
    }
    *out = (struct procfs_stat){.state = state,
                                .parent = (pid_t)fields[PARENT],
                                .group = (pid_t)fields[GROUP],
                                .session = (pid_t)fields[SESSION],
                                .ticks = (uint64_t)fields[USER] + (uint64_t)fields[SYSTEM] +
                                         (uint64_t)fields[CHILDREN_USER] + (uint64_t)fields[CHILDREN_SYSTEM],
                                .start = (uint64_t)fields[START],
                                .memory = (uint64_t)fields[MEMORY] * (uint64_t)sysconf(_SC_PAGESIZE)};
    return BB_OK;
}

static int open_of(pid_t pid, const char *file, int flags)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, file);
    return open(path, flags | O_CLOEXEC);
}

int procfs_open(pid_t pid)
{
    return open_of(pid, "stat", O_RDONLY);
}

enum status procfs_read(int fd, struct procfs_stat *out)
{
    char text[1024];
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    if (size <= 0)
        return BB_CLOSED;
    text[size] = '\0';
    return procfs_parse(text, out);
}

uint64_t procfs_proportional(pid_t pid)
{
    char text[4096];
    int fd = open_of(pid, "smaps_rollup", O_RDONLY);
    if (fd < 0)
        return 0;
    ssize_t size = read(fd, text, sizeof text - 1);
    close(fd);
    text[size < 0 ? 0 : size] = '\0';
    const char *line = strstr(text, "\nPss:");
    return line == NULL ? 0 : strtoull(line + 5, NULL, 10) * 1024;
}

bool procfs_has_variable(pid_t pid, const char *name, const char *value)
{
    char text[16384];
    size_t used = 0, name_size = strlen(name), value_size = strlen(value);
    int fd = open_of(pid, "environ", O_RDONLY);
    if (fd < 0)
        return false;
    for (ssize_t got; used < sizeof text - 1; used += (size_t)got) {
        got = read(fd, text + used, sizeof text - 1 - used);
        if (got <= 0)
            break;
    }
    close(fd);
    text[used] = '\0';
    for (size_t at = 0; at < used; at += strlen(text + at) + 1) {
        if (strncmp(text + at, name, name_size) == 0 && text[at + name_size] == '=' &&
            strncmp(text + at + name_size + 1, value, value_size + 1) == 0)
            return true;
    }
    return false;
}

/* The list of its open files; NULL. */
static DIR *open_files(pid_t pid)
{
    int folder = open_of(pid, "fd", O_RDONLY | O_DIRECTORY);
    DIR *list = folder < 0 ? NULL : fdopendir(folder);
    if (list == NULL && folder >= 0)
        close(folder);
    return list;
}

unsigned procfs_files(pid_t pid)
{
    unsigned files = 0;
    DIR *list = open_files(pid);
    if (list == NULL)
        return 0;
    for (struct dirent *entry; (entry = readdir(list)) != NULL;)
        files += entry->d_name[0] != '.';
    closedir(list);
    return files;
}

bool procfs_has_open(pid_t pid, const struct stat *file)
{
    struct stat about;
    bool found = false;
    DIR *list = open_files(pid);
    if (list == NULL)
        return false;
    for (struct dirent *entry; !found && (entry = readdir(list)) != NULL;)
        found = entry->d_name[0] != '.' && fstatat(dirfd(list), entry->d_name, &about, 0) == 0 &&
                about.st_dev == file->st_dev && about.st_ino == file->st_ino;
    closedir(list);
    return found;
}

pid_t procfs_last_pid(int fd)
{
    char text[128];
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    text[size < 0 ? 0 : size] = '\0';
    const char *last = strrchr(text, ' ');
    return last == NULL ? -1 : (pid_t)strtol(last + 1, NULL, 10);
}

void procfs_each(void (*on_pid)(void *context, pid_t pid), void *context)
{
    DIR *list = opendir("/proc");
    if (list == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        if (isdigit((unsigned char)entry->d_name[0]))
            on_pid(context, (pid_t)strtol(entry->d_name, NULL, 10));
    }
    closedir(list);
}
