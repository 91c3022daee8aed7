/* The actions that tests do most, one call each; all through rig_apply. */
#ifndef TESTS_MARKET_RIG_ACTS_H
#define TESTS_MARKET_RIG_ACTS_H

#include "tests/market/rig.h"

/* `who` sells, buys, updates, cancels; the distribution company sets. Wh and µ$/kWh. */
enum verdict rig_sell(unsigned who, uint64_t interval, int64_t energy, int64_t price, uint64_t expires);
enum verdict rig_buy(unsigned who, uint64_t interval, int64_t energy, int64_t max, enum fill fill);
enum verdict rig_update(unsigned who, uint64_t order, int64_t energy, int64_t price);
enum verdict rig_cancel(unsigned who, uint64_t order);
enum verdict rig_line(unsigned buyer, unsigned seller, int64_t capacity);
enum verdict rig_policy(struct policy policy);

#endif
