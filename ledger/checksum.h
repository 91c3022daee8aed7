/* Sixty-four bits beside what the database keeps: they tell a damaged file from a sound one at the speed of
 * memory. Every step is a bijection of the sum and of the word, so that a single changed byte is always
 * noticed. Against people who change a file on purpose the chain has its hashes; this is no defence. */
#ifndef LEDGER_CHECKSUM_H
#define LEDGER_CHECKSUM_H

#include <busbar/bytes.h>

/* The sum of `bytes` under `seed` (the place where they belong, so that a swap is noticed too). */
static inline uint64_t checksum(uint64_t seed, struct bytes bytes)
{
    uint64_t sum = (seed ^ bytes.size) * UINT64_C(0x9e3779b97f4a7c15) + 1;
    struct reader reader = reader_at(bytes);
    while (reader.left.size > 0) {
        uint64_t word = read_uint(&reader, reader.left.size < 8 ? reader.left.size : 8);
        sum = (sum ^ word) * UINT64_C(0xd6e8feb86659fd93);
        sum ^= sum >> 32;
    }
    return sum;
}

#endif
