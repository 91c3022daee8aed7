#include "bus/zmtp/frame.h"

size_t zmtp_header_read(const uint8_t *data, size_t size, struct zmtp_header *out)
{
    if (size == 0)
        return 0;
    out->flags = data[0];
    out->size = (data[0] & ZMTP_LONG) != 0 ? ZMTP_HEADER_MAX : 2;
    if (size < out->size)
        return 0;
    out->body = 0;
    for (size_t i = 1; i < out->size; i++)
        out->body = out->body << 8 | data[i];
    return out->size;
}

bool zmtp_flags_valid(uint8_t flags)
{
    const unsigned known = ZMTP_MORE | ZMTP_LONG | ZMTP_COMMAND;
    return (flags & ~known) == 0 && (flags & (ZMTP_MORE | ZMTP_COMMAND)) != (ZMTP_MORE | ZMTP_COMMAND);
}

size_t zmtp_header_size(size_t body)
{
    return body > ZMTP_SHORT_MAX ? ZMTP_HEADER_MAX : 2;
}

size_t zmtp_header_write(uint8_t *to, uint8_t flags, size_t body)
{
    size_t size = zmtp_header_size(body);
    to[0] = (uint8_t)(flags | (size > 2 ? ZMTP_LONG : 0));
    for (size_t i = size - 1; i > 0; i--) {
        to[i] = (uint8_t)body;
        body >>= 8;
    }
    return size;
}
