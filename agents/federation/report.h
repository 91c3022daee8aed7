/* What `busbar platforms` shows. */
#ifndef AGENTS_FEDERATION_REPORT_H
#define AGENTS_FEDERATION_REPORT_H

#include "agents/federation/agent.h"

/* {"platform","links":[…],"routes":[…]} as a text, malloc'd. */
char *report_text(struct agent *agent);

#endif
