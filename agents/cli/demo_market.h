/* The demo's trading: the three cases of thesis §3.6, each by real signed orders over the bus to the ledger.
 * demo_market.c is its course, demo_tables.c what it prints. Source: thesis §3.6, Tables 2-4. */
#ifndef AGENTS_CLI_DEMO_MARKET_H
#define AGENTS_CLI_DEMO_MARKET_H

#include "agents/cli/founding.h"
#include "ledger/crypto/signer.h"

#include <busbar/client.h>
#include <jansson.h>

#define DEMO_CASES   3
#define DEMO_TRADERS 4 /* C1, P1, P2, P3 */

/* One line of a table: what an account has, and what it offers. */
struct demo_line {
    struct money money;
    struct energy energy;
    struct energy post; /* 0: no post */
    struct price price;
};

/* One of the thesis's cases: what is set, what is bought, what must come out. */
struct demo_case {
    const char *key, *title; /* "case1", "Table 2, Case I" */
    const char *terms;       /* in words */
    struct policy policy;
    bool lines; /* 5, 10 and 5 kWh from P1, P2, P3 to C1 */
    struct energy wanted;
    struct demo_line printed[DEMO_TRADERS]; /* by the thesis */
};

/* What a case came to. */
struct demo_outcome {
    struct demo_line after[DEMO_TRADERS];
    json_t *orders; /* [{"by","order","verdict","height"}], in the order sent */
    json_t *trades; /* as the ledger told them */
};

struct demo_market {
    const char *home;         /* borrowed */
    struct bb_client *client; /* borrowed */
    struct bb_reason *reason; /* borrowed */
    struct founding founding;
    struct hash genesis, separator;
    struct secret *secrets; /* parallel to the founding's participants */
    uint64_t nonces[FOUNDING_MAX];
    struct signer *signer;
    struct demo_outcome outcomes[DEMO_CASES];
    uint64_t height;
    double seconds; /* from the first order of the first case to the last balance read */
};

extern const struct demo_case demo_cases[DEMO_CASES];
extern const char *const demo_traders[DEMO_TRADERS];

/* Makes fresh keys and a fresh chain in the demo's home, in the place of an earlier demo's: operator, edc,
 * one set of traders for each case (case1.C1 …) and one for the user (C1, P1, P2, P3), each with 1000.00 cent
 * and 50.0 kWh. Statuses of founding_write; BB_IO. */
BB_MUST_CHECK enum status demo_market_found(struct demo_market *market);

/* Runs the cases; the ledger answers already. BB_REMOTE: it refused an order; the reason says which. */
BB_MUST_CHECK enum status demo_market_run(struct demo_market *market);

/* Wipes the keys, frees everything. */
void demo_market_close(struct demo_market *market);

/* "market" and "ledger" of the demo's document. */
void demo_market_json(const struct demo_market *market, json_t *document);

/* Prints the three tables beside the thesis's. */
void demo_market_people(const struct demo_market *market);

#endif
