/* What a board does with each message of its agent. Private to node-fw/node. */
#ifndef NODE_FW_NODE_INBOX_H
#define NODE_FW_NODE_INBOX_H

#include "node-fw/node/node.h"

/* Takes one message; refused ones are answered with REFUSE and a reason. */
void inbox_take(struct node *n, const struct link_message *message, struct mono now);

/* True when the board is configured and runs the dispatch itself; true when its link is up. */
bool node_runs(const struct node *n);
bool node_up(const struct node *n);

#endif
