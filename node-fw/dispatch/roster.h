/* The boards that `curves` knows: an ordered table, its merge rule, and the hashes over it.
 *
 * The merge is idempotent, commutative and associative: of two entries of one board the newer key wins. Once
 * a board has expired its last key stays in a grave, and only a newer one brings it back. */
#ifndef NODE_FW_DISPATCH_ROSTER_H
#define NODE_FW_DISPATCH_ROSTER_H

#include "node-fw/dispatch/dispatch.h"
#include "node-fw/dispatch/entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The board `id`, alive or not; NULL when it is unknown. */
struct dispatch_board *roster_find(struct dispatch_curves *c, uint16_t id);

/* Makes room for a board that is unknown so far, in the place of the oldest grave when the table is full;
 * NULL when all are alive. The new board is an empty grave. */
struct dispatch_board *roster_add(struct dispatch_curves *c, uint16_t id);

/* Forgets graves of boards last seen before `before`. */
void roster_clean(struct dispatch_curves *c, int64_t before);

/* The digest: an order-free sum of hashes of (id, incarnation, version, curve) over the live boards;
 * *live_out is their number. */
uint64_t roster_digest(const struct dispatch_curves *c, uint16_t *live_out);

/* The hash over the live boards with their heartbeats and votes. */
uint32_t roster_full(const struct dispatch_curves *c);

/* Notes that the board has another key since `now`: no neighbour has it, and none has told it. `urgent`: more
 * than the heartbeat is new, or something more urgent still waits for one of the neighbours in `live`. */
void roster_renew(struct dispatch_board *board, bool urgent, uint64_t live, int64_t now);

#endif
