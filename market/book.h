/* The book of each interval: two ordered sets, posts by (price, place) and bids by (price downwards, place);
 * and all orders that expire, by when. An order is told by its slot. */
#ifndef MARKET_BOOK_H
#define MARKET_BOOK_H

#include "market/state.h"

/* True for the number of a resting bid. */
static inline bool book_is_bid(uint64_t id)
{
    return (id & MARKET_BID_FLAG) != 0;
}

/* Puts an order in, or takes it out. False: its very place is taken (a loaded row that lies). */
bool book_insert(struct market *m, uint32_t slot);
void book_erase(struct market *m, uint32_t slot);

/* Gives an order another price and place, and moves it. */
void book_move(struct market *m, uint32_t slot, struct price price, uint64_t place);

/* The best order of one side of an interval, and the one behind a given order; `node` NULL: there is none. */
struct tree_cursor book_best(const struct market *m, uint32_t interval, bool bids);
struct tree_cursor book_behind(const struct market *m, uint32_t interval, bool bids,
                               const struct open_order *order);

/* The first order that expires; STATE_NONE. */
uint32_t book_first_to_expire(const struct market *m);

/* Ask the memory for what taking an order out, a new post at `price`, or a purchase will look at. No effect.
 */
void book_expect(const struct market *m, uint32_t slot);
void book_expect_post(const struct market *m, uint32_t interval, struct price price);
void book_expect_best(const struct market *m, uint32_t interval);

#endif
