/* The participants' actions on orders and balances. Each looks at everything before it writes, or opens the
 * action's journal first. */
#ifndef MARKET_TRADING_H
#define MARKET_TRADING_H

#include "market/state.h"

/* SellOrder, BuyOrder, UpdateOrder, CancelOrder, Transfer, by an actor that may. */
enum verdict trading_sell(struct market *m, const struct action *action, uint32_t actor);
enum verdict trading_buy(struct market *m, const struct action *action, uint32_t actor);
enum verdict trading_update(struct market *m, const struct action *action, uint32_t actor);
enum verdict trading_cancel(struct market *m, const struct action *action, uint32_t actor);
enum verdict trading_transfer(struct market *m, const struct action *action, uint32_t actor);

#endif
