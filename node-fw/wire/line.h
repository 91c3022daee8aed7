/* One direction of a cable: bytes leave in order, one every 10 bit times, some damaged or lost by the dice of
 * its seed. Pure: time and bytes in, bytes out; which bytes suffer depends on the seed and their number only,
 * not on the timing. */
#ifndef NODE_FW_WIRE_LINE_H
#define NODE_FW_WIRE_LINE_H

#include <busbar/bytes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_BYTES 4096 /* on their way; a power of 2 */

struct line {
    uint64_t dice;
    uint32_t flip_ppm, drop_ppm; /* chance for each byte: one bit flipped, or lost */
    uint32_t byte_ns;            /* 10 bits: start, 8, stop */
    int64_t free_ns;             /* when the last byte on its way has left */
    uint32_t head, tail;         /* bytes[head … tail) modulo LINE_BYTES */
    uint8_t bytes[LINE_BYTES];
    uint64_t flipped, dropped;
};

/* An empty line of `baud` bits a second, 300 … 10 000 000, without faults. */
void line_init(struct line *l, uint32_t baud, uint64_t seed);

/* Chances from now on, each 0 … 1 000 000 parts per million of the bytes. */
void line_faults(struct line *l, uint32_t flip_ppm, uint32_t drop_ppm);

/* How many bytes line_push will take. */
size_t line_room(const struct line *l);

/* Takes bytes at `now_ns`; they must fit. */
void line_push(struct line *l, struct bytes in, int64_t now_ns);

/* The bytes that have arrived by `now_ns`, at most `capacity`, into out; returns how many, 0 also when all of
 * them were lost. */
size_t line_take(struct line *l, int64_t now_ns, uint8_t *out, size_t capacity);

/* When all bytes on their way will have arrived, or the first `batch` of them if that is earlier; false when
 * there are none. */
bool line_due(const struct line *l, uint32_t batch, int64_t *due_ns_out);

/* Loses what is on its way. */
void line_cut(struct line *l);

/* A random byte by the same dice. */
uint8_t line_dice_byte(struct line *l);

#endif
