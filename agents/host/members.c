#include "agents/host/members.h"

#include <busbar/check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Numbers that are looked at one by one; when more were given all processes are looked at. */
#define STEP_MAX 1024
/* How often a kill is repeated for what was started meanwhile. */
#define KILLS_MAX 16

struct member {
    pid_t pid;
    int stat; /* its stat file, open */
    struct procfs_stat seen;
    struct members_owner *owner; /* NULL: nobody's, a stray */
};

struct members {
    pid_t self, group; /* busbar-agentd itself */
    int loadavg;
    pid_t last, before; /* numbers given as of the last look, and of the one before */
    bool all;           /* the next look is at all processes */
    struct member *list;
    size_t count, capacity;
    struct members_owner *owners;
    struct member *fresh; /* of a look: not yet known whose */
    size_t fresh_count, fresh_capacity;
};

static void append(struct member **list, size_t *count, size_t *capacity, struct member member)
{
    if (*count == *capacity) {
        *capacity = *capacity == 0 ? 64 : 2 * *capacity;
        *list = realloc(*list, *capacity * sizeof **list);
        CHECK(*list != NULL);
    }
    (*list)[(*count)++] = member;
}

struct members *members_open(bool *reaper_out)
{
    struct members *members = calloc(1, sizeof *members);
    CHECK(members != NULL);
    *reaper_out = prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
    members->self = getpid();
    members->group = getpgrp();
    members->loadavg = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
    members->all = true;
    return members;
}

static void forget(struct members *members, size_t at)
{
    close(members->list[at].stat);
    members->list[at] = members->list[--members->count];
}

void members_close(struct members *members)
{
    if (members == NULL)
        return;
    while (members->count > 0)
        forget(members, members->count - 1);
    if (members->loadavg >= 0)
        close(members->loadavg);
    free(members->list);
    free(members->fresh);
    free(members);
}

void members_own(struct members *members, struct members_owner *owner)
{
    owner->next = members->owners;
    members->owners = owner;
}

void members_disown(struct members *members, struct members_owner *owner)
{
    for (size_t i = members->count; i-- > 0;) {
        if (members->list[i].owner == owner)
            forget(members, i);
    }
    for (struct members_owner **at = &members->owners; *at != NULL; at = &(*at)->next) {
        if (*at == owner) {
            *at = owner->next;
            return;
        }
    }
}

static const struct member *find(const struct members *members, pid_t pid)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->list[i].pid == pid)
            return &members->list[i];
    }
    return NULL;
}

void members_lead(struct members *members, struct members_owner *owner, pid_t pid)
{
    struct member member = {.pid = pid, .stat = procfs_open(pid), .owner = owner};
    owner->leader = pid;
    if (member.stat < 0)
        return;
    if (procfs_read(member.stat, &member.seen) == BB_OK)
        append(&members->list, &members->count, &members->capacity, member);
    else
        close(member.stat);
}

static struct members_owner *owner_of_session(const struct members *members, pid_t session)
{
    struct members_owner *owner = members->owners;
    while (owner != NULL && (owner->leader == 0 || owner->leader != session))
        owner = owner->next;
    return owner;
}

static struct members_owner *owner_of_mark(const struct members *members, pid_t pid)
{
    struct members_owner *owner = members->owners;
    while (owner != NULL && !procfs_has_variable(pid, MEMBERS_MARK, owner->mark))
        owner = owner->next;
    return owner;
}

/* Takes a process that may be new, when it can be ours, to the fresh ones. */
static void consider(void *context, pid_t pid)
{
    struct members *members = context;
    struct member member = {.pid = pid};
    if (pid == members->self || find(members, pid) != NULL)
        return;
    member.stat = procfs_open(pid);
    if (member.stat < 0) {
        members->all = members->all || errno == EMFILE || errno == ENFILE;
        return;
    }
    if (procfs_read(member.stat, &member.seen) != BB_OK || member.seen.parent == 2 || member.seen.parent == 0)
        close(member.stat);
    else
        append(&members->fresh, &members->fresh_count, &members->fresh_capacity, member);
}

/* False for a thread, whose number looks like a process's. */
static bool is_process(pid_t pid)
{
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Whose a fresh process is. False: not ours, as far as is known now. */
static bool belongs(const struct members *members, struct member *fresh)
{
    const struct member *parent = find(members, fresh->seen.parent);
    if (parent != NULL && parent->owner != NULL)
        fresh->owner = parent->owner;
    else if (fresh->seen.parent == members->self || parent != NULL) {
        fresh->owner = owner_of_session(members, fresh->seen.session);
        if (fresh->owner == NULL)
            fresh->owner = owner_of_mark(members, fresh->pid);
        return true;
    }
    return fresh->owner != NULL;
}

/* Sorts the fresh ones: a child may stand before its parent, so until nothing changes. */
static void sort_fresh(struct members *members)
{
    bool changed = true;
    while (changed) {
        changed = false;
        for (size_t i = members->fresh_count; i-- > 0;) {
            if (!belongs(members, &members->fresh[i]))
                continue;
            if (is_process(members->fresh[i].pid))
                append(&members->list, &members->count, &members->capacity, members->fresh[i]);
            else
                close(members->fresh[i].stat);
            members->fresh[i] = members->fresh[--members->fresh_count];
            changed = true;
        }
    }
    while (members->fresh_count > 0)
        close(members->fresh[--members->fresh_count].stat);
}

/* Looks at the numbers that were given since the look before the last: a process is not to be seen yet in the
 * moment in which its number is given. */
static void discover(struct members *members)
{
    pid_t last = procfs_last_pid(members->loadavg);
    pid_t from = members->before;
    if (!members->all && last == members->last && last == from)
        return;
    bool all = members->all || last < from || last - from > STEP_MAX;
    members->before = members->last;
    members->last = last;
    members->all = last < 0;
    if (all)
        procfs_each(consider, members);
    else
        for (pid_t pid = from + 1; pid <= last; pid++)
            consider(members, pid);
    sort_fresh(members);
}

/* Waits for what came here when its parent ended. An agent's first process is waited for by its owner. */
static void reap(const struct members *members, const struct member *member)
{
    if (member->seen.state == 'Z' && member->seen.parent == members->self &&
        (member->owner == NULL || member->owner->leader != member->pid))
        (void)!waitpid(member->pid, NULL, WNOHANG);
}

/* True for what has ended and waits only for somebody else than the agent to take note of it: perhaps for
 * ever. */
static bool is_ghost(const struct members *members, const struct member *member)
{
    return member->seen.state == 'Z' && find(members, member->seen.parent) == NULL;
}

static void refresh(struct members *members)
{
    for (struct members_owner *owner = members->owners; owner != NULL; owner = owner->next)
        owner->processes = 0, owner->memory = owner->ticks = 0;
    for (size_t i = members->count; i-- > 0;) {
        struct member *member = &members->list[i];
        if (procfs_read(member->stat, &member->seen) != BB_OK) {
            forget(members, i);
            continue;
        }
        reap(members, member);
        if (member->owner == NULL || is_ghost(members, member))
            continue;
        member->owner->processes++;
        member->owner->memory += member->seen.memory;
        member->owner->ticks += member->seen.ticks;
    }
}

void members_look(struct members *members)
{
    discover(members);
    refresh(members);
}

static void search_one(void *context, pid_t pid)
{
    struct members *members = context;
    struct member member = {.pid = pid};
    if (pid == members->self || find(members, pid) != NULL)
        return;
    member.owner = owner_of_mark(members, pid);
    for (struct members_owner *at = members->owners; member.owner == NULL && at != NULL; at = at->next) {
        if (at->lock.st_ino != 0 && procfs_has_open(pid, &at->lock))
            member.owner = at;
    }
    member.stat = member.owner == NULL ? -1 : procfs_open(pid);
    if (member.stat < 0)
        return;
    if (procfs_read(member.stat, &member.seen) == BB_OK)
        append(&members->list, &members->count, &members->capacity, member);
    else
        close(member.stat);
}

void members_search(struct members *members)
{
    procfs_each(search_one, members);
    members->all = true;
    members_look(members);
}

/* One round over an owner's processes; how many of them live. The open stat file says that the number is
 * still that process's. */
static size_t signal_round(struct members *members, const struct members_owner *owner, int number)
{
    size_t living = 0;
    for (size_t i = 0; i < members->count; i++) {
        struct member *member = &members->list[i];
        if (member->owner != owner || procfs_read(member->stat, &member->seen) != BB_OK ||
            member->seen.state == 'Z')
            continue;
        living++;
        /* A group is killed at one stroke: nothing that it forks escapes, though its leader may be gone. What
         * has not left busbar-agentd's own group yet goes alone. */
        if (number == SIGKILL && member->seen.group > 1 && member->seen.group != members->group)
            kill(-member->seen.group, number);
        kill(member->pid, number);
    }
    return living;
}

void members_signal(struct members *members, struct members_owner *owner, int number)
{
    size_t rounds = number == SIGKILL ? KILLS_MAX : 1;
    for (size_t i = 0; i < rounds && signal_round(members, owner, number) > 0; i++) {
        if (number == SIGKILL)
            members_look(members);
    }
}

uint64_t members_proportional(const struct members *members, const struct members_owner *owner)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < members->count; i++) {
        if (members->list[i].owner == owner)
            sum += procfs_proportional(members->list[i].pid);
    }
    return sum;
}

unsigned members_files(const struct members *members, const struct members_owner *owner)
{
    unsigned files = 0;
    for (size_t i = 0; i < members->count; i++) {
        if (members->list[i].owner == owner)
            files += procfs_files(members->list[i].pid);
    }
    return files;
}

void members_yield(const struct members *members, const struct members_owner *owner)
{
    for (size_t i = 0; i < members->count; i++) {
        if (members->list[i].owner == owner)
            (void)!setpriority(PRIO_PROCESS, (id_t)members->list[i].pid, PRIO_MAX - 1);
    }
}

size_t members_drop_strays(struct members *members)
{
    size_t strays = 0;
    for (size_t i = 0; i < members->count; i++) {
        struct member *member = &members->list[i];
        if (member->owner != NULL || procfs_read(member->stat, &member->seen) != BB_OK ||
            member->seen.state == 'Z')
            continue;
        strays++;
        kill(member->pid, SIGKILL);
    }
    return strays;
}
