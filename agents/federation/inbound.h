/* Durable topics that come in over a link: a batch is answered when the own broker has acknowledged each of
 * its messages, and what has come already is not published again. */
#ifndef AGENTS_FEDERATION_INBOUND_H
#define AGENTS_FEDERATION_INBOUND_H

#include "agents/federation/agent.h"

/* Reads how far each platform has come, from federation-crossed.json in the home (NULL: as for the clients).
 * What is wrong with the file is logged: messages may come again then. */
void inbound_begin(struct agent *agent, const char *home);

/* After the clients are closed. */
void inbound_end(struct agent *agent);

/* Makes what a link needs to take durable topics. */
struct inbound *inbound_open(struct link *link);

/* After the clients are closed. Accepts NULL. */
void inbound_close(struct inbound *in);

/* The other side's `carry_durable`: {"stream", "messages"}, each message as in `carry` and with its "offset"
 * and "time_ms" in the other side's log. Answered now or later. */
void inbound_receive(struct link *link, struct bb_pending *pending, const char *params);

/* Answers what waits, before the clients are closed. */
void inbound_stop(struct link *link);

/* For the report, new. */
json_t *inbound_report(const struct link *link);

#endif
