/* Who works on the bus: the hosted agents and the ledger. */
#include "agents/care/doctor.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_ROOM 1024

static bool has_peer(const struct patient *p, const char *identity)
{
    size_t i;
    const json_t *peer;
    json_array_foreach(p->peers, i, peer)
    {
        const char *name = json_string_value(peer);
        if (name != NULL && strcmp(name, identity) == 0)
            return true;
    }
    return false;
}

static bool has_file(const char *home, const char *below)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/%s", home, below);
    return access(path, F_OK) == 0;
}

static void look_host(const struct patient *p, struct finding *f)
{
    if (p->unreachable != NULL || !has_file(p->home, "agents/agents.db"))
        return;
    bool there = has_peer(p, "agentd");
    doctor_say(f, there ? FINDING_OK : FINDING_FAIL,
               there ? "busbar-agentd is on the bus"
                     : "agents are installed, but busbar-agentd is not on the bus");
    if (!there && p->host)
        doctor_remedy(f, "systemctl start busbar-agentd");
    else if (!there)
        doctor_remedy(f, "busbar-agentd --home %s", p->home);
}

/* Names of the agents in that state, one space between them, to text[size]; how many. */
static size_t names_in(const json_t *agents, const char *state, char *text, size_t size)
{
    size_t i, count = 0, used = 0;
    const json_t *agent;
    *text = '\0';
    json_array_foreach(agents, i, agent)
    {
        const char *is = json_string_value(json_object_get(agent, "state"));
        const char *name = json_string_value(json_object_get(agent, "name"));
        if (is == NULL || name == NULL || strcmp(is, state) != 0)
            continue;
        if (used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", count == 0 ? "" : " ", name);
        count++;
    }
    return count;
}

static void look_agents(const struct patient *p, struct finding *f)
{
    static const struct {
        const char *state;
        enum finding_level level;
        const char *remedy;
    } rows[] = {
        {"undecided", FINDING_FAIL,
         "busbar agent move NAME --resolve here|there, when it is known where it runs"},
        {"crashed", FINDING_FAIL, "busbar agent logs NAME says why; busbar agent start NAME tries anew"},
        {"waiting", FINDING_WARN, "it has just ended by itself: busbar agent logs NAME"}};
    const json_t *agents = json_object_get(p->agents, "agents");
    char names[256];
    if (agents == NULL)
        return;
    size_t running = names_in(agents, "running", names, sizeof names);
    doctor_say(f, FINDING_OK, "%zu of %zu installed agents run", running, json_array_size(agents));
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (names_in(agents, rows[i].state, names, sizeof names) == 0)
            continue;
        doctor_say(f, rows[i].level, "%s: %s", rows[i].state, names);
        doctor_remedy(f, "%s", rows[i].remedy);
        return;
    }
}

static void look_ledger(const struct patient *p, struct finding *f)
{
    if (p->ledger == NULL && !has_file(p->ledger_home, "ledger/genesis.json"))
        return;
    if (p->ledger == NULL) {
        if (p->unreachable != NULL)
            return;
        doctor_say(f, FINDING_FAIL, "a chain is founded here, but the ledger is not on the bus");
        if (p->host)
            doctor_remedy(f, "systemctl start busbar-ledgerd");
        else
            doctor_remedy(f, "busbar-ledgerd --home %s", p->home);
        return;
    }
    const char *trouble = json_string_value(json_object_get(p->ledger, "trouble"));
    const char *height = json_string_value(json_object_get(p->ledger, "height"));
    const char *block = json_string_value(json_object_get(p->ledger, "block"));
    doctor_say(f, FINDING_OK, "the chain's tip is block %s, %.18s…", height != NULL ? height : "?",
               block != NULL ? block : "?");
    if (trouble == NULL || *trouble == '\0')
        return;
    doctor_say(f, FINDING_FAIL, "the ledger takes no transactions: %s", trouble);
    doctor_remedy(f, "make room on its disk; the ledger goes on by itself");
}

const struct check doctor_agents[] = {{"agents", "host", look_host},
                                      {"agents", "states", look_agents},
                                      {"agents", "ledger", look_ledger},
                                      {NULL, NULL, NULL}};
