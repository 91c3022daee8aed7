/* A card area that holds anything: raw sectors, or records whose checks are right and whose content is not.
 * What is found is always a state that can be started, changed, written and read back. */
#include "node-fw/card/intake.h"
#include "node-fw/card/settings_intake.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t area[CARD_SIZE];
static const struct image_mark own = IMAGE_MARK(1);

static enum status area_read(void *context, uint32_t offset, uint8_t *buffer, size_t size)
{
    (void)context;
    if (offset > CARD_SIZE || size > CARD_SIZE - offset)
        abort();
    memcpy(buffer, area + offset, size);
    return BB_OK;
}

static enum status area_write(void *context, uint32_t offset, struct bytes bytes)
{
    (void)context;
    if (offset > CARD_SIZE || bytes.size > CARD_SIZE - offset)
        abort();
    memcpy(area + offset, bytes.data, bytes.size);
    return BB_OK;
}

static enum status area_sync(void *context)
{
    (void)context;
    return BB_OK;
}

static const struct card_device device = {NULL, area_read, area_write, area_sync};

/* The next byte of the input, 0 when it is used up. */
static uint8_t take(struct bytes *in)
{
    if (in->size == 0)
        return 0;
    in->size--;
    return *in->data++;
}

static struct bytes take_part(struct bytes *in, size_t most)
{
    struct bytes part = {in->data, take(in) % (most + 1)};
    part.data = in->data;
    if (part.size > in->size)
        part.size = in->size;
    in->data += part.size;
    in->size -= part.size;
    return part;
}

/* Lays out the area: each of the six cells is nothing, raw bytes, or a sound record of some bytes. */
static void lay_out(struct bytes *in)
{
    for (unsigned copy = 0; copy < RECORD_COPIES; copy++)
        memset(area + copy * RECORD_COPY, 0, RECORD_KINDS * RECORD_CELL);
    for (unsigned kind = 0; kind < RECORD_KINDS; kind++) {
        struct record record = {.kind = (enum record_kind)kind};
        uint8_t form = take(in);
        if (form & 1 && record_write(&device, &record, take_part(in, 200)) != BB_OK)
            abort();
        if (form & 2 && record_write(&device, &record, take_part(in, 200)) != BB_OK)
            abort();
        struct bytes raw = form & 4 ? take_part(in, 200) : (struct bytes){NULL, 0};
        if (raw.size > 0)
            memcpy(area + kind * RECORD_CELL + (form & 8 ? RECORD_COPY : 0), raw.data, raw.size);
    }
}

static void send_pieces(struct card *card, struct bytes *in, enum image running)
{
    static struct intake intake;
    intake_init(&intake, card, &own);
    while (in->size > 0) {
        uint8_t form = take(in), code;
        const char *why = NULL;
        struct link_firmware piece = {.total = card->images.intake.total, .crc32 = card->images.intake.crc32};
        piece.offset = intake.received;
        if (form & 1)
            piece = (struct link_firmware){.total = 20 + form * 16u, .crc32 = form};
        piece.data = take_part(in, 228);
        if (intake_take(&intake, &piece, running, &code, &why) == INTAKE_REFUSED && !why)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes in = {data, size};
    static struct card card, again;
    lay_out(&in);
    if (card_open(&device, &card) != BB_OK)
        return 0;
    struct images images = card.images;
    enum image running = images_choose(&images);
    if (running != IMAGE_BUILTIN && (images_slot(&images, running)->size == 0 || running > IMAGE_B))
        abort();
    if (images.trial != IMAGE_BUILTIN && take(&in) & 1)
        images_confirm(&images);
    if (images.confirmed != IMAGE_BUILTIN && take(&in) & 1)
        images_fall_back(&images);
    if (card_save_images(&card, &images) != BB_OK)
        abort();
    send_pieces(&card, &in, running);
    if (card_open(&device, &again) != BB_OK || again.settings_size != card.settings_size)
        abort();
    return 0;
}
