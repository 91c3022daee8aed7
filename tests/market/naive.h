/* The contract a second time, as plainly as it can be said: docs/market.md in arrays, scans and full copies,
 * with no idea of speed. It shares nothing with market/ but the types of actions and verdicts, so that what
 * both say is what the page says. Bounded by the constants below; limits above them are a bug of the test. */
#ifndef TESTS_MARKET_NAIVE_H
#define TESTS_MARKET_NAIVE_H

#include "market/contract.h"
#include "market/rows.h"
#include "market/view.h"

#define NAIVE_ACCOUNTS  256
#define NAIVE_ORDERS    1600
#define NAIVE_LINES     512
#define NAIVE_USES      1024
#define NAIVE_INTERVALS 128

#define NAIVE_ROWS_MAX (2 * NAIVE_ACCOUNTS + NAIVE_ORDERS + NAIVE_LINES + NAIVE_USES + NAIVE_INTERVALS + 1)

/* A row and its key. */
struct naive_row {
    struct row_key key;
    uint32_t size;
    uint8_t bytes[MARKET_ROW_MAX];
};

struct naive_retired {
    struct address address;
    uint32_t account;
};

struct naive_line {
    uint32_t buyer, seller;
    int64_t capacity;
};

struct naive_use {
    uint32_t buyer, seller;
    uint64_t interval;
    int64_t used; /* never 0 */
};

struct naive_fee {
    uint64_t interval;
    int64_t amount; /* never 0 */
};

/* The whole state. Copying it is how anything is undone. The arrays come last. */
struct naive {
    struct market_limits limits;
    struct policy policy;
    uint8_t state;
    struct address sealer;
    uint64_t version;
    int64_t money_total, energy_total;
    uint64_t next_post, next_bid, next_place;
    uint32_t account_count, retired_count, order_count, line_count, use_count, fee_count;
    struct account accounts[NAIVE_ACCOUNTS];
    struct naive_retired retired[NAIVE_ACCOUNTS];
    struct order orders[NAIVE_ORDERS]; /* in no order */
    struct naive_line lines[NAIVE_LINES];
    struct naive_use uses[NAIVE_USES];
    struct naive_fee fees[NAIVE_INTERVALS];
};

/* As struct outcome. The accounts touched are ascending by index. */
struct naive_outcome {
    uint64_t order;
    uint32_t trade_count, passed_count, touched_count;
    struct trade trades[MARKET_TRADES_MAX];
    struct passed passed[NAIVE_ORDERS]; /* all of them */
    uint32_t touched[NAIVE_ACCOUNTS];
};

/* An empty market of these limits. */
void naive_init(struct naive *naive, const struct market_limits *limits);

/* As market_apply and market_open. *out is filled always. */
enum verdict naive_apply(struct naive *naive, const struct action *action, struct wall now,
                         struct naive_outcome *out);
enum verdict naive_open(struct naive *naive, const struct action *action);

/* Copies the state: only what is in use. */
void naive_copy(struct naive *to, const struct naive *from);

/* As market_rows: the same bytes, when the states are the same. */
void naive_rows(const struct naive *naive, row_visit *visit, void *context);

/* Recomputes every sum; false when one is wrong. */
bool naive_audit(const struct naive *naive);

#endif
