/* What a board tells its agent: STATUS, MEASURED, CURVE and LEAVE. Private to node-fw/node. */
#ifndef NODE_FW_NODE_REPORT_H
#define NODE_FW_NODE_REPORT_H

#include "node-fw/node/node.h"

/* The status at `now`. */
struct link_status report_status(const struct node *n, struct mono now);

/* Sends what has changed, what is owed, and all of it at a heartbeat. Needs a connected port. */
void report(struct node *n, struct mono now);

/* When the next heartbeat's report is due. */
struct mono report_due(const struct node *n);

#endif
