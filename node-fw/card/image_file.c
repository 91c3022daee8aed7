#include "node-fw/card/image_file.h"

#include <string.h>

_Static_assert(sizeof(struct image_mark) == IMAGE_MARK_BYTES, "a mark has no gaps");

#if defined(__x86_64__)
#define MACHINE 62
#elif defined(__aarch64__)
#define MACHINE 183
#elif defined(__arm__)
#define MACHINE 40
#elif defined(__riscv)
#define MACHINE 243
#else
#error "the number of this processor in an ELF header is needed here"
#endif

const char *image_file_fault(struct bytes head)
{
    if (head.size < IMAGE_HEADER || memcmp(head.data,
                                           "\x7f"
                                           "ELF",
                                           4) != 0)
        return "FIRMWARE: it is no ELF program";
    uint8_t width = sizeof(void *) == 8 ? 2 : 1;
    uint16_t type = (uint16_t)(head.data[16] | head.data[17] << 8);
    uint16_t machine = (uint16_t)(head.data[18] | head.data[19] << 8);
    if (head.data[4] != width || head.data[5] != 1 || machine != MACHINE)
        return "FIRMWARE: it is a program for another processor";
    if (type != 2 && type != 3)
        return "FIRMWARE: it is an ELF file, but no program";
    return NULL;
}

uint32_t image_file_version(struct bytes part, const struct image_mark *own)
{
    for (size_t at = 0; at + IMAGE_MARK_BYTES <= part.size; at += 4) {
        if (memcmp(part.data + at, own->word, sizeof own->word) != 0)
            continue;
        struct reader r = reader_at((struct bytes){part.data + at + sizeof own->word, sizeof own->version});
        uint32_t version = read_u32(&r);
        if (version != 0)
            return version;
    }
    return 0;
}
