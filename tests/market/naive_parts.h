/* What naive.c and naive_orders.c share. */
#ifndef TESTS_MARKET_NAIVE_PARTS_H
#define TESTS_MARKET_NAIVE_PARTS_H

#include "tests/market/naive.h"

#define NAIVE_NOBODY UINT32_MAX

/* What an action may use: who acts (NAIVE_NOBODY at the opening), the second, and what it found. */
struct naive_call {
    const struct action *action;
    uint32_t actor;
    int64_t second;
    struct naive_outcome *out;
};

typedef enum verdict naive_rule(struct naive *naive, const struct naive_call *call);

/* The rules of the orders. */
naive_rule naive_sell, naive_buy, naive_update, naive_cancel;

/* True when orders for interval I are no longer taken at this second. */
bool naive_closed(const struct naive *naive, uint64_t interval, int64_t second);

/* Deletes order number `at` of the array and makes free what it held. */
void naive_drop(struct naive *naive, uint32_t at);

/* True when one order more in `interval` finds room. */
bool naive_has_room(const struct naive *naive, uint64_t interval);

/* The line from seller to buyer, NULL when there is none; and its use, 0 when there is none. */
const struct naive_line *naive_line_of(const struct naive *naive, uint32_t buyer, uint32_t seller);
int64_t naive_used(const struct naive *naive, uint32_t buyer, uint32_t seller, uint64_t interval);

/* Adds to the fees waiting of `interval`. */
void naive_wait(struct naive *naive, uint64_t interval, int64_t amount);

/* The account of the distribution company. There is one. */
struct account *naive_distribution(struct naive *naive);

#endif
