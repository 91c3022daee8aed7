/* Decimal numbers: ±digits × 10^exponent, exact. */
#ifndef AGENTS_MODBUS_DECIMAL_H
#define AGENTS_MODBUS_DECIMAL_H

#include <busbar/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for any number that decimal_text writes, with its NUL. */
#define DECIMAL_TEXT_MAX 80

struct decimal {
    bool negative;
    uint64_t digits;
    int exponent;
};

/* Reads a number as JSON writes it; a leading + and zeros are taken, too. Digits beyond 64 bits are refused
 * unless they are zeros. BB_MALFORMED, BB_RANGE (too many digits, an exponent beyond ±400). */
BB_MUST_CHECK enum status decimal_read(const char *text, struct decimal *out);

/* Writes number × factor as JSON has it, with as many places as both have together; text_out[size ≥
 * DECIMAL_TEXT_MAX]. Beyond 40 digits it is written with an exponent. factor.digits ≤ 10^9. */
void decimal_text(struct decimal number, struct decimal factor, char *text_out, size_t size);

/* number ÷ factor, rounded to the nearest integer, halves away from zero. 1 ≤ factor.digits ≤ 10^9. BB_RANGE
 * beyond 64 bits of magnitude. */
BB_MUST_CHECK enum status decimal_divide(struct decimal number, struct decimal factor, bool *negative_out,
                                         uint64_t *magnitude_out);

#endif
