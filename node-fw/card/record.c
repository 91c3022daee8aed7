#include "node-fw/card/record.h"

#include "node-fw/link/crc.h"

#include <busbar/check.h>

#define MAGIC   0x52434242u /* BBCR */
#define FORMAT  1
#define HEADER  12
#define TRAILER 4
#define WHOLE   (HEADER + RECORD_PAYLOAD_MAX + TRAILER)
#define SECTORS ((WHOLE + CARD_SECTOR - 1) / CARD_SECTOR * CARD_SECTOR)

_Static_assert(SECTORS <= RECORD_CELL, "a record fits its cell");
_Static_assert(RECORD_KINDS *RECORD_CELL <= RECORD_COPY, "the cells of one copy fit its part");

static uint32_t place(enum record_kind kind, uint8_t copy)
{
    return copy * RECORD_COPY + (uint32_t)kind * RECORD_CELL;
}

/* Reads the copy in cell[SECTORS]; false when it is not whole. */
static bool parse(const uint8_t *cell, enum record_kind kind, uint32_t *sequence, struct bytes *payload)
{
    struct reader r = reader_at((struct bytes){cell, WHOLE});
    bool ours = read_u32(&r) == MAGIC;
    ours = read_u8(&r) == (uint8_t)kind && ours;
    ours = read_u8(&r) == FORMAT && ours;
    uint16_t size = read_u16(&r);
    *sequence = read_u32(&r);
    *payload = read_bytes(&r, size);
    if (!ours || !r.ok || size > RECORD_PAYLOAD_MAX)
        return false;
    return crc_32(0, (struct bytes){cell, HEADER + (size_t)size}) == read_u32(&r) && r.ok;
}

enum status record_read(const struct card_device *device, enum record_kind kind, struct record *record_out,
                        uint8_t *payload, size_t *size_out)
{
    struct record record = {.kind = kind};
    enum status none = BB_NOT_FOUND;
    for (uint8_t copy = 0; copy < RECORD_COPIES; copy++) {
        uint8_t cell[SECTORS];
        uint32_t sequence;
        struct bytes found;
        if (device->read(device->context, place(kind, copy), cell, sizeof cell) != BB_OK) {
            none = BB_IO;
            continue;
        }
        if (!parse(cell, kind, &sequence, &found) ||
            (record.found && (int32_t)(sequence - record.sequence) <= 0))
            continue;
        record = (struct record){.kind = kind, .found = true, .copy = copy, .sequence = sequence};
        if (found.size > 0)
            memcpy(payload, found.data, found.size);
        *size_out = found.size;
    }
    if (!record.found)
        return none;
    *record_out = record;
    return BB_OK;
}

enum status record_write(const struct card_device *device, struct record *record, struct bytes payload)
{
    uint8_t cell[SECTORS] = {0};
    CHECK(payload.size <= RECORD_PAYLOAD_MAX);
    uint8_t copy = record->found ? record->copy ^ 1 : 0;
    uint32_t sequence = record->found ? record->sequence + 1 : 1;
    struct writer w = writer_at(cell, sizeof cell);
    write_u32(&w, MAGIC);
    write_u8(&w, (uint8_t)record->kind);
    write_u8(&w, FORMAT);
    write_u16(&w, (uint16_t)payload.size);
    write_u32(&w, sequence);
    write_bytes(&w, payload);
    write_u32(&w, crc_32(0, written(&w)));
    CHECK(w.ok);
    size_t size = (w.size + CARD_SECTOR - 1) / CARD_SECTOR * CARD_SECTOR;
    enum status status =
        device->write(device->context, place(record->kind, copy), (struct bytes){cell, size});
    if (status == BB_OK)
        status = device->sync(device->context);
    if (status != BB_OK)
        return status;
    record->found = true;
    record->copy = copy;
    record->sequence = sequence;
    return BB_OK;
}

enum status record_erase(const struct card_device *device, enum record_kind kind)
{
    static const uint8_t nothing[CARD_SECTOR];
    enum status status = BB_OK;
    for (uint8_t copy = 0; status == BB_OK && copy < RECORD_COPIES; copy++)
        status = device->write(device->context, place(kind, copy), (struct bytes){nothing, sizeof nothing});
    return status == BB_OK ? device->sync(device->context) : status;
}
