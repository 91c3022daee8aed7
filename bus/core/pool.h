/* Texts of up to POOL_TEXT_MAX bytes in one block of the caller's memory: size classes with free lists, so
 * that taking and giving back are constant time and memory that was never needed is never touched. */
#ifndef BUS_CORE_POOL_H
#define BUS_CORE_POOL_H

#include <busbar/bytes.h>
#include <busbar/status.h>

#define POOL_TEXT_MAX 1024
/* 16, 32, … 1024 bytes. */
#define POOL_CLASSES 7

struct pool {
    uint8_t *memory;
    uint32_t capacity;
    uint32_t used;
    uint32_t free[POOL_CLASSES]; /* offset + 1 of the first free block of the class; 0: none */
};

/* A pool over `capacity` bytes at `memory`, borrowed for its life; it may begin anywhere. */
void pool_init(struct pool *pool, void *memory, uint32_t capacity);

/* Stores a copy of `text`; *handle_out finds it again. BB_RANGE: longer than POOL_TEXT_MAX. BB_FULL. */
BB_MUST_CHECK enum status pool_put(struct pool *pool, struct bytes text, uint32_t *handle_out);

/* The `size` bytes stored under `handle`, borrowed until pool_release. */
struct bytes pool_text(const struct pool *pool, uint32_t handle, size_t size);

/* Gives back the text of `size` bytes under `handle`. */
void pool_release(struct pool *pool, uint32_t handle, size_t size);

#endif
