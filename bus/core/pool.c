#include "bus/core/pool.h"

#include <busbar/check.h>

#define POOL_SMALLEST 16

static unsigned class_of(size_t size)
{
    unsigned class = 0;
    for (size_t room = POOL_SMALLEST; room < size; room <<= 1)
        class ++;
    return class;
}

void pool_init(struct pool *pool, void *memory, uint32_t capacity)
{
    *pool = (struct pool){.memory = memory, .capacity = capacity};
}

enum status pool_put(struct pool *pool, struct bytes text, uint32_t *handle_out)
{
    if (text.size > POOL_TEXT_MAX)
        return BB_RANGE;
    unsigned class = class_of(text.size);
    uint32_t room = (uint32_t)POOL_SMALLEST << class;
    uint32_t at;
    if (pool->free[class] != 0) {
        at = pool->free[class] - 1;
        memcpy(&pool->free[class], pool->memory + at, sizeof pool->free[class]);
    } else if (pool->capacity - pool->used >= room) {
        at = pool->used;
        pool->used += room;
    } else {
        return BB_FULL;
    }
    if (text.size > 0)
        memcpy(pool->memory + at, text.data, text.size);
    *handle_out = at;
    return BB_OK;
}

struct bytes pool_text(const struct pool *pool, uint32_t handle, size_t size)
{
    CHECK(handle <= pool->used && size <= pool->used - handle);
    return (struct bytes){pool->memory + handle, size};
}

void pool_release(struct pool *pool, uint32_t handle, size_t size)
{
    unsigned class = class_of(size);
    CHECK(class < POOL_CLASSES && handle < pool->used);
    memcpy(pool->memory + handle, &pool->free[class], sizeof pool->free[class]);
    pool->free[class] = handle + 1;
}
