/* Limits by the kernel: a cgroup (v2) for each agent below one that was delegated. Source: Linux,
 * admin-guide/cgroup-v2; systemd, CGROUP_DELEGATION. */
#ifndef AGENTS_HOST_CGROUP_H
#define AGENTS_HOST_CGROUP_H

#include "agents/host/judge.h"

#include <busbar/limits.h>
#include <busbar/reason.h>
#include <busbar/status.h>

struct cgroups {
    int folder; /* of the delegated one, open */
};

/* What the kernel says of an agent's cgroup. */
struct cgroup_use {
    uint64_t memory;  /* bytes, with what it has of files in memory */
    uint64_t cpu_us;  /* since it was made */
    uint64_t oom;     /* times that something of it was killed for memory */
    uint64_t refused; /* times that it could not fork for its limit */
    unsigned processes;
    bool populated; /* something of it lives */
};

/* The folder of this process's own cgroup: path_out[BB_PATH_MAX]. BB_NOT_FOUND: no v2 is mounted. */
BB_MUST_CHECK enum status cgroup_own(char *path_out);

/* True when the service manager says that it has handed the cgroup over. Source: systemd,
 * CGROUP_DELEGATION, "user.delegate". */
bool cgroup_is_delegated(const char *path);

/* Opens a delegated cgroup: one that can be written and has the controllers memory, pids and cpu. This
 * process moves into a part of its own below it, `agentd`, since only one without processes can hand
 * controllers down. BB_NOT_FOUND: it is none, and the reason says why. */
BB_MUST_CHECK enum status cgroup_open(const char *path, struct cgroups *out, struct bb_reason *reason);

/* Accepts one that is not open (folder −1). */
void cgroup_close(struct cgroups *cgroups);

/* Makes the cgroup of an agent with its limits; *procs_out, above all standard descriptors and to be closed,
 * is what its first process writes itself into. BB_IO. */
BB_MUST_CHECK enum status cgroup_make(const struct cgroups *cgroups, const char *name,
                                      const struct judge_limits *limits, struct bb_reason *reason,
                                      int *procs_out);

/* What it uses. BB_NOT_FOUND: there is none of that name. */
BB_MUST_CHECK enum status cgroup_read(const struct cgroups *cgroups, const char *name,
                                      struct cgroup_use *out);

/* Kills all that is in it, at one stroke. There need not be one. */
void cgroup_kill(const struct cgroups *cgroups, const char *name);

/* Removes it when nothing is in it. */
void cgroup_drop(const struct cgroups *cgroups, const char *name);

#endif
