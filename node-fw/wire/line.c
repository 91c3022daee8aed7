#include "node-fw/wire/line.h"

#include <busbar/check.h>

/* Random bytes that are put on a babbling line at a time. */
#define BABBLE 32

void line_init(struct line *l, uint32_t baud, uint64_t seed)
{
    *l = (struct line){.byte_ns = (uint32_t)(10000000000u / baud)};
    noise_init(&l->noise, seed);
    noise_init(&l->babble, ~seed);
}

size_t line_room(const struct line *l)
{
    return LINE_BYTES - (l->tail - l->head);
}

void line_push(struct line *l, struct bytes in, int64_t now_ns)
{
    CHECK(in.size <= line_room(l));
    if (l->head == l->tail && l->free_ns < now_ns)
        l->free_ns = now_ns;
    for (size_t i = 0; i < in.size; i++)
        l->bytes[l->tail++ % LINE_BYTES] = in.data[i];
    l->free_ns += (int64_t)in.size * l->byte_ns;
}

/* When the first byte on its way arrives. */
static int64_t first_ns(const struct line *l)
{
    return l->free_ns - (int64_t)(l->tail - l->head - 1) * l->byte_ns;
}

static void burn(struct line *l, uint8_t byte)
{
    if (byte == 0)
        l->fuse_left = l->fuse;
    else if (l->fuse_left > 0 && --l->fuse_left == 0)
        l->blown = true;
}

static void babble(struct line *l, int64_t now_ns)
{
    uint8_t bytes[BABBLE];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = noise_byte(&l->babble);
    line_push(l, (struct bytes){bytes, sizeof bytes}, now_ns);
}

size_t line_take(struct line *l, int64_t now_ns, uint8_t *out, size_t capacity)
{
    size_t size = 0;
    while (l->head != l->tail && size < capacity && !l->blown && first_ns(l) <= now_ns) {
        uint8_t byte = l->bytes[l->head++ % LINE_BYTES];
        if (!noise_pass(&l->noise, &byte) || l->dead)
            continue;
        out[size++] = byte;
        burn(l, byte);
    }
    if (l->babbling && l->head == l->tail)
        babble(l, now_ns);
    return size;
}

bool line_due(const struct line *l, uint32_t batch, int64_t *due_ns_out)
{
    if (l->head == l->tail)
        return false;
    int64_t batch_ns = first_ns(l) + (int64_t)(batch - 1) * l->byte_ns;
    *due_ns_out = batch_ns < l->free_ns ? batch_ns : l->free_ns;
    return true;
}

void line_cut(struct line *l)
{
    l->head = l->tail;
    l->fuse = l->fuse_left = 0;
    l->blown = false;
}

void line_babble(struct line *l, bool on, int64_t now_ns)
{
    l->babbling = on;
    if (on && l->head == l->tail)
        babble(l, now_ns);
}

void line_light(struct line *l, uint32_t bytes)
{
    l->fuse = bytes;
    l->fuse_left = 0;
}

bool line_blown(const struct line *l)
{
    return l->blown;
}
