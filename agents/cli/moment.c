#include "agents/cli/moment.h"

#include "agents/cli/amount.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

/* "+15m": a count and a letter; true when it is one. */
static bool parse_offset(const char *text, uint64_t *seconds_out)
{
    static const struct {
        char letter;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};
    char digits[16];
    size_t length = strlen(text);
    uint64_t factor = 1, count;
    if (length == 0 || length >= sizeof digits)
        return false;
    memcpy(digits, text, length + 1);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (text[length - 1] == units[i].letter) {
            factor = units[i].seconds;
            digits[length - 1] = '\0';
        }
    return amount_uint_parse(digits, &count) == BB_OK && !__builtin_mul_overflow(count, factor, seconds_out);
}

static bool parse_utc(const char *text, uint64_t *out)
{
    static const char *const forms[] = {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%MZ", "%Y-%m-%d %H:%M:%SZ",
                                        "%Y-%m-%dT%H:%M:%S.000Z"}; /* the last: as stamps are printed */
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        struct tm utc = {0};
        const char *end = strptime(text, forms[i], &utc);
        int day = utc.tm_mday;
        time_t seconds = end != NULL && *end == '\0' ? timegm(&utc) : -1;
        if (seconds < 0)
            continue;
        /* timegm makes the 1st of December out of a 31st of November: such a day was not meant. */
        if (utc.tm_mday != day)
            return false;
        *out = (uint64_t)seconds;
        return true;
    }
    return false;
}

enum status moment_parse(const char *what, const char *text, int64_t now_s, struct bb_reason *reason,
                         uint64_t *out)
{
    uint64_t value = 0;
    bool offset = *text == '+', good;
    if (offset)
        good = parse_offset(text + 1, &value) && !__builtin_add_overflow(value, (uint64_t)now_s, &value);
    else
        good = amount_uint_parse(text, &value) == BB_OK || parse_utc(text, &value);
    if (!good) {
        bb_reason_say(
            reason,
            "%s: \"%s\" is no time: seconds since 1970, 2026-11-28T18:00Z, or from now: +90, +15m, +2h", what,
            text);
        return BB_MALFORMED;
    }
    *out = value;
    return BB_OK;
}
