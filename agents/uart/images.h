/* Images that callers hand in piece by piece and boards are sent from: each once, however many boards take
 * it; bounded in number and size, and forgotten when nobody needs them. */
#ifndef AGENTS_UART_IMAGES_H
#define AGENTS_UART_IMAGES_H

#include <busbar/bytes.h>
#include <busbar/reason.h>
#include <busbar/status.h>
#include <stddef.h>
#include <stdint.h>

#define IMAGES_MAX 4
/* Bytes of one piece. */
#define IMAGES_PIECE_MAX (128u * 1024u)
/* An image that nobody has added to or sent from for so long is forgotten. */
#define IMAGES_KEEP_MS 60000

struct image {
    uint8_t *data; /* NULL: no image here */
    uint32_t total, crc32, received;
    int64_t used_ms;
};

struct images {
    struct image list[IMAGES_MAX];
};

/* Takes a piece of the image of `total` bytes with this CRC-32, which is made by its first. Pieces come in
 * order; one that is there already is compared. *out has `received`, to which the caller may go; the image
 * is whole, and its CRC-32 right, when that is its total. BB_RANGE (empty, too large, out of order, beyond
 * the end), BB_MALFORMED (another image's bytes, or a wrong CRC-32: it is forgotten), BB_FULL (too many
 * images), with the reason. */
BB_MUST_CHECK enum status images_take(struct images *images, uint32_t total, uint32_t crc32, uint32_t offset,
                                      struct bytes piece, int64_t now_ms, struct bb_reason *reason,
                                      struct image **out);

/* Keeps an image from being forgotten: it is being sent. */
void images_use(struct image *image, int64_t now_ms);

/* Forgets what nobody needs; with INT64_MAX all. */
void images_forget(struct images *images, int64_t now_ms);

#endif
