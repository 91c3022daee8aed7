/* A cable between two ptys: each end is a pty that a symbolic link names; a line for each direction. */
#ifndef NODE_FW_WIRE_CABLE_H
#define NODE_FW_WIRE_CABLE_H

#include "node-fw/wire/line.h"

#include <busbar/status.h>

struct end {
    const char *name; /* of the link; borrowed */
    int master;       /* −1 while unplugged */
    int slave;        /* held open, so that only unplugging hangs up */
    struct line line; /* what arrives at this end */
    uint64_t overrun; /* bytes that nobody at this end took */
};

struct cable {
    struct end ends[2];
};

/* Makes the pty and its link; a link of that name is replaced, any other file is not. BB_EXISTS: another file
 * has the name; BB_IO. */
BB_MUST_CHECK enum status cable_plug(struct end *e);

/* Takes the link away and hangs up whoever has the pty open; what was on its way to it is lost. */
void cable_unplug(struct end *e);

/* Moves what end `from` (0 or 1) has to say onto the line to the other one. */
void cable_collect(struct cable *c, int from, int64_t now_ns);

/* Hands what has arrived at an end to its pty. */
void cable_deliver(struct end *e, int64_t now_ns);

/* Puts `count` random bytes into an end's pty, past the line. */
void cable_garbage(struct end *e, uint32_t count);

#endif
