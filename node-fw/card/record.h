/* Records on a card: each is kept twice, and the copies are written in turn, one write and one sync each; so
 * a loss of power at any byte leaves the old content or the new.
 *
 * A copy lies in a cell of its own: copy 0 of all records in the first 64 KiB of the area, copy 1 in the
 * second, because a card may spoil what lies beside a write that is cut. Little-endian: "BBCR", kind u8,
 * format u8, size u16, sequence u32, payload, CRC-32 of all before it. Of two good copies the one with the
 * later sequence holds. */
#ifndef NODE_FW_CARD_RECORD_H
#define NODE_FW_CARD_RECORD_H

#include "node-fw/card/device.h"

#include <stdbool.h>

#define RECORD_PAYLOAD_MAX 4096
#define RECORD_COPIES      2
#define RECORD_CELL        0x4000u  /* bytes between two kinds */
#define RECORD_COPY        0x10000u /* bytes between two copies */

enum record_kind { RECORD_BOOTS, RECORD_IMAGES, RECORD_SETTINGS };
#define RECORD_KINDS 3

/* Where a record stands: which copy holds, and its sequence. All zero: none does. */
struct record {
    enum record_kind kind;
    bool found;
    uint8_t copy;
    uint32_t sequence;
};

/* Finds the copy that holds, and reads it into payload[RECORD_PAYLOAD_MAX]: *size_out bytes. BB_NOT_FOUND:
 * neither is whole; BB_IO: neither, and one could not be read at all. */
BB_MUST_CHECK enum status record_read(const struct card_device *device, enum record_kind kind,
                                      struct record *record_out, uint8_t *payload, size_t *size_out);

/* Writes the payload (at most RECORD_PAYLOAD_MAX) to the copy that does not hold, and makes it the one that
 * does. BB_IO: then the old one holds, unless the device wrote it all the same. */
BB_MUST_CHECK enum status record_write(const struct card_device *device, struct record *record,
                                       struct bytes payload);

/* Makes both copies of a kind unreadable. BB_IO. */
BB_MUST_CHECK enum status record_erase(const struct card_device *device, enum record_kind kind);

#endif
