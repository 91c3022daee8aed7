/* A pool: which of a fixed number of places are in use. Free ones are kept on a stack, so that the place
 * freed last, still in the cache, is used first. */
#ifndef MARKET_POOL_H
#define MARKET_POOL_H

#include "market/journal.h"

#define POOL_NONE UINT32_MAX

/* Part of the state. */
struct pool_count {
    uint32_t fresh; /* places from here on have never been used */
    uint32_t freed; /* on the stack */
};

struct pool {
    struct journal *journal;
    struct pool_count *count;
    uint32_t *stack; /* [capacity], part of the state */
    uint32_t capacity;
};

/* A place; POOL_NONE when all are in use. */
static inline uint32_t pool_take(struct pool *pool)
{
    struct pool_count *count = pool->count;
    if (count->freed == 0 && count->fresh == pool->capacity)
        return POOL_NONE;
    journal_note(pool->journal, count, sizeof *count);
    return count->freed > 0 ? pool->stack[--count->freed] : count->fresh++;
}

/* Gives a place back. */
static inline void pool_give(struct pool *pool, uint32_t place)
{
    struct pool_count *count = pool->count;
    journal_note(pool->journal, count, sizeof *count);
    journal_note(pool->journal, &pool->stack[count->freed], sizeof *pool->stack);
    pool->stack[count->freed++] = place;
}

#endif
