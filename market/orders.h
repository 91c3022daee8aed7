/* Open orders: their slots, found by number. These functions move no money and no energy but orders_close. */
#ifndef MARKET_ORDERS_H
#define MARKET_ORDERS_H

#include "market/state.h"

/* The slot of open order `id`; STATE_NONE. */
uint32_t orders_find(const struct market *m, uint64_t id);

/* Ask the memory for what orders_find will look at: the entry of the number; then, when that has come, the
 * order. No effect. */
void orders_expect_entry(const struct market *m, uint64_t id);
void orders_expect(const struct market *m, uint64_t id);

/* True when one order more in interval `start` finds room after `leaving` have gone. */
bool orders_room(const struct market *m, uint64_t start, uint32_t leaving);

/* Puts an order in with the id, place and all that `order` says (its slots and `expiring` are set here);
 * there must be room. Its slot; STATE_NONE when the book has its very place already (a loaded row that lies).
 */
uint32_t orders_open(struct market *m, const struct open_order *order);

/* Takes an order out; what it held of its owner is not free by that. Its interval keeps its slot. */
void orders_remove(struct market *m, uint32_t slot);

/* Takes an order out, makes free what it still holds and releases the interval. */
void orders_close(struct market *m, uint32_t slot);

/* Takes `energy` away from what is left of it. */
void orders_reduce(struct market *m, uint32_t slot, struct energy energy);

/* Gives a post other terms and perhaps another place. */
void orders_change(struct market *m, uint32_t slot, struct energy energy, struct price price, uint64_t place);

#endif
