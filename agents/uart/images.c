#include "agents/uart/images.h"

#include "agents/uart/transfer.h"
#include "node-fw/link/crc.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void forget(struct image *image)
{
    free(image->data);
    *image = (struct image){0};
}

void images_forget(struct images *images, int64_t now_ms)
{
    for (size_t i = 0; i < IMAGES_MAX; i++)
        if (images->list[i].data != NULL && now_ms - images->list[i].used_ms >= IMAGES_KEEP_MS)
            forget(&images->list[i]);
}

void images_use(struct image *image, int64_t now_ms)
{
    image->used_ms = now_ms;
}

static struct image *find(struct images *images, uint32_t total, uint32_t crc32)
{
    for (size_t i = 0; i < IMAGES_MAX; i++) {
        struct image *image = &images->list[i];
        if (image->data != NULL && image->total == total && image->crc32 == crc32)
            return image;
    }
    return NULL;
}

static struct image *make(struct images *images, uint32_t total, uint32_t crc32)
{
    for (size_t i = 0; i < IMAGES_MAX; i++) {
        struct image *image = &images->list[i];
        if (image->data != NULL)
            continue;
        *image = (struct image){.data = malloc(total), .total = total, .crc32 = crc32};
        CHECK(image->data != NULL);
        return image;
    }
    return NULL;
}

static enum status check_piece(uint32_t total, uint32_t offset, struct bytes piece, struct bb_reason *reason)
{
    if (total == 0 || total > TRANSFER_IMAGE_MAX) {
        bb_reason_say(reason, "\"total\": an image has 1 to %u bytes, not %" PRIu32, TRANSFER_IMAGE_MAX,
                      total);
        return BB_RANGE;
    }
    if (piece.size == 0 || piece.size > IMAGES_PIECE_MAX) {
        bb_reason_say(reason, "\"data\": a piece has 1 to %u bytes, not %zu", IMAGES_PIECE_MAX, piece.size);
        return BB_RANGE;
    }
    if (offset > total || piece.size > total - offset) {
        bb_reason_say(reason, "\"offset\": %zu bytes at %" PRIu32 " go beyond the image's %" PRIu32,
                      piece.size, offset, total);
        return BB_RANGE;
    }
    return BB_OK;
}

/* Appends, or compares what is there already. */
static enum status put(struct image *image, uint32_t offset, struct bytes piece, struct bb_reason *reason)
{
    if (offset > image->received) {
        bb_reason_say(reason, "\"offset\": %" PRIu32 " is out of order, %" PRIu32 " comes next", offset,
                      image->received);
        return BB_RANGE;
    }
    size_t known = image->received - offset < piece.size ? image->received - offset : piece.size;
    if (memcmp(image->data + offset, piece.data, known) != 0) {
        bb_reason_say(reason,
                      "\"data\": not the bytes that came before for an image of this size and CRC-32");
        return BB_MALFORMED;
    }
    memcpy(image->data + offset + known, piece.data + known, piece.size - known);
    image->received += (uint32_t)(piece.size - known);
    return BB_OK;
}

enum status images_take(struct images *images, uint32_t total, uint32_t crc32, uint32_t offset,
                        struct bytes piece, int64_t now_ms, struct bb_reason *reason, struct image **out)
{
    enum status status = check_piece(total, offset, piece, reason);
    if (status != BB_OK)
        return status;
    images_forget(images, now_ms);
    struct image *image = find(images, total, crc32);
    bool whole = image != NULL && image->received == total;
    if (image == NULL && offset > 0) {
        bb_reason_say(reason, "\"offset\": the image begins at 0 (one that nobody adds to is kept for %d s)",
                      IMAGES_KEEP_MS / 1000);
        return BB_RANGE;
    }
    if (image == NULL)
        image = make(images, total, crc32);
    if (image == NULL) {
        bb_reason_say(reason, "%d other images are on their way; try again later", IMAGES_MAX);
        return BB_FULL;
    }
    status = put(image, offset, piece, reason);
    if (status == BB_OK && image->received == total && !whole) {
        uint32_t is = crc_32(0, (struct bytes){image->data, total});
        if (is != crc32) {
            bb_reason_say(reason, "the image's CRC-32 is %08" PRIx32 ", not %08" PRIx32, is, crc32);
            status = BB_MALFORMED;
        }
    }
    /* Of bytes that are not what was announced nothing is kept, unless a board is being sent from them. */
    if (status == BB_MALFORMED && !whole)
        forget(image);
    if (status != BB_OK)
        return status;
    image->used_ms = now_ms;
    *out = image;
    return BB_OK;
}
