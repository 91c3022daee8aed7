#include "agents/modbus/decimal.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EXPONENT_MAX 400
#define PLAIN_MAX    40

/* Digits in portions of nine, the lowest first: 64 bits times 10^9 have at most 29. */
#define PORTION  UINT64_C(1000000000)
#define PORTIONS 4

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

/* The digits of a × b without leading zeros, b ≤ 10^9; how many. */
static int write_product(uint64_t a, uint64_t b, char digits[PORTIONS * 9 + 1])
{
    uint64_t portions[PORTIONS] = {0}, carry = 0;
    char all[PORTIONS * 9 + 1];
    for (int i = 0; i < PORTIONS; i++, a /= PORTION) {
        uint64_t product = a % PORTION * b + carry;
        portions[i] = product % PORTION;
        carry = product / PORTION;
    }
    for (int i = 0; i < PORTIONS; i++)
        snprintf(all + 9 * i, 10, "%09u", (unsigned)portions[PORTIONS - 1 - i]);
    size_t zeros = strspn(all, "0");
    zeros -= all[zeros] == '\0' ? 1 : 0;
    memcpy(digits, all + zeros, sizeof all - zeros);
    return (int)(sizeof all - 1 - zeros);
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
    CHECK(size >= DECIMAL_TEXT_MAX && factor.digits <= PORTION);
    char digits[PORTIONS * 9 + 1], plain[PLAIN_MAX + 2];
    bool zero = number.digits == 0 || factor.digits == 0;
    int exponent = number.exponent + factor.exponent;
    exponent = zero && exponent > 0 ? 0 : exponent;
    int count = write_product(number.digits, factor.digits, digits);
    const char *sign = !zero && number.negative != factor.negative ? "-" : "";
    if (exponent > PLAIN_MAX - count || exponent < -PLAIN_MAX + 1) {
        snprintf(text_out, size, "%s%.*se%d", sign, count, digits, exponent);
        return;
    }
    write_plain(digits, count, exponent, plain);
    snprintf(text_out, size, "%s%s", sign, plain);
}

/* digits × 10^zeros ÷ below, digit by digit; false beyond 64 bits. */
static bool divide_up(uint64_t digits, int zeros, uint64_t below, uint64_t *out)
{
    char text[24];
    uint64_t result = 0, left = 0;
    int count = snprintf(text, sizeof text, "%" PRIu64, digits);
    for (int i = 0; i < count + zeros && digits != 0; i++) {
        left = left * 10 + (i < count ? (uint64_t)(text[i] - '0') : 0);
        if (__builtin_mul_overflow(result, UINT64_C(10), &result) ||
            __builtin_add_overflow(result, left / below, &result))
            return false;
        left %= below;
    }
    *out = result;
    return left < below - left || !__builtin_add_overflow(result, UINT64_C(1), out);
}

/* digits ÷ (below × 10^places), places > 0. Doubled, cut, one more, halved: that rounds halves up. */
static uint64_t divide_down(uint64_t digits, int places, uint64_t below)
{
    uint64_t ten = 1;
    for (int i = 0; i < places && i < 19; i++)
        ten *= 10;
    if (places > 19) /* 2 × 64 bits are less than 10^20 */
        return 0;
    uint64_t whole = digits / ten, rest = digits % ten;
    uint64_t doubled = 2 * whole + (rest >= ten - rest ? 1 : 0);
    return (doubled / below + 1) / 2;
}

enum status decimal_divide(struct decimal number, struct decimal factor, bool *negative_out,
                           uint64_t *magnitude_out)
{
    CHECK(factor.digits > 0 && factor.digits <= PORTION);
    uint64_t result = 0;
    int exponent = number.exponent - factor.exponent;
    if (exponent < 0)
        result = divide_down(number.digits, -exponent, factor.digits);
    else if (!divide_up(number.digits, exponent, factor.digits, &result))
        return BB_RANGE;
    *negative_out = result != 0 && number.negative != factor.negative;
    *magnitude_out = result;
    return BB_OK;
}
