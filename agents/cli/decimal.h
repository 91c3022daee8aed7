/* Decimals in people's units, exactly: a text that the fixed point cannot hold is refused, never rounded. */
#ifndef AGENTS_CLI_DECIMAL_H
#define AGENTS_CLI_DECIMAL_H

#include <busbar/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for any number that decimal_format writes, with its NUL. */
#define DECIMAL_TEXT_MAX 32

/* Parses `text` ("52.4", "-3", ".5": sign, digits, one point; no exponent, no space) into millionths: mW for
 * kW, micro-$ for $. BB_MALFORMED when it is no decimal, BB_RANGE when it has a non-zero digit beyond the
 * sixth place or does not fit 64 bits. */
BB_MUST_CHECK enum status decimal_parse(const char *text, int64_t *millionths_out);

/* The same in units of 10^-places, places 0 … 9: "9.82" with four is 98200. */
BB_MUST_CHECK enum status decimal_parse_places(const char *text, int places, int64_t *out);

/* Writes units of 10^-places exactly, with at least `least` decimals and no zeros behind that it can do
 * without, to text[DECIMAL_TEXT_MAX]. 0 ≤ least ≤ places ≤ 9. Returns `text`. */
char *decimal_format_exact(int64_t value, int places, int least, char *text);

/* True when `value` is exactly a number of millionths: the double nearest to n / 1000000, |n| < 2^53. */
bool decimal_of_double(double value, int64_t *millionths_out);

/* Writes millionths with `places` (0 … 6) decimals, rounded half away from zero, to text[DECIMAL_TEXT_MAX];
 * never "-0". Returns `text`. */
char *decimal_format(int64_t millionths, int places, char *text);

#endif
