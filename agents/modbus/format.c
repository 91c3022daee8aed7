#include "agents/modbus/format.h"

#include <string.h>
#include <strings.h>

/* By Python's struct: without an order, or with @, an l is as long as this machine's. */
static const struct {
    char letter;
    enum point_kind kind;
    unsigned bytes, native_bytes;
} letters[] = {
    {'h', POINT_SIGNED, 2, 2},  {'H', POINT_NATURAL, 2, 2}, {'i', POINT_SIGNED, 4, 4},
    {'I', POINT_NATURAL, 4, 4}, {'l', POINT_SIGNED, 4, 8},  {'L', POINT_NATURAL, 4, 8},
    {'q', POINT_SIGNED, 8, 8},  {'Q', POINT_NATURAL, 8, 8}, {'f', POINT_REAL, 4, 4},
    {'d', POINT_REAL, 8, 8},
};

static const struct {
    const char *word;
    enum point_kind kind;
    unsigned bytes;
} words[] = {
    {"int16", POINT_SIGNED, 2},   {"uint16", POINT_NATURAL, 2}, {"int32", POINT_SIGNED, 4},
    {"uint32", POINT_NATURAL, 4}, {"int64", POINT_SIGNED, 8},   {"uint64", POINT_NATURAL, 8},
    {"float", POINT_REAL, 4},     {"float32", POINT_REAL, 4},   {"float64", POINT_REAL, 8},
    {"double", POINT_REAL, 8},
};

static enum status fill(struct point *point, enum point_kind kind, unsigned long bytes, bool little)
{
    if (bytes == 0 || bytes % 2 != 0 || bytes > 2UL * READ_MAX)
        return BB_RANGE;
    point->kind = kind;
    point->count = (uint16_t)(bytes / 2);
    point->little = little;
    return BB_OK;
}

/* The number at *at, moved behind it; at most 999999. */
static unsigned long take_number(const char **at)
{
    unsigned long number = 0;
    for (; **at >= '0' && **at <= '9'; (*at)++)
        number = number > 99999 ? 999999 : number * 10 + (unsigned long)(**at - '0');
    return number;
}

static enum status read_struct(const char *text, struct point *point)
{
    bool ordered = *text != '\0' && strchr("<>!=", *text) != NULL;
    bool little = !ordered || *text == '<' || *text == '=';
    const char *at = text + (ordered || *text == '@' ? 1 : 0);
    bool counted = *at >= '0' && *at <= '9';
    unsigned long number = take_number(&at);
    if (*at == 's' && at[1] == '\0')
        return fill(point, POINT_TEXT, counted ? number : 1, false);
    for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
        if (*at == letters[i].letter && at[1] == '\0' && (!counted || number == 1))
            return fill(point, letters[i].kind, ordered ? letters[i].bytes : letters[i].native_bytes, little);
    if (*at != '\0' && strchr("bBc?x", *at) != NULL && at[1] == '\0')
        return BB_RANGE;
    return BB_MALFORMED;
}

enum status format_read(const char *text, struct point *point)
{
    if (strcasecmp(text, "bool") == 0) {
        point->kind = POINT_TRUTH;
        point->count = 1;
        point->little = false;
        return BB_OK;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(text, words[i].word) == 0)
            return fill(point, words[i].kind, words[i].bytes, false);
    if (strncasecmp(text, "string[", 7) == 0) {
        const char *at = text + 7;
        unsigned long number = take_number(&at);
        return strcmp(at, "]") == 0 ? fill(point, POINT_TEXT, number, false) : BB_MALFORMED;
    }
    return read_struct(text, point);
}
