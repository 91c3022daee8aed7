/* Messages of many frames on a ZeroMQ socket: whole or not at all. Source: VOLTTRON VIP1; ZeroMQ RFC 23. */
#ifndef BUS_CLIENT_WIRE_H
#define BUS_CLIENT_WIRE_H

#include <busbar/bytes.h>
#include <busbar/limits.h>
#include <busbar/status.h>
#include <stdbool.h>
#include <zmq.h>

/* A received message; free it with wire_free. */
struct wire {
    zmq_msg_t frames[BB_FRAMES_MAX];
    size_t count;
};

/* Takes the next message, without waiting. BB_TIMEOUT: there is none; BB_FULL: it had more than BB_FRAMES_MAX
 * frames and was dropped; BB_CLOSED: the socket's context ends. Nothing to free unless BB_OK. */
BB_MUST_CHECK enum status wire_receive(void *socket, struct wire *out);

/* Frees what it holds. */
void wire_free(struct wire *wire);

/* Frame `i`, borrowed; empty when there are not so many. */
struct bytes wire_frame(const struct wire *wire, size_t i);

/* True when the bytes are exactly `text`. */
bool wire_is(struct bytes bytes, const char *text);

/* Copies into out[size] as a text. False, with out empty, when it does not fit or has a NUL in it. */
bool wire_text(struct bytes bytes, char *out, size_t size);

/* Sends `count` frames as one message, without waiting. BB_FULL: the queue is full or nobody is connected. */
BB_MUST_CHECK enum status wire_send(void *socket, const struct bytes *frames, size_t count);

#endif
