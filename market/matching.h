/* The buyer and seller matching of figure 10: finds trades in rank order; then makes them happen. */
#ifndef MARKET_MATCHING_H
#define MARKET_MATCHING_H

#include "market/state.h"

/* What somebody wants to buy. `need` falls by what is found. */
struct matching_want {
    uint32_t buyer, interval; /* the interval's slot */
    uint64_t bid;             /* 0: a purchase, which records sellers passed over */
    struct energy need;
    struct price max;
    bool dear; /* an offer above the maximum was left */
};

/* Finds trades in the whole book of the interval, or with one post alone, and puts them behind
 * market->trades; the lines' use counts them already, posts and balances are as they were. O(trades + posts
 * passed over). VERDICT_OK also when the need is not met; VERDICT_TOO_MANY_TRADES, VERDICT_FULL: undo. */
enum verdict matching_find(struct market *m, struct matching_want *want);
enum verdict matching_find_at(struct market *m, struct matching_want *want, uint32_t post);

/* The energy and the cost of the trades from number `from` on, and how many posts they empty. */
struct matching_sum {
    struct energy energy;
    struct money cost;
    uint32_t emptied;
};
struct matching_sum matching_sum(const struct market *m, uint32_t from);

/* Makes the trades from number `from` on happen: posts, balances, fees; out of the escrow of the bid in slot
 * `bid` (STATE_NONE: a purchase). The interval keeps its slot. */
void matching_settle(struct market *m, uint32_t from, uint32_t buyer, uint32_t bid);

/* Tries the resting bids of an interval after the post in slot `post` was made or changed. Settles what it
 * finds. Else as matching_find. */
enum verdict matching_try_bids(struct market *m, uint32_t interval, uint32_t post);

#endif
