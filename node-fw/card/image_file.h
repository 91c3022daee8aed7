/* What an image of the firmware must be: an ELF program for the processor that this one was built for, with
 * busbar-node's mark in it, which says its version. Pure. Source: System V ABI, Executable and Linking
 * Format. */
#ifndef NODE_FW_CARD_IMAGE_FILE_H
#define NODE_FW_CARD_IMAGE_FILE_H

#include <busbar/bytes.h>
#include <stdbool.h>
#include <stdint.h>

#define IMAGE_HEADER     20 /* bytes that image_file_fault wants */
#define IMAGE_MARK_BYTES 24 /* of a mark in a file */

/* The mark of an image: one lies in every busbar-node, at a multiple of 4. */
struct image_mark {
    char word[20];
    uint32_t version; /* as HELLO.firmware; not 0 */
};

/* The letters are apart, so that they stand together in marks only. */
#define IMAGE_MARK(v)                                                                                        \
    {                                                                                                        \
        {                                                                                                    \
            'b', 'u', 's', 'b', 'a', 'r', '-', 'n', 'o', 'd',                                                \
            'e', ' ', 'f', 'i', 'r', 'm', 'w', 'a', 'r', 'e'},                                               \
            v                                                                                                \
    }

/* Why a file that begins with `head` (at least IMAGE_HEADER bytes, else it is too short) cannot be an image,
 * as a sentence; NULL when it can. */
const char *image_file_fault(struct bytes head);

/* Looks for a mark in a part of an image that begins at a multiple of 4 of it; 0 when there is none. Parts
 * must overlap by IMAGE_MARK_BYTES. */
uint32_t image_file_version(struct bytes part, const struct image_mark *own);

#endif
