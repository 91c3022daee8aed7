/* agent.…: what is asked of agents that are installed. */
#include "agents/host/install.h"
#include "agents/host/method.h"
#include "agents/host/output.h"
#include "agents/host/process.h"
#include "agents/host/supervisor.h"
#include "bus/client/log.h"

#include <busbar/check.h>
#include <fcntl.h>
#include <string.h>

#define LINES_PRESET 200

static const char *const NAME[] = {"name", NULL};
static const char *const NAME_CONFIG[] = {"name", "config", NULL};
static const char *const NAME_STATE[] = {"name", "keep_state", NULL};
static const char *const NAME_PAGE[] = {"name", "after", "max", NULL};

static void list(struct method_call *call)
{
    const struct host *host = call->host;
    json_t *agents = json_array();
    for (size_t i = 0; i < host->count; i++)
        json_array_append_new(agents, host_agent_json(host->agents[i]));
    method_answer(call, json_pack("{s:o}", "agents", agents));
}

static void show(struct method_call *call)
{
    char path[BB_PATH_MAX];
    struct hosted *agent = method_agent(call);
    if (agent == NULL)
        return;
    json_t *config =
        json_load_file(paths_agent(&call->host->paths, agent->row.name, PATH_CONFIG, path), 0, NULL);
    method_answer(call, json_pack("{s:o,s:O,s:o}", "agent", host_agent_json(agent), "manifest",
                                  agent->manifest.root, "config", config == NULL ? json_object() : config));
}

static void start(struct method_call *call)
{
    struct hosted *agent = method_agent(call);
    if (agent != NULL)
        host_start(agent, method_settled, call);
}

static void stop(struct method_call *call)
{
    struct hosted *agent = method_agent(call);
    if (agent != NULL)
        host_stop(agent, method_settled, call);
}

static void restart(struct method_call *call)
{
    struct hosted *agent = method_agent(call);
    if (agent != NULL)
        host_restart(agent, method_settled, call);
}

static void set_enabled(struct method_call *call, bool enabled)
{
    struct bb_reason reason;
    struct hosted *agent = method_agent(call);
    if (agent == NULL)
        return;
    struct store_agent row = agent->row;
    row.enabled = enabled;
    enum status status = store_put_agent(call->host->store, &row, &reason);
    if (status != BB_OK) {
        method_refuse(call, status, "%s", reason.text);
        return;
    }
    agent->row = row;
    method_answer(call, json_pack("{s:o}", "agent", host_agent_json(agent)));
}

static void enable(struct method_call *call)
{
    set_enabled(call, true);
}

static void disable(struct method_call *call)
{
    set_enabled(call, false);
}

static void configure(struct method_call *call)
{
    struct bb_reason reason = {""};
    struct hosted *agent = method_agent(call);
    const json_t *config = json_object_get(call->params, "config");
    if (agent == NULL)
        return;
    if (!json_is_object(config)) {
        method_refuse(call, BB_MALFORMED, "config: expected an object");
        return;
    }
    enum status status = install_configure(agent, config, &reason);
    if (status != BB_OK) {
        method_refuse(call, status, "%s", reason.text);
        return;
    }
    log_info("configured", LOG_TEXT("name", agent->row.name), LOG_TEXT("caller", call->caller));
    if (agent->life.alive)
        host_restart(agent, method_settled, call);
    else
        method_settled(call, agent, NULL);
}

static void on_stopped_to_remove(void *context, struct hosted *agent, const char *why)
{
    struct method_call *call = context;
    struct bb_reason reason = {""};
    if (why != NULL) {
        method_refuse(call, BB_REMOTE, "%s: %s", agent->row.name, why);
        return;
    }
    enum status status =
        host_remove(agent, json_is_true(json_object_get(call->params, "keep_state")), &reason);
    if (status != BB_OK)
        method_refuse(call, status, "%s", reason.text);
    else
        method_answer(call, json_true());
}

static void remove_agent(struct method_call *call)
{
    const json_t *keep = json_object_get(call->params, "keep_state");
    struct hosted *agent = method_agent(call);
    if (agent == NULL)
        return;
    if (keep != NULL && !json_is_boolean(keep))
        method_refuse(call, BB_MALFORMED, "keep_state: expected true or false");
    else if (agent->row.hold == HOLD_MOVING || agent->row.hold == HOLD_UNDECIDED)
        method_refuse(call, BB_EXISTS, "%s is %s (move.list)", agent->row.name, host_state_word(agent));
    else
        host_stop(agent, on_stopped_to_remove, call);
}

/* An integer of params; false when it is none, and the call is gone. */
static bool integer(struct method_call *call, const char *member, int64_t low, int64_t high, int64_t preset,
                    int64_t *out)
{
    const json_t *value = json_object_get(call->params, member);
    *out = value == NULL ? preset : json_integer_value(value);
    if (value == NULL || (json_is_integer(value) && *out >= low && *out <= high))
        return true;
    method_refuse(call, BB_RANGE, "%s: expected an integer from %lld to %lld", member, (long long)low,
                  (long long)high);
    return false;
}

static void logs(struct method_call *call)
{
    int64_t after, most;
    struct hosted *agent = method_agent(call);
    if (agent == NULL || !integer(call, "after", -1, INT64_MAX, 0, &after) ||
        !integer(call, "max", 1, LOGFILE_PAGE_MAX, LINES_PRESET, &most))
        return;
    method_answer(call, logfile_page(&agent->output->log, after, (size_t)most));
}

/* Of the processor, since its start. */
static double seconds_of(const struct hosted *agent)
{
    const struct supervisor *supervisor = agent->host->supervisor;
    double per_s = supervisor->cgroups.folder >= 0 ? 1e6 : supervisor->ticks_per_s;
    return (double)agent->process->judge.used_ticks / per_s;
}

static json_t *stats_of(const struct hosted *agent)
{
    const struct process *process = agent->process;
    int64_t now_ms = bb_loop_wall_ms();
    bool runs = process->pid != 0;
    return json_pack("{s:s,s:I,s:f,s:f,s:I,s:I,s:I,s:I,s:f,s:I}", "name", agent->row.name, "pid",
                     (json_int_t)process->pid, "cpu_percent", runs ? process->judge.cpu_percent : 0.0,
                     "cpu_s", seconds_of(agent), "memory_bytes", (json_int_t)process->own.memory, "processes",
                     (json_int_t)process->own.processes, "files", (json_int_t)process_files(process),
                     "messages", (json_int_t)(runs ? agent->messages : 0), "uptime_s",
                     runs ? (double)(now_ms - agent->started_ms) / 1000.0 : 0.0, "restarts",
                     (json_int_t)agent->life.restarts);
}

static void stats(struct method_call *call)
{
    const struct host *host = call->host;
    struct hosted *only = json_object_get(call->params, "name") == NULL ? NULL : method_agent(call);
    if (only == NULL && json_object_size(call->params) > 0)
        return;
    members_look(host->supervisor->members);
    if (host->supervisor->cgroups.folder >= 0)
        supervisor_look_sizes(host->supervisor);
    json_t *agents = json_array();
    for (size_t i = 0; i < host->count; i++) {
        if (only == NULL || only == host->agents[i])
            json_array_append_new(agents, stats_of(host->agents[i]));
    }
    method_answer(call, json_pack("{s:o,s:s}", "agents", agents, "limits",
                                  host->supervisor->cgroups.folder >= 0 ? "cgroup" : "rlimit"));
}

const struct method agent_methods[] = {
    {"agent.list", NULL, false, list},
    {"agent.show", NAME, false, show},
    {"agent.start", NAME, true, start},
    {"agent.stop", NAME, true, stop},
    {"agent.restart", NAME, true, restart},
    {"agent.enable", NAME, true, enable},
    {"agent.disable", NAME, true, disable},
    {"agent.configure", NAME_CONFIG, true, configure},
    {"agent.remove", NAME_STATE, true, remove_agent},
    {"agent.logs", NAME_PAGE, true, logs},
    {"agent.stats", NAME, false, stats},
    {NULL, NULL, false, NULL},
};
