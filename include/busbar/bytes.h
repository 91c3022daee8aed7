/* Byte ranges, and a reader and a writer that never leave them. All integers are little-endian.
 *
 * Both are sticky: after the first read or write that does not fit, every further one is refused too, reads
 * give zero, and `ok` stays false; so a codec reads or writes all its fields and looks once, at the end. */
#ifndef BUSBAR_BYTES_H
#define BUSBAR_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A borrowed range: `size` bytes at `data` (NULL only when size is 0). */
struct bytes {
    const uint8_t *data;
    size_t size;
};

struct reader {
    struct bytes left;
    bool ok;
};

struct writer {
    uint8_t *data;
    size_t capacity;
    size_t size;
    bool ok;
};

/* A range over a NUL-terminated text, without the NUL. */
static inline struct bytes bytes_of(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

/* True when both ranges hold the same bytes. */
static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* A reader at the start of `from`, which it borrows. */
static inline struct reader reader_at(struct bytes from)
{
    return (struct reader){from, true};
}

/* The next `size` bytes, borrowed; an empty range and `ok` false when fewer are left. */
static inline struct bytes read_bytes(struct reader *r, size_t size)
{
    if (!r->ok || r->left.size < size) {
        r->ok = false;
        return (struct bytes){NULL, 0};
    }
    struct bytes taken = {r->left.data, size};
    r->left.data += size;
    r->left.size -= size;
    return taken;
}

/* The next `size` ≤ 8 bytes as an unsigned little-endian integer; 0 when they are not there. */
static inline uint64_t read_uint(struct reader *r, size_t size)
{
    struct bytes b = read_bytes(r, size);
    uint64_t value = 0;
    for (size_t i = b.size; i > 0; i--)
        value = value << 8 | b.data[i - 1];
    return value;
}

static inline uint8_t read_u8(struct reader *r)
{
    return (uint8_t)read_uint(r, 1);
}
static inline uint16_t read_u16(struct reader *r)
{
    return (uint16_t)read_uint(r, 2);
}
static inline uint32_t read_u32(struct reader *r)
{
    return (uint32_t)read_uint(r, 4);
}
static inline uint64_t read_u64(struct reader *r)
{
    return read_uint(r, 8);
}

/* A writer at the start of `capacity` bytes at `data`, which it borrows. */
static inline struct writer writer_at(uint8_t *data, size_t capacity)
{
    return (struct writer){data, capacity, 0, true};
}

/* Appends a range; nothing is written when it does not fit. */
static inline void write_bytes(struct writer *w, struct bytes b)
{
    if (!w->ok || w->capacity - w->size < b.size) {
        w->ok = false;
        return;
    }
    if (b.size > 0)
        memcpy(w->data + w->size, b.data, b.size);
    w->size += b.size;
}

/* Appends the low `size` ≤ 8 bytes of `value`, little-endian. */
static inline void write_uint(struct writer *w, uint64_t value, size_t size)
{
    uint8_t buffer[8];
    for (size_t i = 0; i < size; i++)
        buffer[i] = (uint8_t)(value >> (8 * i));
    write_bytes(w, (struct bytes){buffer, size});
}

static inline void write_u8(struct writer *w, uint8_t value)
{
    write_uint(w, value, 1);
}
static inline void write_u16(struct writer *w, uint16_t value)
{
    write_uint(w, value, 2);
}
static inline void write_u32(struct writer *w, uint32_t value)
{
    write_uint(w, value, 4);
}
static inline void write_u64(struct writer *w, uint64_t value)
{
    write_uint(w, value, 8);
}

/* What has been written so far, borrowed from the writer's buffer. */
static inline struct bytes written(const struct writer *w)
{
    return (struct bytes){w->data, w->size};
}

#endif
