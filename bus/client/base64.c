#include "bus/client/base64.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static char *encode(struct bytes bytes, const char *alphabet, char *at)
{
    uint32_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < bytes.size; i++) {
        bits = bits << 8 | bytes.data[i];
        for (held += 8; held >= 6; held -= 6)
            *at++ = alphabet[bits >> (held - 6) & 63];
    }
    if (held > 0)
        *at++ = alphabet[bits << (6 - held) & 63];
    *at = '\0';
    return at;
}

void base64_encode(struct bytes bytes, char *text_out)
{
    char *at = encode(bytes, standard, text_out);
    while ((at - text_out) % 4 != 0)
        *at++ = '=';
    *at = '\0';
}

void base64_encode_url(struct bytes bytes, char *text_out)
{
    encode(bytes, url_safe, text_out);
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+' || c == '-')
        return 62;
    return c == '/' || c == '_' ? 63 : -1;
}

enum status base64_decode(const char *text, size_t length, uint8_t *out, size_t capacity, size_t *size_out)
{
    if (length % 4 == 0 && length > 0 && text[length - 1] == '=')
        length -= text[length - 2] == '=' ? 2 : 1;
    if (length % 4 == 1)
        return BB_MALFORMED;
    if (length / 4 * 3 + (length % 4 > 0 ? length % 4 - 1 : 0) > capacity)
        return BB_FULL;
    uint32_t bits = 0;
    unsigned held = 0;
    size_t size = 0;
    for (size_t i = 0; i < length; i++) {
        int value = value_of(text[i]);
        if (value < 0)
            return BB_MALFORMED;
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[size++] = (uint8_t)(bits >> held);
        }
    }
    if ((bits & ((1u << held) - 1)) != 0)
        return BB_MALFORMED;
    *size_out = size;
    return BB_OK;
}
