/* Messages on their way over the links. */
#ifndef AGENTS_FEDERATION_CARRY_H
#define AGENTS_FEDERATION_CARRY_H

#include "agents/federation/agent.h"

/* The largest message that crosses, in bytes of its texts. */
#define CARRY_MESSAGE_MAX (2 * 1024 * 1024)

/* A message of the own bus: into the queue of each link that it may cross. */
bb_on_message carry_take;

/* Sends the next messages of the queue, unless some are on their way already or the link is cut. */
void carry_pump(struct link *link);

/* The other side's `carry`, answered when the messages are on the own bus. */
void carry_receive(struct link *link, struct bb_pending *pending, const char *params);

/* True when the other side imports the topic, as far as is known. */
bool carry_is_wanted(const struct link *link, const char *topic);

/* True when an error of the other side (an error object, JSON) says that it is to be tried again soon. */
bool carry_is_later(const char *error);

#endif
