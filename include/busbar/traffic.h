/* What a client still has in its hands: for a process that passes on what others gave it, and must know what
 * the broker has taken. */
#ifndef BUSBAR_TRAFFIC_H
#define BUSBAR_TRAFFIC_H

#include <busbar/client.h>
#include <stdbool.h>

struct bb_traffic {
    bool connected;          /* welcomed by the broker, and the connection stands */
    uint64_t connections;    /* welcomes so far */
    uint64_t queued;         /* publishes that wait for a connection */
    uint64_t unacknowledged; /* sent on this connection, and no word of the broker about them yet */
    uint64_t dropped;        /* publishes that fell out of the queue */
    uint64_t refused;        /* publishes and subscriptions that the broker refused */
};

/* The broker acknowledges in the order of sending: of n publishes in a row on one connection, all but the
 * last (queued + unacknowledged) have arrived. When `connections` has grown, what was unacknowledged may be
 * lost.
 */
void bb_traffic(const struct bb_client *client, struct bb_traffic *out);

#endif
