/* The frames of ZMTP: a byte of flags, the size of the body in one byte or in eight, the body. Pure.
 * Source: ZeroMQ RFC 37 (ZMTP 3.1), "Traffic". */
#ifndef BUS_ZMTP_FRAME_H
#define BUS_ZMTP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ZMTP_MORE    1u /* another frame of this message follows */
#define ZMTP_LONG    2u /* the size takes eight bytes, big-endian */
#define ZMTP_COMMAND 4u /* not part of a message; never with ZMTP_MORE */

/* The longest header. */
#define ZMTP_HEADER_MAX 9
/* Bodies up to this size have the short header, of two bytes. */
#define ZMTP_SHORT_MAX 255u

struct zmtp_header {
    uint8_t flags; /* ZMTP_MORE, ZMTP_LONG and ZMTP_COMMAND */
    uint8_t size;  /* of the header: 2 or 9 */
    uint64_t body;
};

/* Reads the header at `data`; its size, 0 when `size` bytes do not hold all of it. *out is set as far as its
 * flags with the first byte. */
size_t zmtp_header_read(const uint8_t *data, size_t size, struct zmtp_header *out);

/* True for the flags that the protocol has, in a combination that it has. */
bool zmtp_flags_valid(uint8_t flags);

/* The size of the header of a body of `body` bytes. */
size_t zmtp_header_size(size_t body);

/* Writes the header of a body; `flags` without ZMTP_LONG. to[ZMTP_HEADER_MAX]; its size. */
size_t zmtp_header_write(uint8_t *to, uint8_t flags, size_t body);

#endif
