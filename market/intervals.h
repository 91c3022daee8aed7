/* Delivery intervals: those with open orders, line use or fees waiting have a slot. */
#ifndef MARKET_INTERVALS_H
#define MARKET_INTERVALS_H

#include "market/state.h"

/* The slot of the interval that starts at `start`; STATE_NONE. */
uint32_t intervals_find(const struct market *m, uint64_t start);

/* True when it has a slot or can have one. */
bool intervals_room(const struct market *m, uint64_t start);

/* Its slot, a new one when it had none; there must be room. */
uint32_t intervals_obtain(struct market *m, uint64_t start);

/* Gives the slot back when nothing holds it any more. */
void intervals_release(struct market *m, uint32_t slot);

/* Adds to its fees waiting, and to all of them. */
void intervals_add_fees(struct market *m, uint32_t slot, struct money fees);

/* The first interval that starts at or after `start`; STATE_NONE. */
uint32_t intervals_from(const struct market *m, uint64_t start);

#endif
