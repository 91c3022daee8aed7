#include "bus/texts.h"

#include "bus/core/envelope.h"

#include <busbar/check.h>
#include <stdlib.h>

/* Strict JSON is at most so many times longer than what it is made of: a byte becomes \u00XX. */
#define STRICT_GROWTH 6

json_t *texts_of_latin1(struct bytes latin1)
{
    char *utf8 = malloc(2 * latin1.size + 1);
    CHECK(utf8 != NULL);
    size_t out = 0;
    for (size_t i = 0; i < latin1.size; i++) {
        uint8_t c = latin1.data[i];
        if (c >= 0x80)
            utf8[out++] = (char)(0xc0 | c >> 6);
        utf8[out++] = (char)(c < 0x80 ? c : 0x80 | (c & 0x3f));
    }
    json_t *text = json_stringn(utf8, out);
    free(utf8);
    return text;
}

enum status texts_to_latin1(const json_t *text, uint8_t *buffer, size_t capacity, size_t *size_out)
{
    const uint8_t *at = (const uint8_t *)json_string_value(text);
    size_t left = json_string_length(text), size = 0;
    if (at == NULL)
        return BB_RANGE;
    for (; left > 0; left--, at++) {
        uint8_t c = *at;
        if (c >= 0x80) {
            /* U+0080 … U+00FF are c2 80 … c3 bf. */
            if (c > 0xc3 || left < 2)
                return BB_RANGE;
            c = (uint8_t)(c << 6 | (at[1] & 0x3f));
            at++;
            left--;
        }
        if (size == capacity)
            return BB_FULL;
        buffer[size++] = c;
    }
    *size_out = size;
    return BB_OK;
}

json_t *texts_of_json(struct bytes value, const char *fallback)
{
    if (value.size == 0)
        return json_string(fallback);
    json_t *text = json_stringn((const char *)value.data, value.size);
    struct scan scan = scan_at(value);
    struct bytes all;
    if (text != NULL && scan_value(&scan, &all) == BB_OK && !scan.nonfinite)
        return text;
    json_decref(text);
    size_t room = STRICT_GROWTH * value.size;
    struct writer w = writer_at(malloc(room + 1), room);
    CHECK(w.data != NULL);
    envelope_make_strict(value, &w);
    text = json_stringn((const char *)w.data, w.size);
    free(w.data);
    return text == NULL ? json_string(fallback) : text;
}
