/* Images that are none but for their headers and marks: enough for a card, which starts nothing. */
#ifndef TESTS_CARD_PROGRAM_H
#define TESTS_CARD_PROGRAM_H

#include "node-fw/card/image_file.h"
#include "node-fw/card/images.h"
#include "node-fw/link/crc.h"
#include "node-fw/link/message.h"
#include "tests/link/seed.h"

#include <string.h>

#define PROGRAM_PIECE 228 /* bytes of data that fit a FIRMWARE */

struct program {
    uint32_t size, crc32;
    uint8_t bytes[IMAGE_MAX];
};

static const struct image_mark program_own = IMAGE_MARK(1);

/* A header that image_file_fault takes: this test's own program has one. */
static inline void program_head(uint8_t *bytes)
{
    FILE *self = fopen("/proc/self/exe", "r");
    if (!self || fread(bytes, 1, IMAGE_HEADER, self) != IMAGE_HEADER)
        abort();
    fclose(self);
}

/* An image of `size` bytes with a version; 0: without a mark. */
static inline void program_make(struct program *p, uint32_t size, uint32_t version, uint64_t *seed)
{
    struct image_mark mark = program_own;
    mark.version = version;
    p->size = size;
    for (uint32_t i = 0; i < size; i++)
        p->bytes[i] = (uint8_t)seed_next(seed);
    program_head(p->bytes);
    uint32_t at = (32 + seed_below(seed, size - 32 - sizeof mark)) & ~3u;
    if (version != 0)
        memcpy(p->bytes + at, &mark, sizeof mark);
    p->crc32 = crc_32(0, (struct bytes){p->bytes, size});
}

/* The piece at `offset`. */
static inline struct link_firmware program_piece(const struct program *p, uint32_t offset)
{
    uint32_t size = p->size - offset < PROGRAM_PIECE ? p->size - offset : PROGRAM_PIECE;
    return (struct link_firmware){p->size, offset, p->crc32, {p->bytes + offset, size}};
}

#endif
