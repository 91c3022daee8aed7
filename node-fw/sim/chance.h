/* Chance from a seed: splitmix64. The same seed gives the same numbers on every machine and with every
 * compiler. Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
#ifndef NODE_FW_SIM_CHANCE_H
#define NODE_FW_SIM_CHANCE_H

#include <stdbool.h>
#include <stdint.h>

struct chance {
    uint64_t state; /* start it with the seed */
};

/* The next 64 bits. */
static inline uint64_t chance_next(struct chance *c)
{
    uint64_t z = c->state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* A whole number from `low` to `high`, both included; low ≤ high. */
static inline int64_t chance_between(struct chance *c, int64_t low, int64_t high)
{
    return low + (int64_t)(chance_next(c) % ((uint64_t)(high - low) + 1));
}

/* A number from 0 (included) to 1 (excluded). */
static inline double chance_unit(struct chance *c)
{
    return (double)(chance_next(c) >> 11) / 9007199254740992.0;
}

/* True with probability `p`. A certain answer (p ≤ 0) draws nothing. */
static inline bool chance_is(struct chance *c, double p)
{
    return p > 0 && chance_unit(c) < p;
}

#endif
