/* One seed, one run: printed at the start, taken from the command line or from BUSBAR_SEED. */
#ifndef TESTS_LINK_SEED_H
#define TESTS_LINK_SEED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* The seed of this run, printed with the program's name. */
static inline uint64_t seed_of(int argc, char **argv)
{
    const char *text = argc > 1 ? argv[1] : getenv("BUSBAR_SEED");
    uint64_t seed = text ? strtoull(text, NULL, 10) : 1;
    printf("%s: seed %llu\n", argv[0], (unsigned long long)seed);
    return seed;
}

/* The next pseudo-random number. Source: Steele, Lea, Flood 2014 (SplitMix64). */
static inline uint64_t seed_next(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* A number below `bound`. */
static inline uint32_t seed_below(uint64_t *state, uint32_t bound)
{
    return (uint32_t)(seed_next(state) % bound);
}

#endif
