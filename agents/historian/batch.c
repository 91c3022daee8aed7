#include "agents/historian/batch.h"

#include <busbar/check.h>
#include <math.h>
#include <stdlib.h>

#define MAGIC       0x31684242u /* "BBh1" */
#define ENTRY_MAX   64          /* without texts */
#define SLOTS_FIRST 256

enum { SERIES_ENTRY = 1, READING_ENTRY = 2 };

/* Where in the bytes a series stands. */
struct batch_slot {
    uint32_t at; /* 0: free; of its entry */
    uint32_t series;
    uint32_t hash;
};

void batch_init(struct batch *b)
{
    *b = (struct batch){.slots = NULL};
}

void batch_free(struct batch *b)
{
    free(b->data);
    free(b->slots);
    batch_init(b);
}

static struct writer grow(struct batch *b, size_t more)
{
    if (b->size + more > b->capacity) {
        b->capacity = (b->size + more) * 2;
        b->data = realloc(b->data, b->capacity);
        CHECK(b->data != NULL);
    }
    return writer_at(b->data + b->size, b->capacity - b->size);
}

static void append(struct batch *b, const struct writer *w)
{
    CHECK(w->ok);
    b->size += w->size;
}

static uint32_t hash_of(struct bytes name)
{
    uint32_t hash = 2166136261u;
    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ name.data[i]) * 16777619u;
    return hash;
}

/* The texts of the series entry at `at`. */
static void texts_at(const struct batch *b, uint32_t at, struct bytes *name, struct bytes *meta)
{
    struct reader r = reader_at((struct bytes){b->data + at + 1, b->size - at - 1});
    *name = read_bytes(&r, read_u16(&r));
    *meta = read_bytes(&r, read_u16(&r));
}

static void widen(struct batch *b)
{
    size_t count = b->slot_count == 0 ? SLOTS_FIRST : b->slot_count * 2;
    struct batch_slot *slots = calloc(count, sizeof *slots);
    CHECK(slots != NULL);
    for (size_t i = 0; i < b->slot_count; i++) {
        size_t to = b->slots[i].hash & (count - 1);
        if (b->slots[i].at == 0)
            continue;
        while (slots[to].at != 0)
            to = (to + 1) & (count - 1);
        slots[to] = b->slots[i];
    }
    free(b->slots);
    b->slots = slots;
    b->slot_count = count;
}

static void add_series(struct batch *b, struct batch_slot *slot, uint32_t hash, const struct reading *reading)
{
    struct writer w = grow(b, ENTRY_MAX + reading->series.size + reading->meta.size);
    *slot = (struct batch_slot){(uint32_t)b->size, b->series++, hash};
    write_u8(&w, SERIES_ENTRY);
    write_u16(&w, (uint16_t)reading->series.size);
    write_bytes(&w, reading->series);
    write_u16(&w, (uint16_t)reading->meta.size);
    write_bytes(&w, reading->meta);
    append(b, &w);
}

/* The number of the reading's series; it is added when it, or what is said of it, is new. */
static uint32_t series_of(struct batch *b, const struct reading *reading)
{
    uint32_t hash = hash_of(reading->series);
    struct bytes name, meta;
    if (b->series * 2 >= b->slot_count)
        widen(b);
    size_t at = hash & (b->slot_count - 1);
    for (; b->slots[at].at != 0; at = (at + 1) & (b->slot_count - 1)) {
        texts_at(b, b->slots[at].at, &name, &meta);
        if (b->slots[at].hash != hash || !bytes_equal(name, reading->series))
            continue;
        if (reading->meta.size > 0 && !bytes_equal(meta, reading->meta))
            break;
        return b->slots[at].series;
    }
    add_series(b, &b->slots[at], hash, reading);
    return b->slots[at].series;
}

static void write_value(struct writer *w, const struct value *value)
{
    uint64_t bits;
    write_u8(w, (uint8_t)value->kind);
    switch (value->kind) {
    case VALUE_INTEGER:
        write_u64(w, (uint64_t)value->integer);
        break;
    case VALUE_REAL:
        memcpy(&bits, &value->real, sizeof bits);
        write_u64(w, bits);
        break;
    case VALUE_BOOLEAN:
        write_u8(w, value->integer != 0);
        break;
    case VALUE_TEXT:
        write_u32(w, (uint32_t)value->text.size);
        write_bytes(w, value->text);
        break;
    }
}

enum status batch_add(struct batch *b, const struct reading *reading)
{
    CHECK(reading->series.size > 0 && reading->series.size <= READING_SERIES_MAX);
    if (b->series >= BATCH_SERIES_MAX)
        return BB_FULL;
    if (b->size == 0) {
        struct writer w = grow(b, ENTRY_MAX);
        write_u32(&w, MAGIC);
        append(b, &w);
    }
    uint32_t series = series_of(b, reading);
    struct writer w = grow(b, ENTRY_MAX + reading->value.text.size);
    write_u8(&w, READING_ENTRY);
    write_u32(&w, series);
    write_u64(&w, (uint64_t)reading->time_us);
    write_value(&w, &reading->value);
    append(b, &w);
    b->readings++;
    return BB_OK;
}

uint8_t *batch_take(struct batch *b, size_t *size_out, uint32_t *readings_out)
{
    uint8_t *data = b->data;
    *size_out = b->size;
    *readings_out = b->readings;
    b->data = NULL;
    b->size = b->capacity = b->readings = b->series = 0;
    if (b->slot_count > 0)
        memset(b->slots, 0, b->slot_count * sizeof *b->slots);
    return data;
}

enum status batch_open(struct bytes bytes, struct batch_reader *out)
{
    struct reader at = reader_at(bytes);
    if (read_u32(&at) != MAGIC || !at.ok)
        return BB_MALFORMED;
    *out = (struct batch_reader){at, 0};
    return BB_OK;
}

static bool read_series(struct batch_reader *r, struct batch_entry *out)
{
    out->is_series = true;
    out->name = read_bytes(&r->at, read_u16(&r->at));
    out->meta = read_bytes(&r->at, read_u16(&r->at));
    return r->at.ok && out->name.size > 0 && out->name.size <= READING_SERIES_MAX &&
           out->meta.size <= READING_META_MAX && r->series++ < BATCH_SERIES_MAX;
}

static bool read_reading(struct batch_reader *r, struct batch_entry *out)
{
    uint64_t bits;
    out->series = read_u32(&r->at);
    out->time_us = (int64_t)read_u64(&r->at);
    uint8_t kind = read_u8(&r->at);
    out->value.kind = (enum value_kind)kind;
    if (kind == VALUE_INTEGER) {
        out->value.integer = (int64_t)read_u64(&r->at);
    } else if (kind == VALUE_REAL) {
        bits = read_u64(&r->at);
        memcpy(&out->value.real, &bits, sizeof bits);
    } else if (kind == VALUE_BOOLEAN) {
        out->value.integer = read_u8(&r->at) != 0;
    } else if (kind == VALUE_TEXT) {
        out->value.text = read_bytes(&r->at, read_u32(&r->at));
    } else {
        return false;
    }
    return r->at.ok && out->series < r->series && isfinite(out->value.real);
}

enum status batch_next(struct batch_reader *r, struct batch_entry *out)
{
    struct batch_entry entry = {.is_series = false};
    if (r->at.ok && r->at.left.size == 0)
        return BB_NOT_FOUND;
    uint8_t tag = read_u8(&r->at);
    bool good = tag == SERIES_ENTRY    ? read_series(r, &entry)
                : tag == READING_ENTRY ? read_reading(r, &entry)
                                       : false;
    if (!good) {
        r->at.ok = false;
        return BB_MALFORMED;
    }
    *out = entry;
    return BB_OK;
}
