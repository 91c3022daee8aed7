/* Reading the contract's state: accounts, book, lines, policy. Nothing here changes anything. */
#ifndef MARKET_VIEW_H
#define MARKET_VIEW_H

#include "market/contract.h"

/* An open order. */
struct order {
    uint64_t id; /* with MARKET_BID_FLAG: a bid */
    uint32_t account;
    uint64_t interval;
    struct energy energy; /* what is left of it */
    struct price price;   /* a bid's maximum */
    uint64_t expires;
    uint64_t sequence; /* its place in time among equal prices: smaller is earlier */
};

/* A line and its use in one interval. */
struct line_view {
    uint32_t buyer, seller;
    uint64_t interval;
    struct energy capacity, used;
};

/* The parameters in force. */
struct parameters {
    struct policy policy;
    uint8_t state; /* enum market_state */
    struct address sealer;
    uint64_t network_version;
    struct money money_total; /* all there is, fees waiting to be paid out included */
    struct energy energy_total;
    struct money fees_waiting;
    uint32_t accounts, orders, lines;
};

/* The account's index by address or by name; false when there is none. A key that was replaced finds nothing
 * by address; market_retired says who it was. */
bool market_find(const struct market *market, const struct address *address, uint32_t *index_out);
bool market_find_name(const struct market *market, struct bytes name, uint32_t *index_out);
bool market_retired(const struct market *market, const struct address *address, uint32_t *index_out);

/* Account `index`, below parameters.accounts. */
void market_account(const struct market *market, uint32_t index, struct account *out);

/* The open order `id`; false when there is none. */
bool market_order(const struct market *market, uint64_t id, struct order *out);

/* The best `capacity` orders of one side of an interval's book, best first (bids: dearest first), to
 * out[capacity]; how many. */
size_t market_book(const struct market *market, uint64_t interval, bool bids, struct order *out,
                   size_t capacity);

/* The starts of the intervals with open orders, ascending, to out[capacity]; how many there are (may be
 * more). */
size_t market_intervals(const struct market *market, uint64_t *out, size_t capacity);

/* Line number `index`, below parameters.lines, with its use in `interval`. */
void market_line(const struct market *market, uint32_t index, uint64_t interval, struct line_view *out);

/* Policy, state and totals. */
void market_parameters(const struct market *market, struct parameters *out);

#endif
