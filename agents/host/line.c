#include "agents/host/line.h"

#define REPLACEMENT "\xef\xbf\xbd"

/* The length of the valid UTF-8 sequence at text[size]; 0: none. Source: Unicode, table 3-7. */
static size_t sequence(const uint8_t *text, size_t size)
{
    uint8_t first = text[0];
    size_t length = first < 0x80   ? 1
                    : first < 0xc2 ? 0
                    : first < 0xe0 ? 2
                    : first < 0xf0 ? 3
                    : first < 0xf5 ? 4
                                   : 0;
    if (length == 0 || length > size)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((first == 0xe0 && text[1] < 0xa0) || (first == 0xed && text[1] > 0x9f) ||
        (first == 0xf0 && text[1] < 0x90) || (first == 0xf4 && text[1] > 0x8f))
        return 0;
    return length;
}

static bool is_control(uint8_t byte)
{
    return (byte < 0x20 && byte != '\t') || byte == 0x7f;
}

/* Gives the line, cleaned: each bad byte grows to three. */
static void give(const struct line *line, line_on_line *on_line, void *context)
{
    char clean[3 * LINE_MAX_BYTES + 1];
    size_t size = 0;
    for (size_t i = 0; i < line->size;) {
        const uint8_t *at = (const uint8_t *)line->text + i;
        size_t length = sequence(at, line->size - i);
        bool bad = length == 0 || is_control(*at);
        size_t width = bad ? sizeof REPLACEMENT - 1 : length;
        memcpy(clean + size, bad ? REPLACEMENT : (const char *)at, width);
        size += width;
        i += length == 0 ? 1 : length;
    }
    clean[size] = '\0';
    on_line(context, clean, size);
}

/* The line is full: gives all of it but a character at its end that is not complete. */
static void give_full(struct line *line, line_on_line *on_line, void *context)
{
    size_t keep = 0;
    while (keep < 3 && ((uint8_t)line->text[line->size - 1 - keep] & 0xc0) == 0x80)
        keep++;
    keep = (uint8_t)line->text[line->size - 1 - keep] >= 0xc0 ? keep + 1 : 0;
    if (keep > 0 && sequence((const uint8_t *)line->text + line->size - keep, keep) == keep)
        keep = 0;
    line->size -= keep;
    give(line, on_line, context);
    memmove(line->text, line->text + line->size, keep);
    line->size = keep;
    line->within = true;
}

void line_take(struct line *line, struct bytes piece, line_on_line *on_line, void *context)
{
    for (size_t i = 0; i < piece.size; i++) {
        if (piece.data[i] != '\n') {
            line->text[line->size++] = (char)piece.data[i];
            if (line->size == LINE_MAX_BYTES)
                give_full(line, on_line, context);
            continue;
        }
        if (line->size > 0 && line->text[line->size - 1] == '\r')
            line->size--;
        if (line->size > 0 || !line->within)
            give(line, on_line, context);
        line->size = 0;
        line->within = false;
    }
}

void line_end(struct line *line, line_on_line *on_line, void *context)
{
    if (line->size > 0)
        give(line, on_line, context);
    line->size = 0;
    line->within = false;
}
