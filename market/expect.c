/* Asking the memory ahead. Each step follows one pointer further: to the hash tables' entries, to the
 * records, to where the book holds the order. What is seen here may have changed when the action's turn
 * comes. */
#include "market/accounts.h"
#include "market/book.h"
#include "market/intervals.h"
#include "market/orders.h"

/* The number of the order that an action is about; 0: none yet. */
static uint64_t order_of(const struct action *action)
{
    if (action->type == ACTION_UPDATE)
        return action->update.order;
    return action->type == ACTION_CANCEL ? action->cancel.order : 0;
}

static void expect_entries(const struct market *m, const struct action *action)
{
    accounts_expect_entry(m, &action->actor);
    if (order_of(action) != 0)
        orders_expect_entry(m, order_of(action));
}

static void expect_records(const struct market *m, const struct action *action)
{
    accounts_expect(m, &action->actor);
    if (order_of(action) != 0)
        orders_expect(m, order_of(action));
    if (action->type != ACTION_SELL && action->type != ACTION_BUY)
        return;
    uint32_t interval =
        intervals_find(m, action->type == ACTION_SELL ? action->sell.interval : action->buy.interval);
    if (interval == STATE_NONE)
        return;
    if (action->type == ACTION_SELL)
        book_expect_post(m, interval, action->sell.price);
    else
        book_expect_best(m, interval);
}

static void expect_places(const struct market *m, const struct action *action)
{
    if (order_of(action) != 0) {
        uint32_t slot = orders_find(m, order_of(action));
        if (slot == STATE_NONE)
            return;
        book_expect(m, slot);
        if (action->type == ACTION_UPDATE)
            book_expect_post(m, m->orders[slot].interval, action->update.price);
    } else if (action->type == ACTION_BUY) {
        uint32_t interval = intervals_find(m, action->buy.interval);
        if (interval == STATE_NONE)
            return;
        struct tree_cursor best = book_best(m, interval, false);
        for (int i = 0; i < 2 && best.node != NULL; i++, tree_step(&m->trees, &best)) {
            const struct open_order *order = &m->orders[tree_record(best)];
            orders_expect_entry(m, order->id);
            __builtin_prefetch(&m->holders[order->account]);
        }
    }
}

void market_expect(const struct market *m, const struct action *action, unsigned step)
{
    static void (*const steps[])(const struct market *m, const struct action *action) = {
        expect_entries, expect_records, expect_places};
    if (step < sizeof steps / sizeof *steps)
        steps[step](m, action);
}
