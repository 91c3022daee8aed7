#include "agents/modbus/decimal.h"

#include <busbar/check.h>
#include <stdio.h>
#include <string.h>

#define EXPONENT_MAX 400
#define PLAIN_MAX    40

typedef unsigned __int128 wide;

/* Takes one digit; false when it does not fit. Zeros that do not are kept in *spare. */
static bool take_digit(uint64_t *digits, int *spare, char digit)
{
    uint64_t more;
    if (*spare == 0 && !__builtin_mul_overflow(*digits, UINT64_C(10), &more) &&
        !__builtin_add_overflow(more, (uint64_t)(digit - '0'), &more))
        *digits = more;
    else if (digit == '0')
        (*spare)++;
    else
        return false;
    return true;
}

/* The exponent behind e; NULL when it is none. */
static const char *read_exponent(const char *at, int *exponent)
{
    bool negative = *at == '-';
    int value = 0, count = 0;
    if (*at == '-' || *at == '+')
        at++;
    for (; *at >= '0' && *at <= '9'; at++, count++)
        value = value > EXPONENT_MAX ? value : value * 10 + (*at - '0');
    *exponent += negative ? -value : value;
    return count == 0 ? NULL : at;
}

enum status decimal_read(const char *text, struct decimal *out)
{
    struct decimal d = {*text == '-', 0, 0};
    const char *at = *text == '-' || *text == '+' ? text + 1 : text;
    int count = 0, spare = 0;
    bool point = false, fits = true;
    for (; (*at >= '0' && *at <= '9') || (*at == '.' && !point); at++) {
        if (*at == '.') {
            point = true;
            continue;
        }
        count++;
        fits = take_digit(&d.digits, &spare, *at) && fits;
        d.exponent -= point ? 1 : 0;
    }
    if (count == 0)
        return BB_MALFORMED;
    if (*at == 'e' || *at == 'E')
        at = read_exponent(at + 1, &d.exponent);
    if (at == NULL || *at != '\0')
        return BB_MALFORMED;
    d.exponent += spare;
    if (!fits || d.exponent > EXPONENT_MAX || d.exponent < -EXPONENT_MAX)
        return BB_RANGE;
    *out = d;
    return BB_OK;
}

/* The digits of a wide number, without leading zeros. */
static size_t write_digits(wide number, char digits[40])
{
    char back[40];
    size_t count = 0;
    do {
        back[count++] = (char)('0' + (int)(number % 10));
        number /= 10;
    } while (number != 0);
    for (size_t i = 0; i < count; i++)
        digits[i] = back[count - 1 - i];
    return count;
}

/* Digits × 10^exponent without an exponent; `plain` has room for PLAIN_MAX + 2. */
static void write_plain(const char *digits, int count, int exponent, char *plain)
{
    int before = count + exponent; /* digits in front of the point */
    if (exponent >= 0) {
        memset(plain, '0', (size_t)before);
        memcpy(plain, digits, (size_t)count);
        plain[before] = '\0';
    } else if (before > 0) {
        snprintf(plain, PLAIN_MAX + 2, "%.*s.%.*s", before, digits, -exponent, digits + before);
    } else {
        snprintf(plain, PLAIN_MAX + 2, "0.%0*d%.*s", -before, 0, count, digits);
        if (before == 0)
            snprintf(plain, PLAIN_MAX + 2, "0.%.*s", count, digits);
    }
}

void decimal_text(struct decimal number, struct decimal factor, char *text_out, size_t size)
{
    CHECK(size >= DECIMAL_TEXT_MAX && factor.digits <= UINT64_C(1000000000));
    char digits[40], plain[PLAIN_MAX + 2];
    wide product = (wide)number.digits * factor.digits;
    int exponent =
        product == 0 && number.exponent + factor.exponent > 0 ? 0 : number.exponent + factor.exponent;
    int count = (int)write_digits(product, digits);
    const char *sign = product != 0 && number.negative != factor.negative ? "-" : "";
    if (exponent > PLAIN_MAX - count || exponent < -PLAIN_MAX + 1) {
        snprintf(text_out, size, "%s%.*se%d", sign, count, digits, exponent);
        return;
    }
    write_plain(digits, count, exponent, plain);
    snprintf(text_out, size, "%s%s", sign, plain);
}

enum status decimal_divide(struct decimal number, struct decimal factor, bool *negative_out,
                           uint64_t *magnitude_out)
{
    CHECK(factor.digits > 0);
    wide above = number.digits, below = factor.digits;
    int exponent = number.exponent - factor.exponent;
    for (; exponent > 0 && above != 0; exponent--)
        if (above > (wide)UINT64_MAX * UINT64_C(10000000000))
            return BB_RANGE;
        else
            above *= 10;
    for (; exponent < 0 && below < (wide)UINT64_MAX * UINT64_C(10000000000); exponent++)
        below *= 10;
    wide result = exponent < 0 ? 0 : (above + below / 2) / below;
    if (result > UINT64_MAX)
        return BB_RANGE;
    *negative_out = result != 0 && number.negative != factor.negative;
    *magnitude_out = (uint64_t)result;
    return BB_OK;
}
