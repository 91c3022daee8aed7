/* The mismatch audit: a diffusion of what every board adds to the power mismatch, with its sum preserved
 * whatever is lost, repeated or reordered, because the pairs exchange cumulative counters.
 *
 * With x the power held, G the counter given to a neighbour and T the last counter taken from it,
 * x = v + Σ(T − G) holds on every board at every moment; so Σx + Σ(G_ij − T_ji) = Σv, bit-exact, whatever the
 * members do. It is a monitor, slow on rings, and not on the way to the set-point. Source: thesis equation 8;
 * running-sum ratio consensus (Hadjicostis, Vaidya, Domínguez-García 2016). */
#ifndef NODE_FW_DISPATCH_AUDIT_H
#define NODE_FW_DISPATCH_AUDIT_H

#include "node-fw/dispatch/broadcast.h"
#include "node-fw/dispatch/dispatch.h"

#include <stddef.h>
#include <stdint.h>

/* Holds nothing but its own weight. */
void audit_start(struct dispatch_audit *a);

/* What the board adds to the mismatch is `value_mw` from now on: + for a consumer, − for a generator. */
void audit_set(struct dispatch_audit *a, int64_t value_mw);

/* Gives the neighbour its share, one in degree + 1 of what is held, and returns the counters to send. */
struct broadcast_share audit_give(struct dispatch_audit *a, struct dispatch_neighbour *n, size_t degree);

/* Takes what the neighbour's counters say beyond what was taken before. */
void audit_take(struct dispatch_audit *a, struct dispatch_neighbour *n, const struct broadcast_share *share);

/* The neighbour is gone or started afresh: takes back what it was given and gives back what it gave. */
void audit_reset(struct dispatch_audit *a, struct dispatch_neighbour *n);

#endif
