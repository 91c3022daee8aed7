/* Frames that wait for the wire, back to back, in order. A state that has not left yet is replaced by a newer
 * one; when room is short the oldest datagram goes. A frame whose first byte has left stays whole. */
#ifndef NODE_FW_LINK_OUTBOX_H
#define NODE_FW_LINK_OUTBOX_H

#include <busbar/bytes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OUTBOX_BYTES  4096
#define OUTBOX_FRAMES 64

struct outbox_frame {
    uint16_t size; /* bytes still waiting */
    uint8_t type;
    uint8_t seq; /* of a reliable frame */
    bool reliable;
    bool started; /* its first byte has left */
};

struct outbox {
    struct outbox_frame frames[OUTBOX_FRAMES];
    uint16_t count;
    uint16_t size;
    uint8_t bytes[OUTBOX_BYTES];
};

/* True when a frame of `size` bytes fits now. */
bool outbox_room(const struct outbox *o, size_t size);

/* Appends a frame, which must fit. */
void outbox_put(struct outbox *o, uint8_t type, bool reliable, uint8_t seq, struct bytes frame);

/* Overwrites the waiting datagram of this type and size; false when there is none. */
bool outbox_replace(struct outbox *o, uint8_t type, struct bytes frame);

/* Throws away the oldest datagram that has not started; false when there is none. */
bool outbox_drop(struct outbox *o);

/* True when a reliable frame with this seq still waits, wholly or in part. */
bool outbox_holds(const struct outbox *o, uint8_t seq);

/* Throws everything away but the rest of a frame that has started. */
void outbox_clear(struct outbox *o);

/* Marks up to `count` bytes as sent, at most to the end of the first frame; returns how many. *done_out is
 * that frame, its size 0 when it is complete. */
size_t outbox_sent(struct outbox *o, size_t count, struct outbox_frame *done_out);

#endif
