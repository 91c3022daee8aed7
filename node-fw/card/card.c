#include "node-fw/card/card.h"

#include <busbar/check.h>

#define SLOT_A 0x100000u

/* -- records as bytes -- */

static bool read_boots(struct bytes payload, struct card_boots *out)
{
    struct reader r = reader_at(payload);
    struct card_boots boots;
    boots.boots = read_u16(&r);
    boots.incarnation = read_u16(&r);
    boots.cause = read_u8(&r);
    if (!r.ok || r.left.size > 0)
        return false;
    *out = boots;
    return true;
}

/* Takes a record's payload into the card; false when it is none. */
static bool take(struct card *card, enum record_kind kind, struct bytes payload)
{
    switch (kind) {
    case RECORD_BOOTS:
        return read_boots(payload, &card->boots);
    case RECORD_IMAGES:
        return images_read(payload, &card->images);
    case RECORD_SETTINGS:
        if (payload.size > 0)
            memcpy(card->settings, payload.data, payload.size);
        card->settings_size = (uint16_t)payload.size;
        return true;
    }
    return false;
}

_Static_assert(CARD_SETTINGS_MAX == RECORD_PAYLOAD_MAX, "a record holds the settings");

/* -- whole cards -- */

enum status card_open(const struct card_device *device, struct card *out)
{
    unsigned missing = 0;
    *out = (struct card){.device = device};
    for (unsigned kind = 0; kind < RECORD_KINDS; kind++) {
        uint8_t payload[RECORD_PAYLOAD_MAX];
        size_t size = 0;
        out->record[kind].kind = (enum record_kind)kind;
        enum status status = record_read(device, (enum record_kind)kind, &out->record[kind], payload, &size);
        if (status == BB_IO)
            return status;
        if (status == BB_NOT_FOUND)
            missing++;
        if (status != BB_OK || !take(out, (enum record_kind)kind, (struct bytes){payload, size}))
            out->damaged |= 1u << kind;
    }
    return missing == RECORD_KINDS ? BB_NOT_FOUND : BB_OK;
}

enum status card_format(const struct card_device *device, struct bytes settings)
{
    struct card card = {.device = device};
    enum status status = BB_OK;
    for (unsigned kind = 0; status == BB_OK && kind < RECORD_KINDS; kind++) {
        card.record[kind].kind = (enum record_kind)kind;
        status = record_erase(device, (enum record_kind)kind);
    }
    if (status == BB_OK)
        status = card_save_boots(&card, &(struct card_boots){0});
    if (status == BB_OK)
        status = card_save_images(&card, &(struct images){0});
    return status == BB_OK ? card_save_settings(&card, settings) : status;
}

/* -- changes -- */

enum status card_save_boots(struct card *card, const struct card_boots *boots)
{
    uint8_t payload[8];
    struct writer w = writer_at(payload, sizeof payload);
    write_u16(&w, boots->boots);
    write_u16(&w, boots->incarnation);
    write_u8(&w, boots->cause);
    enum status status = record_write(card->device, &card->record[RECORD_BOOTS], written(&w));
    if (status == BB_OK)
        card->boots = *boots;
    return status;
}

enum status card_save_images(struct card *card, const struct images *images)
{
    uint8_t payload[IMAGES_BYTES];
    struct images back;
    struct writer w = writer_at(payload, sizeof payload);
    images_write(images, &w);
    CHECK(w.ok && images_read(written(&w), &back));
    enum status status = record_write(card->device, &card->record[RECORD_IMAGES], written(&w));
    if (status == BB_OK)
        card->images = *images;
    return status;
}

enum status card_save_settings(struct card *card, struct bytes text)
{
    CHECK(text.size <= CARD_SETTINGS_MAX);
    enum status status = record_write(card->device, &card->record[RECORD_SETTINGS], text);
    if (status != BB_OK)
        return status;
    if (text.size > 0)
        memmove(card->settings, text.data, text.size);
    card->settings_size = (uint16_t)text.size;
    return BB_OK;
}

/* -- slots -- */

static uint32_t place(enum image image, uint32_t offset, size_t size)
{
    CHECK(image == IMAGE_A || image == IMAGE_B);
    CHECK(offset <= IMAGE_MAX && size <= IMAGE_MAX - offset);
    return SLOT_A + ((uint32_t)image - IMAGE_A) * IMAGE_MAX + offset;
}

enum status card_read_slot(const struct card *card, enum image image, uint32_t offset, uint8_t *buffer,
                           size_t size)
{
    return card->device->read(card->device->context, place(image, offset, size), buffer, size);
}

enum status card_write_slot(const struct card *card, enum image image, uint32_t offset, struct bytes data)
{
    return card->device->write(card->device->context, place(image, offset, data.size), data);
}

enum status card_sync(const struct card *card)
{
    return card->device->sync(card->device->context);
}
