/* A card area: what a board remembers. Three records (boots, images, settings) and the slots A and B. Every
 * change is on the card when its function returns BB_OK, and not at all or wholly after a loss of power.
 *
 *   0x000000  records, copy 0 (record.h)
 *   0x010000  records, copy 1
 *   0x100000  slot A, 1 MiB
 *   0x200000  slot B, 1 MiB
 *   0x300000  unused
 */
#ifndef NODE_FW_CARD_CARD_H
#define NODE_FW_CARD_CARD_H

#include "node-fw/card/images.h"
#include "node-fw/card/record.h"

#define CARD_SETTINGS_MAX 4096

struct card_boots {
    uint16_t boots;       /* starts of the board, from 1; stays at 65535 */
    uint16_t incarnation; /* the dispatch's boot counter, from 1; after 65535 comes 1 */
    uint8_t cause;        /* of the last start, in the numbers of SLOTS */
};

/* One card; the members are for reading. */
struct card {
    const struct card_device *device;
    struct record record[RECORD_KINDS];
    struct card_boots boots;
    struct images images;
    uint8_t settings[CARD_SETTINGS_MAX]; /* the text of the board's own file; none: not enrolled */
    uint16_t settings_size;
    unsigned
        damaged; /* a bit of 1 << enum record_kind for each that held nothing readable: as after a format */
};

/* Makes a fresh area with this text (at most CARD_SETTINGS_MAX bytes, may be empty); what was there is gone.
 * BB_IO. */
BB_MUST_CHECK enum status card_format(const struct card_device *device, struct bytes settings);

/* Reads what a card remembers. BB_NOT_FOUND: no record at all, so this is no card area, and nothing may be
 * written to it; BB_IO. */
BB_MUST_CHECK enum status card_open(const struct card_device *device, struct card *out);

/* Changes one record; the card's member follows. BB_IO: the member stays as it was. */
BB_MUST_CHECK enum status card_save_boots(struct card *card, const struct card_boots *boots);
BB_MUST_CHECK enum status card_save_images(struct card *card, const struct images *images);
BB_MUST_CHECK enum status card_save_settings(struct card *card, struct bytes text);

/* Reads and writes inside a slot (IMAGE_A or IMAGE_B); the range must lie in it. What is written is sure
 * after card_sync. BB_IO. */
BB_MUST_CHECK enum status card_read_slot(const struct card *card, enum image image, uint32_t offset,
                                         uint8_t *buffer, size_t size);
BB_MUST_CHECK enum status card_write_slot(const struct card *card, enum image image, uint32_t offset,
                                          struct bytes data);
BB_MUST_CHECK enum status card_sync(const struct card *card);

#endif
