/* Durable topics on their way out over a link: read from the own broker's disk under the durable name
 * `federation.<other platform>`, one batch at a time, and acknowledged there only when the other side's
 * broker has them on its bus. A batch that was cut on its way goes again. */
#ifndef AGENTS_FEDERATION_OUTBOUND_H
#define AGENTS_FEDERATION_OUTBOUND_H

#include "agents/federation/agent.h"

/* Makes what the link needs for its durable topics; NULL when it has none. */
struct outbound *outbound_open(struct link *link);

/* After the clients are closed. Accepts NULL. */
void outbound_close(struct outbound *out);

/* Starts what is not under way: after the link came up, and about once in hello_ms. */
void outbound_go_on(struct link *link);

/* The link is cut: what was on its way is not across. */
void outbound_cut(struct link *link);

/* For the report, new; null without durable topics. */
json_t *outbound_report(const struct link *link);

#endif
