/* What /proc says of processes. Source: Linux, proc(5). */
#ifndef AGENTS_HOST_PROCFS_H
#define AGENTS_HOST_PROCFS_H

#include <busbar/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct procfs_stat {
    char state; /* 'R', 'S', 'Z', … */
    pid_t parent, group, session;
    uint64_t ticks;  /* of the processor: its own, and its children's that it waited for */
    uint64_t start;  /* ticks since the machine started: with the number, which process it is */
    uint64_t memory; /* resident bytes */
};

/* Reads the line of a stat file. BB_MALFORMED. Any text is safe to give. */
BB_MUST_CHECK enum status procfs_parse(const char *text, struct procfs_stat *out);

/* Opens /proc/<pid>/stat, to be closed; it stays that process's, whoever has the number later. −1. */
int procfs_open(pid_t pid);

/* Reads it. BB_CLOSED: the process is gone. BB_MALFORMED. */
BB_MUST_CHECK enum status procfs_read(int fd, struct procfs_stat *out);

/* The bytes that only this process uses, and its part of what it shares; 0 when nobody tells. Costs more than
 * procfs_read by far. */
uint64_t procfs_proportional(pid_t pid);

/* True when the process was started with `name`=`value` in its environment. */
bool procfs_has_variable(pid_t pid, const char *name, const char *value);

/* True when the process has the file open. */
bool procfs_has_open(pid_t pid, const struct stat *file);

/* How many files the process has open. */
unsigned procfs_files(pid_t pid);

/* The number that was given last to any process or thread; −1. `fd` is of /proc/loadavg. */
pid_t procfs_last_pid(int fd);

/* Calls `on_pid` for every process. */
void procfs_each(void (*on_pid)(void *context, pid_t pid), void *context);

#endif
