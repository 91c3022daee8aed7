/* One direction of a cable: bytes leave in order, one every 10 bit times, and suffer what its noise says.
 * Pure: time and bytes in, bytes out; which bytes suffer depends on the seed and their number only, not on
 * the timing. A babbling line fills its idle time with random bytes. */
#ifndef NODE_FW_WIRE_LINE_H
#define NODE_FW_WIRE_LINE_H

#include "node-fw/wire/noise.h"

#include <busbar/bytes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_BYTES 4096 /* on their way; a power of 2 */

struct line {
    struct noise noise;
    struct noise babble; /* dice of its own, so that it does not change what the others get */
    bool babbling, dead;
    uint32_t byte_ns;    /* 10 bits: start, 8, stop */
    int64_t free_ns;     /* when the last byte on its way has left */
    uint32_t head, tail; /* bytes[head … tail) modulo LINE_BYTES */
    uint8_t bytes[LINE_BYTES];
    uint32_t fuse, fuse_left; /* bytes of a frame; of this one until it blows. 0: none */
    bool blown;
};

/* An empty line of `baud` bits a second, 300 … 10 000 000, without faults. */
void line_init(struct line *l, uint32_t baud, uint64_t seed);

/* How many bytes line_push will take. */
size_t line_room(const struct line *l);

/* Takes bytes at `now_ns`; they must fit. */
void line_push(struct line *l, struct bytes in, int64_t now_ns);

/* The bytes that have arrived by `now_ns`, at most `capacity`, into out; returns how many, 0 also when all of
 * them were lost. A dead line loses them all. A line with a blown fuse gives no more. */
size_t line_take(struct line *l, int64_t now_ns, uint8_t *out, size_t capacity);

/* When all bytes on their way will have arrived, or the first `batch` of them if that is earlier; false when
 * there are none. */
bool line_due(const struct line *l, uint32_t batch, int64_t *due_ns_out);

/* Loses what is on its way, and a fuse. */
void line_cut(struct line *l);

/* Random bytes fill the idle time from now on, or no more. */
void line_babble(struct line *l, bool on, int64_t now_ns);

/* Blows when `bytes` ≥ 1 of the next frame that is longer have come through: in the middle of it. */
void line_light(struct line *l, uint32_t bytes);
bool line_blown(const struct line *l);

#endif
