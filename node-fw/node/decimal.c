#include "node-fw/node/decimal.h"

#include <stdbool.h>

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

enum status decimal_parse(struct bytes text, unsigned places, uint32_t *out)
{
    size_t at = 0, digits = 0;
    unsigned taken = 0;
    uint64_t value = 0;
    bool range = false, point = false;
    for (; at < text.size; at++) {
        if (text.data[at] == '.' && !point && digits > 0 && places > 0) {
            point = true;
            continue;
        }
        if (!is_digit(text.data[at]) || (point && taken == places))
            return BB_MALFORMED;
        digits++;
        taken += point;
        value = value * 10 + (uint64_t)(text.data[at] - '0');
        range = range || value > UINT32_MAX;
        if (range)
            value = 0; /* only the form matters from here on */
    }
    if (digits == 0 || (point && taken == 0))
        return BB_MALFORMED;
    for (; taken < places; taken++)
        value *= 10;
    if (range || value > UINT32_MAX)
        return BB_RANGE;
    *out = (uint32_t)value;
    return BB_OK;
}

void decimal_write(struct writer *w, uint32_t value, unsigned places)
{
    uint8_t digits[24];
    size_t count = 0;
    unsigned left = places;
    while (left > 0 && value % 10 == 0) {
        value /= 10;
        left--;
    }
    for (; left > 0; left--, value /= 10)
        digits[count++] = (uint8_t)('0' + value % 10);
    if (count > 0)
        digits[count++] = '.';
    do {
        digits[count++] = (uint8_t)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    while (count > 0)
        write_u8(w, digits[--count]);
}
