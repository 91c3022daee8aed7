#include "agents/web/api/site.h"

#include "agents/views/boards.h"

#include <stdio.h>
#include <string.h>

json_t *site_agents(const struct api *api)
{
    char path[BB_PATH_MAX];
    snprintf(path, sizeof path, "%s/site.json", api->with.home);
    json_t *site = json_load_file(path, 0, NULL), *agents = boards_agents(site);
    json_decref(site);
    return agents;
}

static void ask_next(struct job *job, const json_t *result)
{
    const char *agent = json_object_iter_key(json_object_iter(job->agents));
    char name[256];
    json_array_extend(job->document, (json_t *)(uintptr_t)result);
    if (agent == NULL) {
        job->then(job, NULL);
        return;
    }
    snprintf(name, sizeof name, "%s", agent);
    json_object_del(job->agents, agent);
    job_read(job, name, job->word, NULL, ask_next);
}

/* Keeps of the agents those that are on the bus. */
static void take_peers(struct job *job, const json_t *peers)
{
    json_t *all = site_agents(job->api), *value;
    const char *agent;
    job->agents = json_object();
    json_object_foreach(all, agent, value)
    {
        for (size_t i = 0; i < json_array_size(peers); i++) {
            const char *peer = json_string_value(json_array_get(peers, i));
            if (peer != NULL && strcmp(peer, agent) == 0)
                json_object_set_new(job->agents, agent, json_true());
        }
    }
    json_decref(all);
    if (job->left > 0 && json_object_size(job->agents) == 0)
        job_fail(job, 503, "unreachable", "no uart agent is on the bus");
    else
        ask_next(job, NULL);
}

void site_gather(struct job *job, const char *method, bool needed, job_step *then)
{
    job->word = method;
    job->then = then;
    job->left = needed;
    job->document = json_array();
    job_read(job, NULL, "peers", NULL, take_peers);
}
