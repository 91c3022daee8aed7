/* A preload library that makes the disk full: while the file that $BUSBAR_DISK_FULL names is there, writing
 * to a regular file with "chain.db", "durable.db", "agents.db" or ".parcel" in its path gives ENOSPC. And one
 * that makes it slow: with $BUSBAR_DISK_SLOW_MS each fdatasync and fsync takes so long. */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

typedef ssize_t pwrite_function(int fd, const void *bytes, size_t size, off_t at);

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at);
ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t at);

static int is_full(int fd)
{
    char link[64], path[512];
    const char *flag = getenv("BUSBAR_DISK_FULL");
    if (flag == NULL || access(flag, F_OK) != 0)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size <= 0)
        return 0;
    path[size] = '\0';
    return strstr(path, "chain.db") != NULL || strstr(path, "durable.db") != NULL ||
           strstr(path, "agents.db") != NULL || strstr(path, ".parcel") != NULL;
}

static ssize_t write_at(const char *name, int fd, const void *bytes, size_t size, off_t at)
{
    if (is_full(fd)) {
        errno = ENOSPC;
        return -1;
    }
    void *next = dlsym(RTLD_NEXT, name);
    pwrite_function *function;
    memcpy(&function, &next, sizeof function);
    return function(fd, bytes, size, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t at)
{
    return write_at("pwrite", fd, bytes, size, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t size, off_t at)
{
    return write_at("pwrite64", fd, bytes, size, at);
}

typedef int sync_function(int fd);

static int sync_late(const char *name, int fd)
{
    const char *slow = getenv("BUSBAR_DISK_SLOW_MS");
    long slow_ms = slow != NULL ? strtol(slow, NULL, 10) : 0;
    if (slow_ms > 0)
        nanosleep(&(struct timespec){slow_ms / 1000, slow_ms % 1000 * 1000000}, NULL);
    void *next = dlsym(RTLD_NEXT, name);
    sync_function *function;
    memcpy(&function, &next, sizeof function);
    return function(fd);
}

int fsync(int fd)
{
    return sync_late("fsync", fd);
}

int fdatasync(int fd)
{
    return sync_late("fdatasync", fd);
}
