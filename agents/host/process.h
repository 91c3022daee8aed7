/* What runs of an agent. */
#ifndef AGENTS_HOST_PROCESS_H
#define AGENTS_HOST_PROCESS_H

#include "agents/host/cgroup.h"
#include "agents/host/ears.h"
#include "agents/host/host.h"
#include "agents/host/judge.h"
#include "agents/host/members.h"

struct process {
    struct hosted *agent;
    struct members_owner own;
    struct judge judge;
    struct judge_limits limits;
    pid_t pid;       /* the first process; 0: none */
    struct ear exit; /* its pidfd */
    struct ear said; /* until its program is there: the end of spawn_run's pipe */
    char mark[BB_PATH_MAX];
    struct cgroup_use use, told; /* of its cgroup: now, and what was told of it; all 0 without one */
    int64_t searched_ms;         /* when others were last looked for */
};

/* Takes an agent that was added into the supervision, and out of it: then nothing of it may live. */
struct process *process_open(struct hosted *agent);
void process_close(struct process *process);

/* Starts its program. BB_IO, or as launch; BB_EXISTS: something of it lives. */
BB_MUST_CHECK enum status process_start(struct process *process, struct bb_reason *reason);

/* Asks all of it to end, or kills it. */
void process_signal(struct process *process, int number);

/* True when nothing of it lives: no process is known, and its lock is free. Of one whose first process has
 * ended. */
bool process_is_clear(struct process *process);

/* Its first process was waited for. */
void process_reaped(struct process *process);

/* Open files of all its processes. */
unsigned process_files(const struct process *process);

#endif
