/* Lines between two accounts, and the energy on them by interval. */
#ifndef MARKET_LINES_H
#define MARKET_LINES_H

#include "market/state.h"

/* The line from seller to buyer; STATE_NONE. */
uint32_t lines_find(const struct market *m, uint32_t buyer, uint32_t seller);

/* Sets its capacity, ≥ 0; a new line needs room. Its use stays. */
void lines_set(struct market *m, uint32_t buyer, uint32_t seller, struct energy capacity);

/* Takes a line and its use away; nothing when there is none. The last line takes its number. */
void lines_remove(struct market *m, uint32_t buyer, uint32_t seller);

/* Its use in an interval; STATE_NONE. */
uint32_t lines_use(const struct market *m, uint32_t buyer, uint32_t seller, uint64_t start);

/* Adds to a line's use in an interval that has a slot, or takes away from it; a use of 0 goes. The sum stays
 * at 2^63 - 1 when it would pass it. False when there is no room for another use. */
bool lines_add_use(struct market *m, uint32_t line, uint32_t interval, struct energy energy);

/* Takes away all use in an interval. */
void lines_forget(struct market *m, uint32_t interval);

#endif
