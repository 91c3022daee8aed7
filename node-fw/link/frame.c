#include "node-fw/link/frame.h"

#include "node-fw/link/cobs.h"
#include "node-fw/link/crc.h"

#include <busbar/check.h>

#define BODY_MAX (BB_LINK_HEADER + BB_LINK_PAYLOAD_MAX + BB_LINK_CRC)

_Static_assert(BODY_MAX < 254, "frame_size counts on one byte of stuffing");
_Static_assert(COBS_MAX(BODY_MAX) + 2 <= BB_LINK_FRAME_MAX, "a frame with its zeros fits");

size_t frame_size(size_t payload)
{
    return BB_LINK_HEADER + payload + BB_LINK_CRC + 3;
}

size_t frame_pack(const struct frame *frame, uint8_t *out)
{
    uint8_t body[BODY_MAX];
    struct writer w = writer_at(body, sizeof body);
    write_u8(&w, (uint8_t)(frame->version << 6 | (frame->type & 0x3F)));
    write_u8(&w, frame->flags);
    write_u16(&w, frame->source);
    write_u8(&w, frame->seq);
    write_u8(&w, frame->ack);
    write_u16(&w, (uint16_t)frame->payload.size);
    write_bytes(&w, frame->payload);
    write_u16(&w, crc_x25(written(&w)));
    CHECK(w.ok);
    out[0] = 0;
    size_t size = 1 + cobs_encode(written(&w), out + 1);
    out[size++] = 0;
    return size;
}

void frame_reset(struct frame_assembler *a)
{
    a->used = 0;
    a->skipping = false;
}

/* Reads the body in buffer[size], already without stuffing. */
static enum frame_verdict frame_read(const uint8_t *body, size_t size, struct frame *out)
{
    if (size < BB_LINK_HEADER + BB_LINK_CRC)
        return FRAME_BAD_CRC;
    struct reader r = reader_at((struct bytes){body, size});
    struct bytes covered = read_bytes(&r, size - BB_LINK_CRC);
    if (crc_x25(covered) != read_u16(&r))
        return FRAME_BAD_CRC;
    r = reader_at(covered);
    struct frame frame;
    uint8_t first = read_u8(&r);
    frame.version = first >> 6;
    frame.type = first & 0x3F;
    frame.flags = read_u8(&r);
    frame.source = read_u16(&r);
    frame.seq = read_u8(&r);
    frame.ack = read_u8(&r);
    uint16_t length = read_u16(&r);
    frame.payload = r.left;
    if (length != r.left.size || length > BB_LINK_PAYLOAD_MAX)
        return FRAME_BAD_SIZE;
    *out = frame;
    return FRAME_READY;
}

enum frame_verdict frame_push(struct frame_assembler *a, uint8_t byte, struct frame *out)
{
    if (byte != 0) {
        if (a->used == sizeof a->buffer)
            a->skipping = true;
        else
            a->buffer[a->used++] = byte;
        return FRAME_MORE;
    }
    size_t used = a->used;
    bool skipped = a->skipping;
    frame_reset(a);
    if (skipped)
        return FRAME_OVERSIZE;
    if (used == 0) /* a leading zero after a trailing one */
        return FRAME_MORE;
    size_t size;
    if (cobs_decode(a->buffer, used, &size) != BB_OK)
        return FRAME_BAD_COBS;
    return frame_read(a->buffer, size, out);
}
