/* Amounts of the ledger in people's units, exactly: kWh, cent/kWh and cent on the outside, Wh, µ$/kWh and
 * nano-$ within; and orders, whose numbers say whether they are posts or bids. */
#ifndef AGENTS_CLI_AMOUNT_H
#define AGENTS_CLI_AMOUNT_H

#include "agents/cli/decimal.h"

#include <busbar/reason.h>

enum amount_unit {
    AMOUNT_KWH,           /* of 1000 Wh: three decimals */
    AMOUNT_CENTS_PER_KWH, /* of 10 000 µ$/kWh: four */
    AMOUNT_CENTS          /* of 10 000 000 nano-$: seven */
};

/* Parses a decimal in `unit`. BB_MALFORMED: no decimal; BB_RANGE: finer than the unit or beyond 64 bits. The
 * reason begins with `what` ("--kwh"). */
BB_MUST_CHECK enum status amount_parse(const char *what, const char *text, enum amount_unit unit,
                                       struct bb_reason *reason, int64_t *out);

/* BB_RANGE, with a reason that says what to give, when `value` is less than `least`. */
BB_MUST_CHECK enum status amount_check(const char *what, int64_t value, int64_t least, enum amount_unit unit,
                                       struct bb_reason *reason);

/* Writes it exactly ("6.0", "9.82", "1000.00"), without the unit, to text[DECIMAL_TEXT_MAX]. Returns `text`.
 */
char *amount_format(int64_t value, enum amount_unit unit, char *text);

/* An order's number as people write it: "7" is a post, "b1" a resting bid; text[DECIMAL_TEXT_MAX]. */
char *amount_order_format(uint64_t order, char *text);

/* The other way; the number itself ("9223372036854775809") is taken too. BB_MALFORMED. */
BB_MUST_CHECK enum status amount_order_parse(const char *text, uint64_t *out);

/* Parses a whole number of at most 64 bits, digits alone. BB_MALFORMED. */
BB_MUST_CHECK enum status amount_uint_parse(const char *text, uint64_t *out);

#endif
