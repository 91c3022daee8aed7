/* Numbers of 128 bits, for order and for hashes. Where the compiler has such integers they are those; 32-bit
 * processors get a pair. Only what is declared here is done with them. */
#ifndef BUSBAR_WIDE_H
#define BUSBAR_WIDE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __SIZEOF_INT128__

__extension__ typedef unsigned __int128 bb_wide;

/* The number high × 2^64 + low. */
static inline bb_wide bb_wide_of(uint64_t high, uint64_t low)
{
    return (bb_wide)high << 64 | low;
}

/* Its lower and its upper half. */
static inline uint64_t bb_wide_low(bb_wide number)
{
    return (uint64_t)number;
}
static inline uint64_t bb_wide_high(bb_wide number)
{
    return (uint64_t)(number >> 64);
}

/* a < b, and a == b. */
static inline bool bb_wide_below(bb_wide a, bb_wide b)
{
    return a < b;
}
static inline bool bb_wide_same(bb_wide a, bb_wide b)
{
    return a == b;
}

/* a × b, whole. */
static inline bb_wide bb_wide_product(uint64_t a, uint64_t b)
{
    return (bb_wide)a * b;
}

#else

typedef struct {
    uint64_t low, high;
} bb_wide;

static inline bb_wide bb_wide_of(uint64_t high, uint64_t low)
{
    return (bb_wide){low, high};
}

static inline uint64_t bb_wide_low(bb_wide number)
{
    return number.low;
}
static inline uint64_t bb_wide_high(bb_wide number)
{
    return number.high;
}

static inline bool bb_wide_below(bb_wide a, bb_wide b)
{
    return a.high < b.high || (a.high == b.high && a.low < b.low);
}
static inline bool bb_wide_same(bb_wide a, bb_wide b)
{
    return a.high == b.high && a.low == b.low;
}

static inline bb_wide bb_wide_product(uint64_t a, uint64_t b)
{
    uint64_t a0 = (uint32_t)a, a1 = a >> 32, b0 = (uint32_t)b, b1 = b >> 32;
    uint64_t low = a0 * b0, left = a1 * b0, right = a0 * b1;
    uint64_t middle = (low >> 32) + (uint32_t)left + (uint32_t)right;
    return (bb_wide){middle << 32 | (uint32_t)low, a1 * b1 + (left >> 32) + (right >> 32) + (middle >> 32)};
}

#endif

/* The halves of a × b, one upon the other: a step of a hash. */
static inline uint64_t bb_wide_fold(uint64_t a, uint64_t b)
{
    bb_wide product = bb_wide_product(a, b);
    return bb_wide_low(product) ^ bb_wide_high(product);
}

#endif
