/* A cable between two ptys: each end is a pty that a symbolic link names; a line for each direction. */
#ifndef NODE_FW_WIRE_CABLE_H
#define NODE_FW_WIRE_CABLE_H

#include "node-fw/wire/line.h"

#include <busbar/status.h>

#define END_NAME_MAX 480 /* bytes of a link's path, with its NUL */

struct end {
    char name[END_NAME_MAX]; /* of the link */
    int master;              /* −1 while unplugged */
    int slave;               /* held open, so that only unplugging hangs up */
    bool echo;               /* what this end says comes back to it, too */
    bool stalled;            /* nobody takes what this end says */
    struct line line;        /* what arrives at this end */
    uint64_t arrived;        /* bytes that were handed to the pty */
    uint64_t overrun;        /* bytes that nobody at this end took */
};

struct cable {
    struct end ends[2];
};

/* Makes the pty and its link; a link of that name is replaced, any other file is not. BB_EXISTS: another file
 * has the name; BB_IO. */
BB_MUST_CHECK enum status cable_plug(struct end *e);

/* Takes end `at` out: its link goes, whoever has the pty open is hung up, and what was on its way on the
 * cable, either way, is lost. */
void cable_unplug(struct cable *c, int at);

/* Moves what end `from` (0 or 1) has to say onto the line to the other one. */
void cable_collect(struct cable *c, int from, int64_t now_ns);

/* Whether cable_collect would take anything of what end `from` says. */
bool cable_takes(const struct cable *c, int from);

/* Hands what has arrived at end `to` to its pty; an end whose fuse blows is unplugged. */
void cable_deliver(struct cable *c, int to, int64_t now_ns);

/* Puts `count` random bytes into an end's pty, past the line. */
void cable_garbage(struct end *e, uint32_t count);

/* Two ends, plugged or not, change places: each is now where the other one was. What was on its way on both
 * cables is lost. */
void cable_swap(struct cable *a, int end_a, struct cable *b, int end_b);

#endif
