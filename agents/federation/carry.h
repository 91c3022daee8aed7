/* Messages on their way over the links. */
#ifndef AGENTS_FEDERATION_CARRY_H
#define AGENTS_FEDERATION_CARRY_H

#include "agents/federation/agent.h"

/* A message of the own bus: into the queue of each link that it may cross. */
bb_on_message carry_take;

/* Sends the next messages of the queue, unless some are on their way already or the link is cut. */
void carry_pump(struct link *link);

/* The other side's `carry`, answered when the messages are on the own bus. */
void carry_receive(struct link *link, struct bb_pending *pending, const char *params);

#endif
