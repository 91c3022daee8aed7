/* The uart agents of the site, and questions to all of them. */
#ifndef AGENTS_WEB_API_SITE_H
#define AGENTS_WEB_API_SITE_H

#include "agents/web/api/job.h"
#include "agents/web/api/state.h"

/* The identities of the uart agents by the home's site file, as keys; to be decref'd. */
json_t *site_agents(const struct api *api);

/* Asks every one of them that is on the bus for `method` ("boards", "nodes") and gathers what they answer in
 * one array, job->document; then `then` is called, without a result. `needed`: it is an error (503) when none
 * is there. */
void site_gather(struct job *job, const char *method, bool needed, job_step *then);

#endif
