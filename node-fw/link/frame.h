/* Frames: 0x00, COBS(header ‖ payload ‖ CRC), 0x00. The header is 8 bytes, little-endian: version (2 bits)
 * and type (6), flags, source u16, seq, ack, length u16. Source: thesis §2.5; RFC 1662; design of the link.
 */
#ifndef NODE_FW_LINK_FRAME_H
#define NODE_FW_LINK_FRAME_H

#include <busbar/bytes.h>
#include <busbar/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_FROM_HOST 0x80 /* the direction: a tty that is not raw yet echoes our own frames */
#define FRAME_RELIABLE  0x01 /* seq counts */
#define FRAME_ACKS      0x02 /* ack is the next seq that the sender expects */

struct frame {
    uint8_t version; /* 0 … 3, the protocol's major & 3 */
    uint8_t type;    /* 0 … 63 */
    uint8_t flags;
    uint16_t source;
    uint8_t seq;
    uint8_t ack;
    struct bytes payload; /* at most BB_LINK_PAYLOAD_MAX */
};

/* What a byte completed. */
enum frame_verdict {
    FRAME_MORE,     /* nothing yet */
    FRAME_READY,    /* a good frame */
    FRAME_BAD_COBS, /* a zero where none may be: cut short, or not ours */
    FRAME_BAD_CRC,  /* damaged, or garbage */
    FRAME_BAD_SIZE, /* good CRC, but the length does not fit the header's */
    FRAME_OVERSIZE  /* no zero for longer than a frame can be; said once, at the next zero */
};

/* The bytes since the last zero. */
struct frame_assembler {
    uint8_t buffer[BB_LINK_FRAME_MAX];
    uint16_t used;
    bool skipping;
};

/* The size on the wire of a frame with `payload` bytes: known before it is packed, because a body of fewer
 * than 254 bytes grows by exactly one. */
size_t frame_size(size_t payload);

/* Packs a frame with both zeros into out[BB_LINK_FRAME_MAX]; returns frame_size(payload). The payload must
 * fit. */
size_t frame_pack(const struct frame *frame, uint8_t *out);

/* An empty assembler: waits for bytes; anything before the first zero is a frame cut short. */
void frame_reset(struct frame_assembler *a);

/* Takes one byte. FRAME_READY fills *out; its payload is borrowed from the assembler until the next call. */
enum frame_verdict frame_push(struct frame_assembler *a, uint8_t byte, struct frame *out);

#endif
