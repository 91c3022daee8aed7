#include "ledger/json_writer.h"

#include "ledger/crypto/address.h"
#include "ledger/crypto/hex.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Room for `size` more bytes and a NUL. */
static char *room(struct json_writer *w, size_t size)
{
    if (w->capacity - w->size <= size) {
        size_t capacity = 2 * w->capacity + size + 64;
        char *text = realloc(w->text, capacity);
        CHECK(text != NULL);
        w->text = text;
        w->capacity = capacity;
    }
    return w->text + w->size;
}

static void put(struct json_writer *w, const char *text, size_t size)
{
    char *at = room(w, size);
    memcpy(at, text, size);
    at[size] = '\0';
    w->size += size;
}

static void begin(struct json_writer *w, const char *name)
{
    if (w->comma)
        put(w, ",", 1);
    w->comma = true;
    if (name == NULL)
        return;
    put(w, "\"", 1);
    put(w, name, strlen(name));
    put(w, "\":", 2);
}

void json_writer_open(struct json_writer *w, const char *name, char bracket)
{
    begin(w, name);
    put(w, &bracket, 1);
    w->comma = false;
}

void json_writer_close(struct json_writer *w, char bracket)
{
    put(w, &bracket, 1);
    w->comma = true;
}

/* The bytes of the UTF-8 character at `at`; 0 when there is none. Source: Unicode 15, table 3-7. */
static size_t character(const unsigned char *at, size_t left)
{
    size_t size = at[0] < 0x80 ? 1 : at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : (at[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (at[0] >= 0xf5 || (at[0] >= 0x80 && at[0] < 0xc2) || size > left)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool bad = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
               (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f);
    return bad ? 0 : size;
}

void json_writer_text(struct json_writer *w, const char *name, const char *text, size_t size)
{
    begin(w, name);
    put(w, "\"", 1);
    for (size_t i = 0; i < size;) {
        unsigned char c = (unsigned char)text[i];
        size_t length = character((const unsigned char *)text + i, size - i);
        char escaped[8];
        if (length == 0)
            break;
        if (c < 0x20 || c == 0x7f) {
            snprintf(escaped, sizeof escaped, "\\u%04x", c);
            put(w, escaped, 6);
        } else {
            if (c == '"' || c == '\\')
                put(w, "\\", 1);
            put(w, text + i, length);
        }
        i += length;
    }
    put(w, "\"", 1);
}

void json_writer_word(struct json_writer *w, const char *name, const char *text)
{
    json_writer_text(w, name, text, strlen(text));
}

/* Not even telemetry has numbers that a reader with doubles would round. */
static void integer(struct json_writer *w, const char *name, uint64_t magnitude, bool negative, bool quoted)
{
    quoted = quoted || magnitude > UINT64_C(1) << 53;
    char digits[24];
    char *at = digits + sizeof digits;
    if (quoted)
        *--at = '"';
    do {
        *--at = (char)('0' + magnitude % 10);
        magnitude /= 10;
    } while (magnitude > 0);
    if (negative)
        *--at = '-';
    if (quoted)
        *--at = '"';
    begin(w, name);
    put(w, at, (size_t)(digits + sizeof digits - at));
}

static uint64_t magnitude_of(int64_t value)
{
    return value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
}

void json_writer_int(struct json_writer *w, const char *name, int64_t value)
{
    integer(w, name, magnitude_of(value), value < 0, !w->numbers);
}

void json_writer_uint(struct json_writer *w, const char *name, uint64_t value)
{
    integer(w, name, value, false, !w->numbers);
}

void json_writer_number(struct json_writer *w, const char *name, int64_t value)
{
    integer(w, name, magnitude_of(value), value < 0, false);
}

void json_writer_bool(struct json_writer *w, const char *name, bool value)
{
    begin(w, name);
    put(w, value ? "true" : "false", value ? 4 : 5);
}

void json_writer_hex(struct json_writer *w, const char *name, struct bytes bytes)
{
    begin(w, name);
    put(w, "\"", 1);
    hex_format(bytes, room(w, 2 * bytes.size + 3));
    w->size += 2 * bytes.size + 2;
    put(w, "\"", 1);
}

void json_writer_address(struct json_writer *w, const char *name, const struct address *address)
{
    char text[ADDRESS_TEXT];
    address_format(address, text);
    json_writer_word(w, name, text);
}

void json_writer_amount(struct json_writer *w, const char *name, int64_t value, unsigned places,
                        const char *unit)
{
    char text[80];
    uint64_t magnitude = magnitude_of(value), scale = 1;
    CHECK(places <= 12);
    for (; places > 0 && magnitude % 10 == 0; places--)
        magnitude /= 10;
    for (unsigned i = 0; i < places; i++)
        scale *= 10;
    int used = snprintf(text, sizeof text, "%s%" PRIu64, value < 0 ? "-" : "", magnitude / scale);
    if (places > 0)
        used +=
            snprintf(text + used, sizeof text - (size_t)used, ".%0*" PRIu64, (int)places, magnitude % scale);
    snprintf(text + used, sizeof text - (size_t)used, " %s", unit);
    json_writer_word(w, name, text);
}

void json_writer_raw(struct json_writer *w, const char *name, const char *json, size_t size)
{
    begin(w, name);
    put(w, json, size);
}
