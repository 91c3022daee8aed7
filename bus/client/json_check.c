#include "bus/client/json_check.h"

#include <stdint.h>
#include <string.h>

struct scan {
    const unsigned char *at, *end;
};

/* What a byte is within a string. */
enum byte_kind { PLAIN, SPECIAL };

static const uint8_t kinds[256] = {
    [0 ... 31] = SPECIAL, ['"'] = SPECIAL, ['\\'] = SPECIAL, [0x80 ... 0xff] = SPECIAL};

static bool is_space(unsigned char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct scan *s)
{
    while (s->at < s->end && is_space(*s->at))
        s->at++;
}

static bool take(struct scan *s, char c)
{
    if (s->at == s->end || *s->at != (unsigned char)c)
        return false;
    s->at++;
    return true;
}

static bool is_digit(const struct scan *s)
{
    return s->at < s->end && *s->at >= '0' && *s->at <= '9';
}

static bool digits(struct scan *s)
{
    const unsigned char *begin = s->at;
    while (is_digit(s))
        s->at++;
    return s->at > begin;
}

static bool number(struct scan *s)
{
    (void)take(s, '-');
    if (!take(s, '0') && !digits(s))
        return false;
    if (take(s, '.') && !digits(s))
        return false;
    if (take(s, 'e') || take(s, 'E')) {
        (void)(take(s, '+') || take(s, '-'));
        return digits(s);
    }
    return true;
}

/* Four hexadecimal digits; -1 when they are not there. */
static long unit(struct scan *s)
{
    long value = 0;
    if (s->end - s->at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        unsigned char c = *s->at++, low = c | 0x20;
        int digit = c >= '0' && c <= '9' ? c - '0' : low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

static bool escape(struct scan *s)
{
    if (s->at == s->end)
        return false;
    unsigned char c = *s->at++;
    if (c != 'u')
        return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
    long high = unit(s);
    if (high >= 0xd800 && high <= 0xdbff) { /* the first half of a pair */
        long low = take(s, '\\') && take(s, 'u') ? unit(s) : -1;
        return low >= 0xdc00 && low <= 0xdfff;
    }
    return high > 0 && (high < 0xdc00 || high > 0xdfff);
}

/* A character of more than one byte. Source: Unicode 15, table 3-7. */
static bool wide(struct scan *s)
{
    const unsigned char *at = s->at;
    size_t size = at[0] >= 0xc2 && at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;
    if (at[0] < 0xc2 || at[0] > 0xf4 || (size_t)(s->end - at) < size)
        return false;
    for (size_t i = 1; i < size; i++)
        if ((at[i] & 0xc0) != 0x80)
            return false;
    s->at += size;
    return !((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
             (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f));
}

static bool string(struct scan *s)
{
    if (!take(s, '"'))
        return false;
    while (s->at < s->end) {
        unsigned char c = *s->at;
        if (kinds[c] == PLAIN) {
            s->at++;
        } else if (c == '"') {
            s->at++;
            return true;
        } else if (c == '\\') {
            s->at++;
            if (!escape(s))
                return false;
        } else if (c < 0x20 || !wide(s)) {
            return false;
        }
    }
    return false;
}

static bool word(struct scan *s, const char *text)
{
    size_t size = strlen(text);
    if ((size_t)(s->end - s->at) < size || memcmp(s->at, text, size) != 0)
        return false;
    s->at += size;
    return true;
}

static bool scalar(struct scan *s)
{
    switch (s->at < s->end ? *s->at : 0) {
    case '"':
        return string(s);
    case 't':
        return word(s, "true");
    case 'f':
        return word(s, "false");
    case 'n':
        return word(s, "null");
    default:
        return number(s);
    }
}

static bool name(struct scan *s)
{
    skip_space(s);
    if (!string(s))
        return false;
    skip_space(s);
    return take(s, ':');
}

/* The brackets that are open: '{' or '[' each. */
struct open {
    size_t depth;
    char brackets[JSON_CHECK_DEPTH];
};

/* After a value: closes what ends here and goes to the next value. False when that is wrong; *done when all
 * is closed. */
static bool go_on(struct scan *s, struct open *open, bool *done)
{
    for (;;) {
        skip_space(s);
        *done = open->depth == 0;
        if (*done)
            return true;
        bool object = open->brackets[open->depth - 1] == '{';
        if (take(s, ','))
            return !object || name(s);
        if (!take(s, object ? '}' : ']'))
            return false;
        open->depth--;
    }
}

/* Opens an object or a list; true when a value stands next, false when it is empty and has been closed, or
 * wrong
 * (*wrong). */
static bool enter(struct scan *s, struct open *open, bool *wrong)
{
    char bracket = (char)*s->at++;
    skip_space(s);
    *wrong = open->depth == JSON_CHECK_DEPTH;
    if (*wrong || take(s, bracket == '{' ? '}' : ']'))
        return false;
    *wrong = bracket == '{' && !name(s);
    if (*wrong)
        return false;
    open->brackets[open->depth++] = bracket;
    return true;
}

bool json_check(const char *text, size_t size)
{
    struct scan s = {(const unsigned char *)text, (const unsigned char *)text + size};
    struct open open;
    bool done = false, wrong = false;
    open.depth = 0;
    while (!done) {
        skip_space(&s);
        if (s.at < s.end && (*s.at == '{' || *s.at == '[')) {
            if (enter(&s, &open, &wrong))
                continue;
            if (wrong)
                return false;
        } else if (!scalar(&s)) {
            return false;
        }
        if (!go_on(&s, &open, &done))
            return false;
    }
    return s.at == s.end;
}

const char *json_check_string_end(const char *at)
{
    for (at++; (at += strcspn(at, "\"\\"), *at == '\\'); at++)
        if (at[1] != '\0')
            at++;
    return *at == '"' ? at + 1 : at;
}
