#include "tests/market/rig_acts.h"

enum verdict rig_sell(unsigned who, uint64_t interval, int64_t energy, int64_t price, uint64_t expires)
{
    return rig_apply(who,
                     (struct action){.type = ACTION_SELL, .sell = {interval, {energy}, {price}, expires}});
}

enum verdict rig_buy(unsigned who, uint64_t interval, int64_t energy, int64_t max, enum fill fill)
{
    return rig_apply(
        who, (struct action){.type = ACTION_BUY, .buy = {interval, {energy}, {max}, (uint8_t)fill, 0}});
}

enum verdict rig_update(unsigned who, uint64_t order, int64_t energy, int64_t price)
{
    return rig_apply(who, (struct action){.type = ACTION_UPDATE, .update = {order, {energy}, {price}}});
}

enum verdict rig_cancel(unsigned who, uint64_t order)
{
    return rig_apply(who, (struct action){.type = ACTION_CANCEL, .cancel = {order}});
}

enum verdict rig_line(unsigned buyer, unsigned seller, int64_t capacity)
{
    return rig_apply(EDC, (struct action){.type = ACTION_SET_LINE,
                                          .line = {rig_address(buyer), rig_address(seller), {capacity}}});
}

enum verdict rig_policy(struct policy policy)
{
    return rig_apply(EDC, (struct action){.type = ACTION_SET_POLICY, .policy = policy});
}
