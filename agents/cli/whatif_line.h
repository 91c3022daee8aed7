/* One JSON line as an action: which fields an action has, and their values. Knows no state. */
#ifndef AGENTS_CLI_WHATIF_LINE_H
#define AGENTS_CLI_WHATIF_LINE_H

#include "market/contract.h"

#include <busbar/reason.h>

/* What a line can ask for beside the contract's own actions. */
enum whatif_verb {
    WHATIF_SELL,
    WHATIF_BUY,
    WHATIF_UPDATE,
    WHATIF_CANCEL,
    WHATIF_TRANSFER,
    WHATIF_MINT,
    WHATIF_LINE,
    WHATIF_POLICY,
    WHATIF_ADMIT,
    WHATIF_REVOKE,
    WHATIF_REKEY,
    WHATIF_MARKET,
    WHATIF_CORRECT,
    WHATIF_TIME,
    WHATIF_LIMITS,
    WHATIF_VERBS
};

#define WHATIF_NAME_ROOM 256 /* longer names are cut: they are longer than any account's */

struct whatif_name {
    size_t size;
    char text[WHATIF_NAME_ROOM];
};

/* A line read: the fields that the verb does not have are zero. */
struct whatif_words {
    enum whatif_verb verb;
    struct whatif_name account, other; /* actor or named account; `to`, `seller` */
    int64_t energy, price, money;      /* also capacity, max_price, penalty */
    int64_t band_low, band_high;
    uint64_t interval, expires, order, transaction, now;
    uint64_t interval_seconds, gate_seconds;
    struct market_limits limits;
    uint8_t fill, mode, recipient, role, state;
    bool has_transaction;
};

/* Reads one line, that is neither empty nor a comment. BB_MALFORMED with the reason. */
BB_MUST_CHECK enum status whatif_line_read(struct bytes line, struct bb_reason *reason,
                                           struct whatif_words *out);

#endif
