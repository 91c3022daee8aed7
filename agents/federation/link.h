/* A link: the way to the other platform's agent, whether it stands, and what can be reached over it. */
#ifndef AGENTS_FEDERATION_LINK_H
#define AGENTS_FEDERATION_LINK_H

#include "agents/federation/agent.h"

/* Calls `method` of the other agent. As bb_request. */
BB_MUST_CHECK enum status link_request(struct link *link, const char *method, const char *params,
                                       uint32_t timeout_ms, bb_on_reply *on_reply, void *context);

/* What a hello says of this platform, for that link; malloc'd. */
char *link_hello_text(const struct link *link);

/* The other side has said hello (`json` is its own): the link is up. BB_DENIED: it is not who it is to be.
 * BB_MALFORMED. */
BB_MUST_CHECK enum status link_greet(struct link *link, const char *json);

/* The link is cut, for a reason: calls that wait are answered, messages on their way go back into the queue.
 */
void link_cut(struct link *link, const char *why);

/* About once in hello_ms: says hello where this side dials, and finds out which links are cut. */
void link_tick(struct agent *agent);

/* The link whose other side is `platform`, NULL: none. */
struct link *link_of(struct agent *agent, const char *platform);

/* The link over which a call goes to `platform`, having come over `from` (NULL: from here) the given way. The
 * direct one, or the one with the fewest hops; NULL: none that is up. */
struct link *link_towards(struct agent *agent, const char *platform, const struct link *from,
                          const struct rules_way *way);

#endif
