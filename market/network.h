/* What the wires allow and cost, behind one header: the matcher asks and takes, and never computes it itself.
 * The pairwise limits of the thesis are the first network; a radial feeder becomes another implementation
 * without touching matcher or ledger.
 *
 * Only energy taken earlier counts; every prefix of the trades is feasible by itself. State lives in the
 * market's arrays and journal: network_undo is the journal's, exact, and never fails. Source: thesis §3.6.2,
 * §3.6.3. */
#ifndef MARKET_NETWORK_H
#define MARKET_NETWORK_H

#include "market/contract.h"

enum network_id { NETWORK_NONE = 0, NETWORK_PAIRWISE = 1 };

/* An answer: up to `energy` more can go from seller to buyer at one constant marginal fee; 0: nothing at any
 * price. */
struct network_offer {
    struct energy energy;
    struct price fee;       /* per kWh, signed: relief can earn */
    bool exceeded;          /* beyond the line's capacity, at the penalty */
    struct energy headroom; /* what the binding line still carries below its limit */
    uint32_t line;          /* which line binds; UINT32_MAX: none */
};

/* What can go from account `seller` to account `buyer` in `interval` now. O(1). */
struct network_offer network_ask(const struct market *market, uint32_t buyer, uint32_t seller,
                                 uint64_t interval);

/* Puts `energy` (at most what network_ask says, tested again: CHECK) on the way. VERDICT_FULL: no room for
 * another use. */
enum verdict network_take(struct market *market, uint32_t buyer, uint32_t seller, uint64_t interval,
                          struct energy energy);

/* Takes energy off the way again (withdrawal of a trade); false when it was never there. */
bool network_give(struct market *market, uint32_t buyer, uint32_t seller, uint64_t interval,
                  struct energy energy);

/* Which implementation is in force, and the version of its configuration. */
enum network_id network_of(const struct market *market, uint64_t *version_out);

#endif
