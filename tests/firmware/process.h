/* Real processes in a folder of their own: start, talk to, stop. */
#ifndef TESTS_FIRMWARE_PROCESS_H
#define TESTS_FIRMWARE_PROCESS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESS_ARGUMENTS 40

struct process {
    pid_t pid;
    int in, out, err; /* its standard input, output and error */
};

static inline int64_t process_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Starts a program of this build with the arguments up to NULL; it reads `input` instead of a pipe unless
 * that is negative. */
static inline struct process process_start_reading(const char *const *arguments, int input)
{
    char path[512];
    int in[2], out[2], err[2];
    snprintf(path, sizeof path, "%s/%s", BUSBAR_PROGRAMS, arguments[0]);
    if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
        abort();
    pid_t pid = fork();
    if (pid < 0)
        abort();
    if (pid == 0) {
        dup2(input < 0 ? in[0] : input, 0);
        dup2(out[1], 1);
        dup2(err[1], 2);
        execv(path, (char *const *)(uintptr_t)arguments);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    close(err[1]);
    return (struct process){pid, in[1], out[0], err[0]};
}

static inline struct process process_start(const char *const *arguments)
{
    return process_start_reading(arguments, -1);
}

/* Reads one line within 5 s, without its end; "" when none comes. */
static inline const char *process_line(int fd, char *line, size_t capacity)
{
    size_t size = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (size + 1 < capacity && poll(&p, 1, 5000) > 0 && read(fd, line + size, 1) == 1 &&
           line[size] != '\n')
        size++;
    line[size] = '\0';
    return line;
}

/* Waits up to 5 s for the end; the exit status, −1 when killed or still there (it is then killed). */
static inline int process_wait(struct process *p)
{
    int status = -1;
    for (int64_t end = process_ms() + 5000; p->pid > 0 && process_ms() < end; poll(NULL, 0, 5))
        if (waitpid(p->pid, &status, WNOHANG) == p->pid)
            p->pid = 0;
    if (p->pid > 0) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, &status, 0);
        p->pid = 0;
    }
    close(p->in);
    close(p->out);
    close(p->err);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static inline int process_stop(struct process *p, int number)
{
    if (p->pid > 0)
        kill(p->pid, number);
    return p->pid > 0 ? process_wait(p) : -1;
}

/* Says a command to busbar-wire and waits for its answer. */
static inline bool process_wire(struct process *wire, const char *command)
{
    char answer[600];
    dprintf(wire->in, "%s\n", command);
    return strcmp(process_line(wire->out, answer, sizeof answer), "ok") == 0;
}

#endif
