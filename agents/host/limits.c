/* What agents use, held against what they may. */
#include "agents/host/supervisor.h"

#include "agents/host/process.h"

#include <busbar/check.h>
#include <busbar/gateway.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS 5000

static void kill_for(struct hosted *agent, enum judge_verdict verdict)
{
    const struct process *process = agent->process;
    const struct manifest_limits *limits = &agent->manifest.limits;
    unsigned processes = process->own.processes;
    uint64_t memory = process->own.memory;
    process_signal(agent->process, SIGKILL);
    if (verdict == JUDGE_MEMORY)
        host_alert(agent, "memory", "used %llu MiB, more than its %lld MiB, and was killed",
                   (unsigned long long)(memory >> 20), (long long)limits->memory_mb);
    else
        host_alert(agent, "processes", "had %u processes, more than its %lld, and was killed", processes,
                   (long long)limits->processes);
}

/* The kernel keeps it within its limits: what it did is told. */
static void look_at_cgroup(struct supervisor *supervisor, struct hosted *agent)
{
    struct process *process = agent->process;
    struct cgroup_use *use = &process->use, *told = &process->told;
    if (cgroup_read(&supervisor->cgroups, agent->row.name, use) != BB_OK)
        return;
    process->own.memory = use->memory;
    process->own.processes = use->processes;
    if (use->oom > told->oom)
        host_alert(agent, "memory", "needed more than its %lld MiB, and was killed",
                   (long long)agent->manifest.limits.memory_mb);
    if (use->refused > told->refused)
        host_alert(agent, "processes", "was refused more than its %lld processes",
                   (long long)agent->manifest.limits.processes);
    *told = *use;
}

void supervisor_look_sizes(struct supervisor *supervisor)
{
    struct host *host = supervisor->host;
    for (size_t i = 0; i < host->count; i++) {
        struct process *process = host->agents[i]->process;
        if (process->pid == 0)
            continue;
        if (supervisor->cgroups.folder >= 0) {
            look_at_cgroup(supervisor, host->agents[i]);
            continue;
        }
        enum judge_verdict verdict =
            judge_size(&process->limits, process->own.memory, process->own.processes);
        /* Resident sizes count twice what processes share: looked at closely before anything is killed. */
        if (verdict == JUDGE_MEMORY) {
            uint64_t exact = members_proportional(supervisor->members, &process->own);
            process->own.memory = exact == 0 ? process->own.memory : exact;
            verdict = judge_size(&process->limits, process->own.memory, process->own.processes);
        }
        if (verdict != JUDGE_FINE)
            kill_for(host->agents[i], verdict);
    }
}

/* What the kernel holds at its limit is all but there. */
static void look_at_throttled(struct hosted *agent)
{
    struct process *process = agent->process;
    struct judge_limits nearly = process->limits;
    nearly.cpu_percent = nearly.cpu_percent * 9 / 10;
    if (judge_cpu(&process->judge, &nearly, process->use.cpu_us, 1000000, bb_loop_mono_ms()) == JUDGE_CPU)
        host_alert(agent, "cpu", "used all of its %lld %% of a core for %d s",
                   (long long)process->limits.cpu_percent, JUDGE_PATIENCE_MS / 1000);
}

void supervisor_look_processor(struct supervisor *supervisor)
{
    struct host *host = supervisor->host;
    for (size_t i = 0; i < host->count; i++) {
        struct process *process = host->agents[i]->process;
        if (process->pid == 0)
            continue;
        if (supervisor->cgroups.folder >= 0) {
            look_at_throttled(host->agents[i]);
            continue;
        }
        bool again = process->judge.yielded;
        enum judge_verdict verdict = judge_cpu(&process->judge, &process->limits, process->own.ticks,
                                               supervisor->ticks_per_s, bb_loop_mono_ms());
        if (verdict == JUDGE_CPU)
            host_alert(host->agents[i], "cpu",
                       "used %.0f %% of a core for %d s, more than its %lld %%, and yields to others now",
                       process->judge.cpu_percent, JUDGE_PATIENCE_MS / 1000,
                       (long long)process->limits.cpu_percent);
        if (again || verdict == JUDGE_CPU)
            members_yield(supervisor->members, &process->own);
    }
}

static struct hosted *find_identity(const struct host *host, const char *identity)
{
    for (size_t i = 0; identity != NULL && i < host->count; i++) {
        if (strcmp(host->agents[i]->row.identity, identity) == 0)
            return host->agents[i];
    }
    return NULL;
}

static void take_count(struct host *host, const json_t *peer)
{
    struct hosted *agent = find_identity(host, json_string_value(json_object_get(peer, "identity")));
    if (agent == NULL || agent->process->pid == 0)
        return;
    struct judge *judge = &agent->process->judge;
    agent->messages = (uint64_t)json_integer_value(json_object_get(peer, "received"));
    if (judge_messages(judge, &agent->process->limits, agent->messages, bb_loop_mono_ms()) != JUDGE_FLOOD)
        return;
    host_alert(agent, "flood", "sent %.0f messages a second for %d s, more than its %lld, and was stopped",
               judge->messages_per_s, JUDGE_PATIENCE_MS / 1000,
               (long long)agent->process->limits.messages_per_s);
    host_stop(agent, NULL, NULL);
}

static void ask(struct supervisor *supervisor, const char *after);

static void on_peers(void *context, enum status status, const char *json)
{
    struct supervisor *supervisor = context;
    json_t *page = status == BB_OK ? json_loads(json, 0, NULL) : NULL;
    const json_t *peer;
    size_t i;
    supervisor->asking = false;
    json_array_foreach(json_object_get(page, "peers"), i, peer)
    {
        take_count(supervisor->host, peer);
    }
    const char *next = json_string_value(json_object_get(page, "next"));
    if (next != NULL)
        ask(supervisor, next);
    json_decref(page);
}

static void ask(struct supervisor *supervisor, const char *after)
{
    json_t *params = after == NULL ? json_object() : json_pack("{s:s}", "after", after);
    char *text = params == NULL ? NULL : json_dumps(params, JSON_COMPACT);
    supervisor->asking = text != NULL && bb_request(supervisor->host->client, "busbar.broker", "peers", text,
                                                    ASK_MS, on_peers, supervisor) == BB_OK;
    free(text);
    json_decref(params);
}

void supervisor_look_messages(struct supervisor *supervisor)
{
    const struct host *host = supervisor->host;
    bool any = false;
    for (size_t i = 0; i < host->count; i++)
        any = any || host->agents[i]->process->pid != 0;
    if (any && !supervisor->asking && bb_client_is_up(host->client))
        ask(supervisor, NULL);
}
