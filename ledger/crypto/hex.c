#include "ledger/crypto/hex.h"

void hex_format(struct bytes bytes, char *out)
{
    static const char DIGITS[] = "0123456789abcdef";
    *out++ = '0';
    *out++ = 'x';
    for (size_t i = 0; i < bytes.size; i++) {
        *out++ = DIGITS[bytes.data[i] >> 4];
        *out++ = DIGITS[bytes.data[i] & 15];
    }
    *out = '\0';
}

/* The digit's value, or 16. */
static uint8_t digit(char c)
{
    if (c >= '0' && c <= '9')
        return (uint8_t)(c - '0');
    if (c >= 'a' && c <= 'f')
        return (uint8_t)(c - 'a' + 10);
    if (c >= 'A' && c <= 'F')
        return (uint8_t)(c - 'A' + 10);
    return 16;
}

/* The number of bytes that the whole text stands for. */
static enum status measure(const char *text, size_t *size_out)
{
    if (text[0] != '0' || text[1] != 'x')
        return BB_MALFORMED;
    size_t digits = 0;
    for (const char *at = text + 2; *at != '\0'; at++, digits++)
        if (digit(*at) == 16)
            return BB_MALFORMED;
    if (digits % 2 != 0)
        return BB_MALFORMED;
    *size_out = digits / 2;
    return BB_OK;
}

static void convert(const char *text, uint8_t *out, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)(digit(text[2 + 2 * i]) << 4 | digit(text[3 + 2 * i]));
}

enum status hex_parse(const char *text, uint8_t *out, size_t size)
{
    size_t found;
    if (measure(text, &found) != BB_OK || found != size)
        return BB_MALFORMED;
    convert(text, out, size);
    return BB_OK;
}

enum status hex_parse_some(const char *text, uint8_t *out, size_t capacity, size_t *size_out)
{
    size_t found;
    if (measure(text, &found) != BB_OK)
        return BB_MALFORMED;
    if (found > capacity)
        return BB_FULL;
    convert(text, out, found);
    *size_out = found;
    return BB_OK;
}
