#include "agents/host/supervisor.h"

#include "agents/host/output.h"
#include "agents/host/process.h"
#include "agents/host/roster.h"
#include "bus/client/log.h"

#include <busbar/check.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

/* How soon it is looked again whether what was killed is gone. */
#define SOON_MS 20
/* Looks between those at the processor, and at messages. */
#define LOOKS_PROCESSOR 4
#define LOOKS_MESSAGES  8

static void look_soon(struct supervisor *supervisor);

/* Whether an answer can be given; NULL in *reason_out: as it was wanted. */
static bool is_settled(const struct hosted *agent, enum life_state wanted, const char **reason_out)
{
    const struct life *life = &agent->life;
    *reason_out = NULL;
    if (life->state == wanted)
        return true;
    bool ending = life->state == LIFE_STOPPING;
    if (wanted == LIFE_STOPPED) {
        *reason_out = ending && !life->again ? NULL : "it was started again";
        return !ending || life->again;
    }
    *reason_out = agent->trouble.text[0] != '\0' ? agent->trouble.text : "it was stopped";
    return life->state != LIFE_STARTING && !(ending && life->again);
}

/* Tells those who wait. A call may remove the agent, which stays in memory until the next look. */
static void settle(struct hosted *agent)
{
    struct host_waiter *waiters = agent->waiters;
    const char *reason;
    agent->waiters = NULL;
    while (waiters != NULL) {
        struct host_waiter *waiter = waiters;
        waiters = waiter->next;
        if (!is_settled(agent, waiter->wanted, &reason)) {
            waiter->next = agent->waiters;
            agent->waiters = waiter;
            continue;
        }
        waiter->on_settled(waiter->context, agent, reason);
        free(waiter);
    }
}

static void say(struct hosted *agent, unsigned actions)
{
    if (actions & LIFE_SAY_CRASH_LOOP)
        host_alert(agent, "crash-loop", "ended %d times within %d s (%s) and is started no more%s%s",
                   LIFE_LOOP_EXITS, LIFE_LOOP_MS / 1000, agent->last_exit,
                   agent->trouble.text[0] == '\0' ? "" : ": ", agent->trouble.text);
    if (actions & LIFE_SAY_UNSTOPPABLE)
        host_alert(agent, "unstoppable", "did not end within %d s of SIGTERM and was killed",
                   agent->manifest.stop_s);
    if (actions & LIFE_SAY_STUCK)
        host_alert(agent, "unstoppable", "was killed, and something of it still lives");
}

/* What follows from a start: nothing, or that it failed. */
static bool start(struct hosted *agent)
{
    struct bb_reason reason = {""};
    enum status status = process_start(agent->process, &reason);
    agent->started_ms = bb_loop_wall_ms();
    if (status == BB_OK)
        return true;
    agent->trouble = reason;
    return false;
}

void supervisor_take(struct hosted *agent, enum life_event event)
{
    int64_t now_ms = bb_loop_mono_ms();
    unsigned actions = life_step(&agent->life, event, now_ms);
    if (actions & LIFE_DO_TERM)
        process_signal(agent->process, SIGTERM);
    if (actions & LIFE_DO_KILL)
        process_signal(agent->process, SIGKILL);
    if ((actions & LIFE_DO_SPAWN) && !start(agent)) {
        supervisor_take(agent, LIFE_FAILED);
        return;
    }
    if (event == LIFE_FAILED)
        host_alert(agent, "start-failed", "%s", agent->trouble.text);
    say(agent, actions);
    if (!agent->life.alive)
        agent->started_ms = 0;
    if (agent->life.dirty && !agent->life.alive)
        look_soon(agent->host->supervisor);
    host_tell(agent);
    settle(agent);
}

static void wait_for(struct hosted *agent, enum life_state wanted, host_on_settled *on_settled, void *context)
{
    struct host_waiter *waiter = on_settled == NULL ? NULL : calloc(1, sizeof *waiter);
    if (waiter == NULL)
        return;
    *waiter = (struct host_waiter){on_settled, context, wanted, agent->waiters};
    agent->waiters = waiter;
    settle(agent);
}

static bool may_start(struct hosted *agent, host_on_settled *on_settled, void *context)
{
    const char *reason = agent->host->ending            ? "busbar-agentd stops"
                         : agent->row.hold != HOLD_FREE ? "a move has it in hand (move.list)"
                                                        : NULL;
    if (reason != NULL && on_settled != NULL)
        on_settled(context, agent, reason);
    return reason == NULL;
}

void host_start(struct hosted *agent, host_on_settled *on_settled, void *context)
{
    if (!may_start(agent, on_settled, context))
        return;
    if (!agent->life.alive)
        agent->trouble.text[0] = '\0';
    supervisor_take(agent, LIFE_START);
    wait_for(agent, LIFE_RUNNING, on_settled, context);
}

void host_restart(struct hosted *agent, host_on_settled *on_settled, void *context)
{
    if (!may_start(agent, on_settled, context))
        return;
    agent->trouble.text[0] = '\0';
    supervisor_take(agent, LIFE_RESTART);
    wait_for(agent, LIFE_RUNNING, on_settled, context);
}

void host_stop(struct hosted *agent, host_on_settled *on_settled, void *context)
{
    supervisor_take(agent, LIFE_STOP);
    wait_for(agent, LIFE_STOPPED, on_settled, context);
}

/* Ends the loop when all are stopped. */
static void end_when_stopped(struct host *host)
{
    for (size_t i = 0; host->ending && i < host->count; i++) {
        if (host->agents[i]->life.state != LIFE_STOPPED && host->agents[i]->life.state != LIFE_CRASHED)
            return;
    }
    if (host->ending)
        bb_loop_stop(host->loop);
}

/* Looks whether what was killed is gone, and kills again. */
static void on_soon(void *context)
{
    struct supervisor *supervisor = context;
    struct host *host = supervisor->host;
    bool again = false;
    supervisor->soon = 0;
    for (size_t i = 0; i < host->count; i++) {
        struct hosted *agent = host->agents[i];
        if (!agent->life.dirty || agent->life.alive)
            continue;
        if (process_is_clear(agent->process)) {
            supervisor_take(agent, LIFE_CLEARED);
            continue;
        }
        process_signal(agent->process, SIGKILL);
        again = true;
    }
    if (again)
        look_soon(supervisor);
    end_when_stopped(host);
}

static void look_soon(struct supervisor *supervisor)
{
    if (supervisor->soon == 0 &&
        bb_loop_after(supervisor->host->loop, SOON_MS, on_soon, supervisor, &supervisor->soon) != BB_OK)
        supervisor->soon = 0;
}

static void on_look(void *context)
{
    struct supervisor *supervisor = context;
    struct host *host = supervisor->host;
    int64_t now_ms = bb_loop_mono_ms();
    supervisor->looks++;
    roster_bury(host);
    members_look(supervisor->members);
    if (members_drop_strays(supervisor->members) > 0)
        log_warning("stray-killed",
                    LOG_TEXT("reason", "a process that an agent left and that bears no mark"));
    supervisor_look_sizes(supervisor);
    if (supervisor->looks % LOOKS_PROCESSOR == 0)
        supervisor_look_processor(supervisor);
    if (supervisor->looks % LOOKS_MESSAGES == 0)
        supervisor_look_messages(supervisor);
    for (size_t i = 0; i < host->count; i++) {
        struct hosted *agent = host->agents[i];
        output_look(agent->output);
        if (now_ms >= life_due(&agent->life))
            supervisor_take(agent, LIFE_TICK);
        if (agent->life.dirty && !agent->life.alive)
            look_soon(supervisor);
    }
    end_when_stopped(host);
}

/* Runs before everything ordinary, where that is allowed: a fork bomb must not keep away who is to end it.
 * What is started is ordinary again. */
static void go_first(void)
{
    const struct sched_param lowest = {.sched_priority = sched_get_priority_min(SCHED_RR)};
    if (sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest) != 0)
        (void)!setpriority(PRIO_PROCESS, 0, -10);
}

/* The cgroup that the settings name must be delegated; the own one may be. */
static enum status open_cgroups(struct supervisor *supervisor, struct bb_reason *reason)
{
    const char *given = supervisor->host->settings->cgroup;
    char own[BB_PATH_MAX];
    enum status status = BB_NOT_FOUND;
    supervisor->cgroups.folder = -1;
    if (given[0] != '\0')
        return cgroup_open(given, &supervisor->cgroups, reason);
    if (cgroup_own(own) == BB_OK && cgroup_is_delegated(own))
        status = cgroup_open(own, &supervisor->cgroups, NULL);
    log_info("limits", LOG_TEXT("by", status == BB_OK ? "cgroup" : "rlimit"));
    return BB_OK;
}

enum status supervisor_open(struct host *host, struct bb_reason *reason)
{
    struct supervisor *supervisor = calloc(1, sizeof *supervisor);
    struct rlimit files;
    CHECK(supervisor != NULL);
    host->supervisor = supervisor;
    supervisor->host = host;
    bool reaper;
    supervisor->members = members_open(&reaper);
    if (!reaper)
        log_warning("no-subreaper", LOG_TEXT("reason", "what outlives its parent is not adopted"));
    supervisor->ticks_per_s = (int)sysconf(_SC_CLK_TCK);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
        files.rlim_cur = files.rlim_max;
        (void)!setrlimit(RLIMIT_NOFILE, &files);
    }
    go_first();
    enum status status = open_cgroups(supervisor, reason);
    if (status != BB_OK)
        return status;
    status = ears_open(host->loop, &supervisor->ears);
    if (status == BB_OK)
        status = bb_loop_every(host->loop, SUPERVISOR_LOOK_MS, on_look, supervisor, &supervisor->timer);
    if (status != BB_OK)
        bb_reason_say(reason, "the event loop has no room");
    return status;
}

void supervisor_close(struct supervisor *supervisor)
{
    if (supervisor == NULL)
        return;
    if (supervisor->timer != 0)
        bb_loop_cancel(supervisor->host->loop, supervisor->timer);
    if (supervisor->soon != 0)
        bb_loop_cancel(supervisor->host->loop, supervisor->soon);
    ears_close(supervisor->ears);
    members_close(supervisor->members);
    cgroup_close(&supervisor->cgroups);
    free(supervisor);
}

void supervisor_boot(struct host *host)
{
    members_search(host->supervisor->members);
    for (size_t i = 0; i < host->count; i++) {
        process_signal(host->agents[i]->process, SIGKILL);
        if (host->agents[i]->row.enabled)
            host_start(host->agents[i], NULL, NULL);
    }
    look_soon(host->supervisor);
}

void supervisor_end(struct host *host)
{
    host->ending = true;
    for (size_t i = 0; i < host->count; i++)
        host_stop(host->agents[i], NULL, NULL);
    look_soon(host->supervisor);
}
