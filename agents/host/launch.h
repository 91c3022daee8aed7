/* An installed agent as a program to be started: command, environment, limits and fence. */
#ifndef AGENTS_HOST_LAUNCH_H
#define AGENTS_HOST_LAUNCH_H

#include "agents/host/host.h"

#include <sys/types.h>

/* The descriptors that a new process is given; the caller closes them. */
struct launch_ends {
    int output, error, lock;
    int cgroup; /* −1: none */
};

/* Starts the agent's program; *said_out as spawn_run's. BB_NOT_FOUND: no address of the broker; BB_MALFORMED,
 * BB_DENIED: its bundle is not what was installed; BB_IO. The reason says why. */
BB_MUST_CHECK enum status launch(struct hosted *agent, const struct launch_ends *ends,
                                 struct bb_reason *reason, pid_t *pid_out, int *said_out);

#endif
