/* Decimal numbers as people write them, to and from whole millionths, exactly: 17.17 is 17 170 000. No
 * floating point on the way. */
#ifndef NODE_FW_NODE_DECIMAL_H
#define NODE_FW_NODE_DECIMAL_H

#include <busbar/bytes.h>
#include <busbar/status.h>
#include <stdint.h>

/* Reads digits, or digits, a point and one to `places` ≤ 6 digits, as a multiple of 10^−places. BB_MALFORMED:
 * another character, no digit before or after the point, or more places; BB_RANGE: above u32. */
BB_MUST_CHECK enum status decimal_parse(struct bytes text, unsigned places, uint32_t *out);

/* Writes value × 10^−places without trailing zeros: 17170000 and 6 give "17.17". */
void decimal_write(struct writer *w, uint32_t value, unsigned places);

#endif
