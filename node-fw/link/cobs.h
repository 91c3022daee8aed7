/* Consistent overhead byte stuffing: a block of bytes becomes one without zeros, one byte longer for every
 * 254. Source: Cheshire and Baker 1999. */
#ifndef NODE_FW_LINK_COBS_H
#define NODE_FW_LINK_COBS_H

#include <busbar/bytes.h>
#include <busbar/status.h>
#include <stddef.h>
#include <stdint.h>

/* Room that the encoding of `size` bytes needs at most. */
#define COBS_MAX(size) ((size) + (size) / 254 + 1)

/* Encodes `in` into out[COBS_MAX(in.size)], which must not overlap it; returns the size. No byte of it is 0.
 */
size_t cobs_encode(struct bytes in, uint8_t *out);

/* Decodes data[size] in place: *size_out bytes from data[0] on, fewer than `size`. BB_MALFORMED when a zero
 * is inside, a block points past the end, or size is 0; the data is then spoilt. */
BB_MUST_CHECK enum status cobs_decode(uint8_t *data, size_t size, size_t *size_out);

#endif
