/* Offers on the wire: what a board has given to each neighbour by its present step. Groups (the broadcast's
 * header counts them as beats) of neighbours to whom the same was given: power u64, slope u64, of these in
 * the present step power u64 and slope u64, members u8; and each member (the header's entries): neighbour
 * u16, the low byte of the life that the offer is to. On regular graphs one group is all. */
#ifndef NODE_FW_DISPATCH_OFFERS_H
#define NODE_FW_DISPATCH_OFFERS_H

#include "node-fw/dispatch/broadcast.h"
#include "node-fw/dispatch/dispatch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Size of the offers that the counts of `b` announce. */
size_t offers_size(const struct broadcast *b);

/* True when the offers of `b`, which `r` has reached, follow their format to the end. */
bool offers_valid(const struct broadcast *b, struct reader *r);

/* Takes note of the offer to this life of this board, if there is one and it is newer than the one known:
 * made at `step`, at the price lambda[0], after lambda[1]. */
void offers_take(const struct dispatch *d, struct dispatch_incremental_peer *p, const struct broadcast *b,
                 struct reader *r, uint16_t step, const int64_t lambda[2]);

/* Appends the offers to the neighbours of the mask d->incremental.unsent, as far as there is room, and takes
 * them out of it. */
void offers_write(struct dispatch *d, struct broadcast *b, struct writer *w);

#endif
