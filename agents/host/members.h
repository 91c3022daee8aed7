/* Which processes belong to which agent, what they use, and how all of them are killed. A process belongs to
 * the agent of its parent or its session; one whose parent has ended comes to busbar-agentd, which is its
 * subreaper, and is known by its session or by the mark in its environment. */
#ifndef AGENTS_HOST_MEMBERS_H
#define AGENTS_HOST_MEMBERS_H

#include "agents/host/procfs.h"

/* The variable in an agent's environment that holds its folder. */
#define MEMBERS_MARK "BUSBAR_AGENT_FOLDER"

struct members;

/* Of one agent; filled by its owner but for the counts. */
struct members_owner {
    const char *mark; /* the agent's folder */
    struct stat lock; /* its lock file, st_ino 0: not known */
    pid_t leader;     /* its first process and session; 0: none yet */
    unsigned processes;
    uint64_t memory; /* resident bytes of all */
    uint64_t ticks;  /* of the processor, of all that live */
    struct members_owner *next;
};

/* Makes this process the subreaper of what it starts; *reaper_out: it is. An emulated kernel has no such
 * thing: what outlives its parent is then found only by its mark, or by the files that it has open. */
struct members *members_open(bool *reaper_out);

/* Accepts NULL. Kills nothing. */
void members_close(struct members *members);

/* Takes an owner into the list, or out of it; its members are forgotten then. */
void members_own(struct members *members, struct members_owner *owner);
void members_disown(struct members *members, struct members_owner *owner);

/* `pid`, which was just forked, is the owner's first process. */
void members_lead(struct members *members, struct members_owner *owner, pid_t pid);

/* Finds new processes and refreshes the counts of all owners. Cheap when no process has come anywhere. */
void members_look(struct members *members);

/* Finds what earlier runs of busbar-agentd have left: by the mark, and by who has the lock file open. */
void members_search(struct members *members);

/* Sends a signal to all of an owner's processes; with SIGKILL also to those that they start meanwhile. */
void members_signal(struct members *members, struct members_owner *owner, int number);

/* The owner's proportional memory, in bytes: exact, and expensive. */
uint64_t members_proportional(const struct members *members, const struct members_owner *owner);

/* Files that the owner's processes have open. */
unsigned members_files(const struct members *members, const struct members_owner *owner);

/* Lets the owner's processes run only when nobody else wants to. */
void members_yield(const struct members *members, const struct members_owner *owner);

/* Kills processes that came to busbar-agentd and belong to nobody; how many. */
size_t members_drop_strays(struct members *members);

#endif
