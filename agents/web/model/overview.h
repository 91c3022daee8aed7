/* The neighbourhood in a dozen numbers, and when they are told: at most four times a second, when they have
 * changed, and once a second otherwise. Pure. */
#ifndef AGENTS_WEB_MODEL_OVERVIEW_H
#define AGENTS_WEB_MODEL_OVERVIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OVERVIEW_PAUSE_MS 250
#define OVERVIEW_IDLE_MS  1000

/* Powers in mW, incremental costs in micro-$/kWh. */
struct overview {
    int64_t generation_mw, load_mw, lambda_min, lambda_max;
    int64_t price_micro; /* of the last trade, micro-$/kWh; -1: none yet */
    size_t boards, online, certified, alarms;
    bool bus, ledger, simulated;
    int64_t updated_ms; /* when a board was last heard of, since 1970; 0: never */
};

/* What was told last, and when. Zero: nothing yet. */
struct overview_telling {
    struct overview told;
    int64_t told_ms;
    bool any;
};

/* True when `now` is to be told now; it counts as told then. `mono_ms`: a clock that never goes back. */
bool overview_tell(struct overview_telling *telling, const struct overview *now, int64_t mono_ms);

/* Load and generation are apart when they differ by more than both of these, for so long. */
#define OVERVIEW_APART_MW       500000
#define OVERVIEW_APART_PERMILLE 20
#define OVERVIEW_APART_MS       10000

/* Since when they differ; zero: they do not. */
struct overview_balance {
    int64_t since_ms;
    bool apart; /* and long enough */
};

/* Looks again; balance->apart says what it has come to. Without the bus nothing is known, and nothing said.
 */
void overview_balance(struct overview_balance *balance, const struct overview *now, int64_t mono_ms);

/* The incremental cost in one number: the middle of what the boards say, which is what all say when they
 * agree. */
int64_t overview_lambda(const struct overview *overview);

#endif
