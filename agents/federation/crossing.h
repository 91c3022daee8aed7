/* Calls on their way over the links. Each leg has an id of its own; what the caller gets is what the called
 * peer answered, result or error, as it stands. */
#ifndef AGENTS_FEDERATION_CROSSING_H
#define AGENTS_FEDERATION_CROSSING_H

#include "agents/federation/agent.h"

/* A local peer calls `peer@platform`: over a link, or answered with an error at once. */
bb_on_foreign_call crossing_leave;

/* The other side's `call`: to a peer here, if the rules allow it, or over another link. */
void crossing_receive(struct link *link, struct bb_pending *pending, const char *params);

/* The link is cut, or ends: every call that waits for its other side, or came from there, is answered with an
 * error. */
void crossing_fail(struct link *link);

#endif
