#include "bus/client/wire.h"

#include <errno.h>
#include <string.h>

void wire_free(struct wire *wire)
{
    for (size_t i = 0; i < wire->count; i++)
        zmq_msg_close(&wire->frames[i]);
    wire->count = 0;
}

/* Reads and forgets the rest of a message that is too long. */
static void drop_rest(void *socket)
{
    zmq_msg_t rest;
    bool more = true;
    while (more) {
        zmq_msg_init(&rest);
        more = zmq_msg_recv(&rest, socket, ZMQ_DONTWAIT) >= 0 && zmq_msg_more(&rest);
        zmq_msg_close(&rest);
    }
}

enum status wire_receive(void *socket, struct wire *out)
{
    out->count = 0;
    for (bool more = true; more;) {
        if (out->count == BB_FRAMES_MAX) {
            drop_rest(socket);
            wire_free(out);
            return BB_FULL;
        }
        zmq_msg_t *frame = &out->frames[out->count];
        zmq_msg_init(frame);
        if (zmq_msg_recv(frame, socket, ZMQ_DONTWAIT) < 0) {
            enum status status = errno == EAGAIN || errno == EINTR ? BB_TIMEOUT : BB_CLOSED;
            zmq_msg_close(frame);
            wire_free(out);
            return status;
        }
        out->count++;
        more = zmq_msg_more(frame);
    }
    return BB_OK;
}

struct bytes wire_frame(const struct wire *wire, size_t i)
{
    if (i >= wire->count)
        return (struct bytes){NULL, 0};
    zmq_msg_t *frame = (zmq_msg_t *)(uintptr_t)&wire->frames[i];
    return (struct bytes){zmq_msg_data(frame), zmq_msg_size(frame)};
}

bool wire_is(struct bytes bytes, const char *text)
{
    return bytes_equal(bytes, bytes_of(text));
}

bool wire_text(struct bytes bytes, char *out, size_t size)
{
    out[0] = '\0';
    if (bytes.size >= size || (bytes.size > 0 && memchr(bytes.data, '\0', bytes.size) != NULL))
        return false;
    if (bytes.size > 0)
        memcpy(out, bytes.data, bytes.size);
    out[bytes.size] = '\0';
    return true;
}

enum status wire_send(void *socket, const struct bytes *frames, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int flags = ZMQ_DONTWAIT | (i + 1 < count ? ZMQ_SNDMORE : 0);
        const void *data = frames[i].size > 0 ? (const void *)frames[i].data : "";
        int sent;
        do
            sent = zmq_send(socket, data, frames[i].size, flags);
        while (sent < 0 && errno == EINTR);
        /* Once the first frame is taken, libzmq takes the others too: a message is whole. */
        if (sent < 0)
            return BB_FULL;
    }
    return BB_OK;
}
