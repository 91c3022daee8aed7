#include "agents/cli/decimal.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MILLION            INT64_C(1000000)
#define DECIMAL_PLACES_MAX 9

/* Appends one digit; false on overflow. */
static bool append_digit(int64_t *value, char digit)
{
    return !__builtin_mul_overflow(*value, INT64_C(10), value) &&
           !__builtin_add_overflow(*value, (int64_t)(digit - '0'), value);
}

enum status decimal_parse(const char *text, int64_t *millionths_out)
{
    return decimal_parse_places(text, 6, millionths_out);
}

enum status decimal_parse_places(const char *text, int wanted, int64_t *out)
{
    CHECK(wanted >= 0 && wanted <= DECIMAL_PLACES_MAX);
    const char *at = text;
    bool negative = *at == '-';
    if (*at == '-' || *at == '+')
        at++;
    int64_t value = 0;
    int digits = 0, places = -1;
    bool fits = true;
    for (; *at != '\0'; at++) {
        if (*at == '.' && places < 0) {
            places = 0;
            continue;
        }
        if (*at < '0' || *at > '9')
            return BB_MALFORMED;
        digits++;
        if (places >= wanted)
            fits = fits && *at == '0';
        else
            fits = fits && append_digit(&value, *at);
        if (places >= 0)
            places++;
    }
    if (digits == 0)
        return BB_MALFORMED;
    for (int place = places < 0 ? 0 : places; fits && place < wanted; place++)
        fits = append_digit(&value, '0');
    if (!fits)
        return BB_RANGE;
    *out = negative ? -value : value;
    return BB_OK;
}

bool decimal_of_double(double value, int64_t *millionths_out)
{
    double scaled = nearbyint(value * 1e6);
    /* Division of two exact doubles is rounded correctly: it gives the very double that the decimal gives. */
    if (!(fabs(scaled) < 9007199254740992.0) || scaled / 1e6 != value)
        return false;
    *millionths_out = (int64_t)scaled;
    return true;
}

char *decimal_format(int64_t millionths, int places, char *text)
{
    CHECK(places >= 0 && places <= 6);
    uint64_t unit = 1;
    for (int i = places; i < 6; i++)
        unit *= 10;
    uint64_t magnitude = millionths < 0 ? 0 - (uint64_t)millionths : (uint64_t)millionths;
    uint64_t rounded = magnitude / unit + (magnitude % unit * 2 >= unit && unit > 1 ? 1 : 0);
    uint64_t per_one = (uint64_t)MILLION / unit;
    const char *sign = millionths < 0 && rounded > 0 ? "-" : "";
    if (places == 0)
        snprintf(text, DECIMAL_TEXT_MAX, "%s%" PRIu64, sign, rounded);
    else
        snprintf(text, DECIMAL_TEXT_MAX, "%s%" PRIu64 ".%0*" PRIu64, sign, rounded / per_one, places,
                 rounded % per_one);
    return text;
}

char *decimal_format_exact(int64_t value, int places, int least, char *text)
{
    CHECK(least >= 0 && least <= places && places <= DECIMAL_PLACES_MAX);
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value, unit = 1;
    while (places > least && left % 10 == 0) {
        left /= 10;
        places--;
    }
    for (int i = 0; i < places; i++)
        unit *= 10;
    const char *sign = value < 0 ? "-" : "";
    if (places == 0)
        snprintf(text, DECIMAL_TEXT_MAX, "%s%" PRIu64, sign, left);
    else
        snprintf(text, DECIMAL_TEXT_MAX, "%s%" PRIu64 ".%0*" PRIu64, sign, left / unit, places, left % unit);
    return text;
}
