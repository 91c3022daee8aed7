#include "agents/host/host.h"

#include "agents/host/install.h"
#include "agents/host/output.h"
#include "agents/host/process.h"
#include "agents/host/roster.h"
#include "agents/host/sweep.h"
#include "bus/client/log.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

struct hosted *host_find(const struct host *host, const char *name)
{
    for (size_t i = 0; name != NULL && i < host->count; i++) {
        if (strcmp(host->agents[i]->row.name, name) == 0)
            return host->agents[i];
    }
    return NULL;
}

const char *host_state_word(const struct hosted *agent)
{
    static const char *const words[] = {
        [HOLD_MOVING] = "moving", [HOLD_UNDECIDED] = "undecided", [HOLD_MOVED] = "moved"};
    return agent->row.hold == HOLD_FREE ? life_word(agent->life.state) : words[agent->row.hold];
}

json_t *host_agent_json(const struct hosted *agent)
{
    const struct store_agent *row = &agent->row;
    int64_t since_ms = bb_loop_wall_ms() - (bb_loop_mono_ms() - agent->life.since_ms);
    json_t *json = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:b,s:i,s:I,s:I,s:I,s:s,s:s}", "name", row->name,
                             "identity", row->identity, "release", row->release, "digest", row->digest,
                             "signer", row->signer, "state", host_state_word(agent), "enabled", row->enabled,
                             "priority", row->priority, "pid", (json_int_t)agent->process->pid, "since_ms",
                             (json_int_t)since_ms, "restarts", (json_int_t)agent->life.restarts, "last_exit",
                             agent->last_exit, "trouble", agent->trouble.text);
    CHECK(json != NULL);
    return json;
}

static void publish(const struct hosted *agent, const char *root, json_t *object)
{
    char topic[MANIFEST_NAME_ROOM + 32];
    char *text = json_dumps(object, JSON_COMPACT);
    CHECK(text != NULL);
    snprintf(topic, sizeof topic, "%s/%s", root, agent->row.name);
    (void)!bb_publish(agent->host->client, topic, NULL, text);
    free(text);
    json_decref(object);
}

void host_tell(struct hosted *agent)
{
    const char *state = host_state_word(agent);
    if (strcmp(agent->told, state) == 0)
        return;
    snprintf(agent->told, sizeof agent->told, "%s", state);
    log_info("agent", LOG_TEXT("name", agent->row.name), LOG_TEXT("state", state),
             LOG_INT("pid", agent->process->pid));
    publish(agent, "agents/state", host_agent_json(agent));
}

void host_alert(struct hosted *agent, const char *alert, const char *format, ...)
{
    va_list values;
    struct bb_reason text;
    char line[600];
    va_start(values, format);
    vsnprintf(text.text, sizeof text.text, format, values);
    va_end(values);
    agent->trouble = text;
    log_warning("alert", LOG_TEXT("name", agent->row.name), LOG_TEXT("alert", alert),
                LOG_TEXT("text", text.text));
    snprintf(line, sizeof line, "busbar-agentd: %s: %s", alert, text.text);
    output_say(agent->output, line);
    publish(agent, "alerts/agent",
            json_pack("{s:s,s:s,s:s}", "name", agent->row.name, "alert", alert, "text", text.text));
}

enum status host_remove(struct hosted *agent, bool keep_state, struct bb_reason *reason)
{
    bool stopped = agent->life.state == LIFE_STOPPED || agent->life.state == LIFE_CRASHED;
    if (!stopped || agent->life.dirty) {
        bb_reason_say(reason, "%s is not stopped", agent->row.name);
        return BB_EXISTS;
    }
    enum status status = install_wipe(agent, keep_state, reason);
    if (status == BB_OK)
        status = store_drop_agent(agent->host->store, agent->row.name, reason);
    if (status != BB_OK)
        return status;
    log_info("removed", LOG_TEXT("name", agent->row.name));
    json_t *last = host_agent_json(agent);
    json_object_set_new(last, "state", json_string("removed"));
    publish(agent, "agents/state", last);
    const struct host *host = agent->host;
    roster_drop(agent);
    sweep_bundles(host);
    return BB_OK;
}

enum status host_hold(struct hosted *agent, enum store_hold hold, struct bb_reason *reason)
{
    struct store_agent row = agent->row;
    row.hold = hold;
    enum status status = store_put_agent(agent->host->store, &row, reason);
    if (status != BB_OK)
        return status;
    agent->row = row;
    host_tell(agent);
    return BB_OK;
}
