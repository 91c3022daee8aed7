#include "agents/cli/amount.h"

#include <inttypes.h>
#include <stdio.h>

/* The bit that tells a bid from a post. */
#define BID (UINT64_C(1) << 63)

static const struct {
    int places, least;
    const char *name, *finest;
} units[] = {
    [AMOUNT_KWH] = {3, 1, "kWh", "three decimals, a Wh"},
    [AMOUNT_CENTS_PER_KWH] = {4, 2, "cent/kWh", "four decimals, a µ$/kWh"},
    [AMOUNT_CENTS] = {7, 2, "cent", "seven decimals, a nano-$"},
};

enum status amount_parse(const char *what, const char *text, enum amount_unit unit, struct bb_reason *reason,
                         int64_t *out)
{
    enum status status = decimal_parse_places(text, units[unit].places, out);
    if (status == BB_MALFORMED)
        bb_reason_say(reason, "%s: \"%s\" is no decimal number of %s", what, text, units[unit].name);
    else if (status != BB_OK)
        bb_reason_say(reason, "%s: %s %s is finer or larger than the ledger counts (%s); nothing is rounded",
                      what, text, units[unit].name, units[unit].finest);
    return status;
}

enum status amount_check(const char *what, int64_t value, int64_t least, enum amount_unit unit,
                         struct bb_reason *reason)
{
    char is[DECIMAL_TEXT_MAX], from[DECIMAL_TEXT_MAX];
    if (value >= least)
        return BB_OK;
    bb_reason_say(reason, "%s: %s %s is too little; give %s or more", what, amount_format(value, unit, is),
                  units[unit].name, amount_format(least, unit, from));
    return BB_RANGE;
}

char *amount_format(int64_t value, enum amount_unit unit, char *text)
{
    return decimal_format_exact(value, units[unit].places, units[unit].least, text);
}

enum status amount_uint_parse(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    if (*text == '\0')
        return BB_MALFORMED;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return BB_MALFORMED;
        if (__builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return BB_MALFORMED;
    }
    *out = value;
    return BB_OK;
}

char *amount_order_format(uint64_t order, char *text)
{
    snprintf(text, DECIMAL_TEXT_MAX, "%s%" PRIu64, order & BID ? "b" : "", order & ~BID);
    return text;
}

enum status amount_order_parse(const char *text, uint64_t *out)
{
    uint64_t number;
    bool bid = *text == 'b';
    enum status status = amount_uint_parse(text + bid, &number);
    if (status != BB_OK || (bid && (number & BID)) || (number & ~BID) == 0)
        return BB_MALFORMED;
    *out = number | (bid ? BID : 0);
    return BB_OK;
}
