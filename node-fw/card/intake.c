#include "node-fw/card/intake.h"

#include "node-fw/link/crc.h"

/* What a piece came to, before it is told. */
struct outcome {
    enum intake_verdict verdict;
    uint8_t code;
    const char *why;
};

static struct outcome refused(uint8_t code, const char *why)
{
    return (struct outcome){INTAKE_REFUSED, code, why};
}

static struct outcome unwritable(void)
{
    return refused(LINK_REFUSE_NOT_NOW, "FIRMWARE: the card cannot be read or written");
}

void intake_init(struct intake *in, struct card *card, const struct image_mark *mark)
{
    *in = (struct intake){.card = card, .mark = mark, .received = card->images.intake.received};
}

/* Forgets the transfer. */
static struct outcome drop(struct intake *in, struct outcome why)
{
    struct images images = in->card->images;
    images.intake = (struct image_intake){0};
    in->received = 0;
    return card_save_images(in->card, &images) == BB_OK ? why : unwritable();
}

/* -- the first piece -- */

static struct outcome begin(struct intake *in, const struct link_firmware *piece, enum image running)
{
    struct images images = in->card->images;
    enum image idle = images_idle(&images, running);
    const char *fault = image_file_fault(piece->data);
    if (fault)
        return refused(LINK_REFUSE_RANGE, fault);
    /* The slot is said to be empty before its first byte goes. */
    *images_own(&images, idle) = (struct image_slot){0};
    images.rolled_back = false;
    images.intake = (struct image_intake){.image = idle, .total = piece->total, .crc32 = piece->crc32};
    if (card_save_images(in->card, &images) != BB_OK)
        return unwritable();
    in->received = 0;
    return (struct outcome){.verdict = INTAKE_TAKEN};
}

/* -- the last piece -- */

#define PART 4096u

struct survey {
    uint32_t crc32, version;
    const char *fault;
};

/* Reads the whole image back from the card. */
static enum status survey(const struct intake *in, struct survey *out)
{
    const struct image_intake *whole = &in->card->images.intake;
    struct survey found = {0};
    uint8_t buffer[IMAGE_MARK_BYTES + PART];
    memset(buffer, 0, IMAGE_MARK_BYTES);
    for (uint32_t at = 0; at < whole->total;) {
        uint32_t size = whole->total - at < PART ? whole->total - at : PART;
        uint8_t *part = buffer + IMAGE_MARK_BYTES;
        enum status status = card_read_slot(in->card, whole->image, at, part, size);
        if (status != BB_OK)
            return status;
        if (at == 0)
            found.fault = image_file_fault((struct bytes){part, size});
        found.crc32 = crc_32(found.crc32, (struct bytes){part, size});
        if (found.version == 0)
            found.version =
                image_file_version((struct bytes){buffer, IMAGE_MARK_BYTES + (size_t)size}, in->mark);
        memmove(buffer, buffer + size, IMAGE_MARK_BYTES);
        at += size;
    }
    *out = found;
    return BB_OK;
}

static struct outcome complete(struct intake *in)
{
    struct images images = in->card->images;
    const struct image_intake *whole = &images.intake;
    struct survey found;
    if (survey(in, &found) != BB_OK)
        return unwritable();
    if (found.crc32 != whole->crc32)
        return drop(in,
                    refused(LINK_REFUSE_RANGE, "FIRMWARE: the CRC-32 of what has arrived is another one"));
    if (found.fault)
        return drop(in, refused(LINK_REFUSE_RANGE, found.fault));
    if (found.version == 0)
        return drop(in, refused(LINK_REFUSE_RANGE, "FIRMWARE: it is no image of busbar-node"));
    *images_own(&images, whole->image) =
        (struct image_slot){.size = whole->total, .crc32 = whole->crc32, .version = found.version};
    images.trial = whole->image;
    images.tries = 0;
    images.intake = (struct image_intake){0};
    if (card_save_images(in->card, &images) != BB_OK)
        return unwritable();
    in->received = 0;
    return (struct outcome){.verdict = INTAKE_COMPLETE};
}

/* -- every piece -- */

static struct outcome append(struct intake *in, const struct link_firmware *piece)
{
    struct images images = in->card->images;
    struct image_intake *whole = &images.intake;
    if (card_write_slot(in->card, whole->image, in->received, piece->data) != BB_OK)
        return unwritable();
    in->received += (uint32_t)piece->data.size;
    bool last = in->received == whole->total;
    if (!last && in->received - whole->received < INTAKE_STEP)
        return (struct outcome){.verdict = INTAKE_TAKEN};
    struct outcome outcome = {.verdict = INTAKE_STEPPED};
    enum status status = card_sync(in->card);
    if (status == BB_OK && last)
        return complete(in);
    uint32_t sure = whole->received;
    whole->received = in->received;
    if (status == BB_OK)
        status = card_save_images(in->card, &images);
    if (status == BB_OK)
        return outcome;
    in->received = sure; /* from there it can go on, should the card come to itself */
    return unwritable();
}

static struct outcome take(struct intake *in, const struct link_firmware *piece, enum image running)
{
    const struct image_intake *whole = &in->card->images.intake;
    if (piece->total > IMAGE_MAX)
        return refused(LINK_REFUSE_RANGE, "FIRMWARE: the image is larger than a slot, 1048576 bytes");
    if (piece->data.size == 0 || piece->offset > piece->total ||
        piece->data.size > piece->total - piece->offset)
        return refused(LINK_REFUSE_RANGE, "FIRMWARE: a piece lies outside its image, or is empty");
    if (images_idle(&in->card->images, running) == IMAGE_NONE)
        return refused(LINK_REFUSE_NOT_NOW, "FIRMWARE: an image is on trial");
    if (piece->offset == 0) {
        struct outcome begun = begin(in, piece, running);
        if (begun.verdict == INTAKE_REFUSED)
            return begun;
    }
    bool same = whole->image != IMAGE_BUILTIN && piece->total == whole->total && piece->crc32 == whole->crc32;
    if (!same || piece->offset != in->received)
        return (struct outcome){.verdict = INTAKE_MISPLACED};
    return append(in, piece);
}

enum intake_verdict intake_take(struct intake *in, const struct link_firmware *piece, enum image running,
                                uint8_t *code_out, const char **why_out)
{
    struct outcome outcome = take(in, piece, running);
    if (outcome.verdict == INTAKE_REFUSED) {
        *code_out = outcome.code;
        *why_out = outcome.why;
    }
    return outcome.verdict;
}
