#include "node-fw/wire/line.h"

#include <busbar/check.h>

/* Source: Steele, Lea, Flood 2014 (SplitMix64). */
static uint64_t roll(struct line *l)
{
    uint64_t z = l->dice += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static bool chance(struct line *l, uint32_t ppm)
{
    return roll(l) % 1000000 < ppm;
}

void line_init(struct line *l, uint32_t baud, uint64_t seed)
{
    *l = (struct line){.dice = seed, .byte_ns = (uint32_t)(10000000000u / baud)};
}

void line_faults(struct line *l, uint32_t flip_ppm, uint32_t drop_ppm)
{
    l->flip_ppm = flip_ppm;
    l->drop_ppm = drop_ppm;
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

size_t line_take(struct line *l, int64_t now_ns, uint8_t *out, size_t capacity)
{
    size_t size = 0;
    while (l->head != l->tail && size < capacity && first_ns(l) <= now_ns) {
        uint8_t byte = l->bytes[l->head++ % LINE_BYTES];
        if (chance(l, l->drop_ppm)) {
            l->dropped++;
            continue;
        }
        if (chance(l, l->flip_ppm)) {
            byte ^= (uint8_t)(1u << (roll(l) & 7));
            l->flipped++;
        }
        out[size++] = byte;
    }
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
}

uint8_t line_dice_byte(struct line *l)
{
    return (uint8_t)(roll(l) >> 56);
}
