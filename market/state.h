/* The market's memory: what is the state (journalled, lines of 64 bytes) and what is only scratch. */
#ifndef MARKET_STATE_H
#define MARKET_STATE_H

#include "market/contract.h"
#include "market/rows.h"
#include "market/table.h"
#include "market/tree.h"

#define STATE_NONE UINT32_MAX

/* Places in time end here, so that they fit beside a price or a time in a tree's key; at a million orders a
 * second that is 17 years. Beyond, the market is full. */
#define STATE_PLACES_END (UINT64_C(1) << 49)

/* One line: everything that a trade looks at. role 0: no such account. */
struct holder {
    struct address address;
    uint8_t role;
    bool revoked;
    uint64_t nonce;
    struct money money, escrow;
    struct energy energy, on_sale;
};

struct holder_name {
    char text[MARKET_NAME_MAX + 1];
};

struct retired_key {
    struct address address;
    uint32_t account;
    uint64_t unused;
};

/* An open order; id 0: none. `expiring`: it stands in the tree of expiries. */
struct open_order {
    uint64_t id, start;
    struct energy energy;
    struct price price;
    uint64_t expires, place;
    uint32_t account, interval; /* the interval's slot */
    bool expiring;
};

/* A delivery interval with open orders, line use or fees waiting. */
struct interval {
    uint64_t start;
    struct money fees;
    uint64_t tried;       /* the network's version at which no resting bid could trade; UINT64_MAX: unknown */
    uint32_t posts, bids; /* roots of the book's two sides */
    uint32_t orders, uses;
    uint32_t first_use;
} __attribute__((aligned(JOURNAL_LINE)));

/* A pair of accounts with a capacity; kept without gaps. */
struct line {
    uint32_t buyer, seller;
    struct energy capacity;
    uint32_t first_use;
    bool live;
    uint64_t unused;
};

/* Energy on a line in an interval, never 0 while it is there; in two lists. */
struct line_use {
    uint64_t start;
    struct energy used;
    uint32_t buyer, seller;
    uint32_t interval; /* its slot */
    uint32_t next_of_line, before_of_line;
    uint32_t next_of_interval, before_of_interval;
} __attribute__((aligned(JOURNAL_LINE)));

/* What there is once. */
struct head {
    struct policy policy;
    uint64_t network_version;
    struct money money_total, fees_waiting;
    struct energy energy_total;
    uint64_t next_post, next_bid, next_place;
    uint32_t accounts, retired, orders, lines, uses, intervals;
    uint32_t operator_account, distribution; /* + 1; 0: none yet */
    struct address sealer;
    uint8_t state;
    /* derived */
    uint32_t starts, expiries;       /* roots: of intervals by start, of orders by expiry */
    uint64_t first_start, first_end; /* nothing closes, or expires, before these */
    struct pool_count order_slots, interval_slots, use_slots, nodes;
};

/* A row that may have changed, or one to be put in order. */
struct row_mark {
    uint64_t a, b;
    uint32_t kind;
    uint32_t now;        /* the record's number + 1; 0: gone */
    const uint8_t *then; /* the record at the last commit; NULL: there was none */
};

/* Where an action's trades come from, beside the outcome's array. */
struct trade_source {
    uint32_t post;    /* order slot */
    bool empties;     /* the post is empty afterwards */
    struct money fee; /* the whole of it */
};

/* A post on an exhausted line that waits at its price with the penalty. */
struct dearer {
    uint32_t post;
    struct energy left;
};

struct market {
    struct market_limits limits;
    struct journal journal;
    /* the state */
    struct head *head;
    struct holder *holders;
    struct holder_name *names;
    struct retired_key *retired;
    struct open_order *orders;
    struct interval *intervals;
    struct line *lines;
    struct line_use *uses;
    struct table by_address, by_name, by_id, by_start, by_pair, by_use;
    struct pool order_slots, interval_slots, use_slots;
    struct trees trees;
    /* scratch */
    struct trade *trades;
    struct trade_source *sources;
    struct dearer *dearer;
    struct passed passed[MARKET_PASSED_MAX];
    uint32_t *touched, *touched_in; /* [accounts]: which, and in which action each was last */
    struct row_mark *marks, *marks_other;
    uint32_t trade_count, passed_count, passed_total, touched_count;
    uint64_t order;  /* the outcome's */
    uint32_t action; /* numbers actions for touched_in, from 1 */
    int64_t second;  /* of ledger time */
    bool opening;
    struct money money_moved; /* what this action added to all money together */
    struct energy energy_moved;
    struct {
        bool any;
        struct row_key key;
    } loaded;                 /* the last row */
    struct money fees_loaded; /* what the rows of fees must add up to */
};

/* Notes a write to a record of the state: STATE_WRITE(market, pointer to it). */
#define STATE_WRITE(market, record) journal_note(&(market)->journal, (record), sizeof *(record))

/* How many marks of rows there can be at once. */
size_t state_marks_max(const struct market_limits *limits);

#endif
