/* The Bit-Energy contract: accounts, order book, lines and policy as one deterministic state, advanced by one
 * action at a time. Pure: no clock, no allocation, no I/O, integers only; every replica that applies the same
 * actions at the same times has the same rows (rows.h), byte for byte.
 *
 * Every change of the state is noted in a journal: a refused action undoes itself to the last byte, and the
 * caller can undo everything since market_commit. The sums of all money and of all energy change by Mint
 * alone: every action asserts that its own changes add to zero. Source: thesis §3.5, §3.6, figure 10. */
#ifndef MARKET_CONTRACT_H
#define MARKET_CONTRACT_H

#include "market/action.h"
#include "market/verdict.h"

#include <busbar/status.h>

struct market;

/* How many of each the state can hold; part of the genesis, so that every replica says "full" at the same
 * action. */
struct market_limits {
    uint32_t accounts;  /* 3 … 16 777 216 */
    uint32_t orders;    /* open posts and resting bids together, 1 … 16 777 216 */
    uint32_t lines;     /* pairs with a capacity */
    uint32_t intervals; /* delivery intervals with open orders, line use or fees, 1 … 65 536 */
    uint32_t uses;      /* (line, interval) pairs with energy on them */
};

#define MARKET_TRADES_MAX 1024 /* trades of one action */
#define MARKET_PASSED_MAX 16   /* sellers passed over that a purchase records; all of them are counted */
#define MARKET_BID_FLAG   (UINT64_C(1) << 63) /* posts are numbered 1, 2, …; resting bids FLAG+1, FLAG+2, … */

/* Energy that changed hands. The buyer pays energy × (price + fee); the seller gets energy × price, and the
 * fee too when the policy's recipient is the seller. */
struct trade {
    uint32_t buyer, seller; /* account indices */
    uint64_t post;
    uint64_t bid; /* 0: bought at once */
    uint64_t interval;
    struct energy energy;
    struct price price; /* the seller's own */
    struct price fee;   /* of the network, per kWh, signed */
    uint8_t network;    /* which implementation asked for it */
    uint64_t version;   /* of its configuration */
};

/* A seller that a purchase did not take, although the price was right. */
struct passed {
    uint64_t post;
    uint32_t seller;
    struct energy headroom; /* what its line would still carry */
};

/* What an action did. The arrays are borrowed until the next call with the same market. All empty after a
 * refusal. */
struct outcome {
    uint64_t order; /* the post or bid that it made or changed, 0: none */
    const struct trade *trades;
    uint32_t trade_count;
    const struct passed
        *passed;           /* up to MARKET_PASSED_MAX, the cheapest first; after a refusal for the line too */
    uint32_t passed_count; /* of `passed` */
    uint32_t passed_total;
    const uint32_t
        *touched; /* indices of the accounts whose balances changed, each once, in order of first change */
    uint32_t touched_count;
};

/* An account as it stands. What is on sale or in escrow is part of energy and money: only the rest is free.
 */
struct account {
    struct address address;
    char name[MARKET_NAME_MAX + 1];
    uint8_t role; /* enum role */
    bool revoked;
    uint64_t nonce; /* of the next transaction; how many it has had */
    struct money money, escrow;
    struct energy energy, on_sale;
};

/* The bytes that a market of these limits takes; 0 when a limit is outside its range. */
size_t market_size(const struct market_limits *limits);

/* An empty market in `memory`, which must be zero, aligned to 64 and of market_size bytes. A big one costs
 * only the pages that it touches. Borrowed until the end. */
struct market *market_init(void *memory, const struct market_limits *limits);

/* Applies `action` at ledger time `now` (never earlier than the last): first what is due by time happens
 * (expired orders go, closed intervals pay out their fees), then the action. The actor must be admitted and
 * not revoked; nonces are the caller's. Fills `out` always. */
enum verdict market_apply(struct market *market, const struct action *action, struct wall now,
                          struct outcome *out);

/* Gives `count` opening balances and roles without an actor: for the genesis alone, before the first
 * market_apply. Otherwise as the actions Admit, Mint, SetLine, SetPolicy and SetSealer; the actor is ignored.
 */
enum verdict market_open(struct market *market, const struct action *action);

/* Says that an action comes soon. No effect but on time: most of an action in a large market is waiting for
 * memory, and who has a batch can let that overlap. To be called with step 0, 1 and 2, each some four actions
 * later than the one before, the last some four before market_apply. */
void market_expect(const struct market *market, const struct action *action, unsigned step);

/* Takes one nonce of account `index`: part of the journal like any change. */
void market_spend_nonce(struct market *market, uint32_t index);

/* Makes everything since the last commit final, or undoes it to the last byte. */
void market_commit(struct market *market);
void market_rollback(struct market *market);

/* Recomputes all sums from the rows; false when one differs from what it should be. O(state). */
bool market_audit(const struct market *market);

#endif
