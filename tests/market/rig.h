/* A market to try things on: an operator, the distribution company, three prosumers and two consumers with
 * 1000 cents and 50 kWh each, as in the thesis; and one line an action. */
#ifndef TESTS_MARKET_RIG_H
#define TESTS_MARKET_RIG_H

#include "market/rows.h"
#include "market/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum who { OPERATOR, EDC, P1, P2, P3, C1, C2, RIG_ACCOUNTS, NOBODY = 100 };

#define RIG_MONEY  INT64_C(10000000000)
#define RIG_ENERGY INT64_C(50000)

/* All rows, one after the other, as bytes that can be compared. */
struct rows {
    size_t size, count;
    uint8_t bytes[1 << 20];
};

struct rig {
    struct market_limits limits;
    void *memory;
    size_t size;
    struct market *market;
    struct wall now;
    struct outcome out;
};

extern struct rig rig;

/* A new market with the accounts above, committed. The first is for cmocka. */
int rig_setup(void **state);
void rig_open(const struct market_limits *limits);
int rig_teardown(void **state);

/* Zeroed memory of a market, and its end. */
struct market *rig_new(const struct market_limits *limits, void **memory_out, size_t *size_out);
void rig_free(void *memory, size_t size);

/* The address of one of the accounts, or of somebody else. */
struct address rig_address(unsigned who);

/* All rows of a market; those that changed. */
void rig_rows(const struct market *market, struct rows *out);
void rig_changes(struct market *market, struct rows *out);

/* Applies an action by `who` at rig.now, and audits. On a refusal: fails when any row has changed, or the
 * outcome is not empty. */
enum verdict rig_apply(unsigned who, struct action action);

/* The account of one of them. */
struct account rig_account(unsigned who);

#endif
