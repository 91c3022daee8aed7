/* What goes wrong in one direction of a cable, byte by byte, by the dice of its seed: bits flip, bytes drop,
 * and bursts eat whole frames. A frame is what lies between two zeros, the link's delimiters. Bursts follow a
 * chain of two states, stepped once a frame. Pure: which bytes suffer depends on the seed, the settings and
 * the bytes before, never on the timing. Source: Gilbert 1960. */
#ifndef NODE_FW_WIRE_NOISE_H
#define NODE_FW_WIRE_NOISE_H

#include <stdbool.h>
#include <stdint.h>

#define NOISE_SHARE_MAX  500000 /* parts per million of the frames that bursts may eat */
#define NOISE_FRAMES_MAX 1000   /* mean length of a burst */

struct noise {
    uint64_t dice;
    uint32_t flip_ppm, drop_ppm;
    uint32_t enter_ppb, leave_ppb;                   /* a burst begins, ends with the next frame */
    bool inside;                                     /* a frame has begun */
    bool burst;                                      /* it is eaten */
    uint64_t bytes, flipped, dropped, frames, eaten; /* that came, and what became of them */
};

/* No faults. */
void noise_init(struct noise *n, uint64_t seed);

/* Chances from now on, each 0 … 1 000 000 parts per million of the bytes: one bit flipped, or lost. */
void noise_faults(struct noise *n, uint32_t flip_ppm, uint32_t drop_ppm);

/* From now on `share_ppm` (0 … NOISE_SHARE_MAX) of the frames are lost, in bursts of `frames` (1 …
 * NOISE_FRAMES_MAX) on average. */
void noise_bursts(struct noise *n, uint32_t share_ppm, uint32_t frames);

/* One byte goes by, and may change; false when it is lost. */
bool noise_pass(struct noise *n, uint8_t *byte);

/* A random byte by the same dice. */
uint8_t noise_byte(struct noise *n);

#endif
