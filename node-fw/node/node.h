/* A board: one link to its agent, one dispatch core, one machine. Pure: the owner carries bytes and time in,
 * bytes out, and does what the events ask.
 *
 * The board introduces itself, is given its place by CONFIG, and from then on runs the dispatch (or obeys
 * SETPOINT when the agent runs it), applies the set-point through the actuator, and tells its STATUS at every
 * change and heartbeat. Its parameters never leave it, but for CURVE when the agent runs the dispatch.
 * Source: thesis §2.4; design of boards and the link. */
#ifndef NODE_FW_NODE_NODE_H
#define NODE_FW_NODE_NODE_H

#include "node-fw/dispatch/dispatch.h"
#include "node-fw/link/session.h"
#include "node-fw/node/actuator.h"
#include "node-fw/node/settings.h"

#include <busbar/bytes.h>
#include <busbar/units.h>
#include <stdbool.h>
#include <stdint.h>

/* What the owner is asked to do; a set of bits. */
enum node_event {
    NODE_PERSIST_COUNTER = 1,    /* write node_incarnation to the state file */
    NODE_PERSIST_PARAMETERS = 2, /* write node_settings' curve to the board's own file */
    NODE_CONFIGURED = 4,         /* took a CONFIG */
    NODE_REFUSED = 8,            /* refused a message, or the other side's version */
    NODE_COMMANDED = 16,         /* the mode changed by command */
    NODE_LINK = 32,              /* the link came up or was lost */
    NODE_LEFT = 64               /* left the neighbourhood by request */
};

struct node_view {
    enum actuator_mode mode;
    enum link_state link;
    int64_t setpoint_mw, applied_mw;
    uint32_t lambda;
    uint16_t incarnation, live;
    bool configured, certified;
    struct link_counters counters;
    const char *refusal; /* why the last message was refused; "" if none was. Static storage */
};

/* Storage for one board; the members are private to node-fw/node. */
struct node;

#include "node-fw/node/node_state.h"

/* A board in its present boot: `incarnation` ≥ 1 is the boot counter, already persisted; no port yet. */
void node_init(struct node *n, const struct settings *settings, uint16_t incarnation, struct mono now);

/* The port is open: a new session, `session` random and not 0. And: the port is gone. */
void node_connect(struct node *n, uint32_t session, struct mono now);
void node_disconnect(struct node *n, struct mono now);

/* Takes bytes from the port, and lets time pass. Both do all that follows from it. */
void node_feed(struct node *n, struct bytes in, struct mono now);
void node_poll(struct node *n, struct mono now);

/* When node_poll has something to do if no bytes come. */
struct mono node_due(const struct node *n);

/* The bytes that wait for the port, borrowed; node_sent tells how many were written. */
struct bytes node_output(const struct node *n);
void node_sent(struct node *n, size_t count);

/* Says goodbye: the neighbours are told by the dispatch, the agent by LEAVE. */
void node_leave(struct node *n, struct mono now);

/* The events since the last call, of enum node_event. */
unsigned node_events(struct node *n);

/* What to persist, and what to show. The view's refusal is static; the settings are borrowed. */
const struct settings *node_settings(const struct node *n);
struct node_view node_view(const struct node *n);

#endif
