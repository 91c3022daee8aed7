/* Starts a program as an agent: a session of its own, with limits, behind its fence, that ends when
 * busbar-agentd does. Everything is prepared before the fork; between fork and exec only system calls are
 * made. */
#ifndef AGENTS_HOST_SPAWN_H
#define AGENTS_HOST_SPAWN_H

#include <busbar/status.h>
#include <sys/resource.h>
#include <sys/types.h>

#define SPAWN_LIMITS_MAX 8

struct spawn_limit {
    int resource; /* RLIMIT_… */
    rlim_t value;
};

/* Everything is borrowed. */
struct spawn_plan {
    const char *folder;      /* where it runs */
    const char *const *argv; /* NULL-terminated */
    const char *const *envp; /* NULL-terminated */
    int output, error;       /* become 1 and 2 */
    int lock;                /* stays open in it and in all that it starts, as 3 */
    int fence;               /* −1: none */
    int cgroup;              /* its cgroup.procs, open for writing; −1: none */
    struct spawn_limit limits[SPAWN_LIMITS_MAX];
    size_t limit_count;
};

/* Forks. *said_out becomes readable when the program is there (end of file) or is not (spawn_said); it is to
 * be closed. BB_IO. */
BB_MUST_CHECK enum status spawn_run(const struct spawn_plan *plan, pid_t *pid_out, int *said_out);

/* Reads from a said_out that is readable. BB_OK: the program is there. BB_IO: *step_out (static) is what
 * failed and *error_out its errno; the process ends by itself. */
BB_MUST_CHECK enum status spawn_said(int said, const char **step_out, int *error_out);

#endif
