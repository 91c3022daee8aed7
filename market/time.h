/* What happens because time has passed, before every action. */
#ifndef MARKET_TIME_H
#define MARKET_TIME_H

#include "market/state.h"

/* Sets the market's time, closes the intervals that are due and lets the orders go that have expired. */
void time_pass(struct market *m, struct wall now);

/* True when orders for the interval (not 0) are no longer taken. */
bool time_closed(const struct market *m, uint64_t start);

/* True when an order with this expiry would be gone already. */
bool time_expired(const struct market *m, uint64_t expires);

#endif
