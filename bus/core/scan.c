#include "bus/core/scan.h"

/* What a byte means inside a string. */
enum string_class { PLAIN, HIGH, QUOTE, ESCAPE, CONTROL };

static const uint8_t STRING_CLASS[256] = {
    [0x00 ... 0x1f] = CONTROL, ['"'] = QUOTE, ['\\'] = ESCAPE, [0x80 ... 0xff] = HIGH};

static const struct {
    const char *text;
    bool nonfinite;
} LITERALS[] = {{"true", false}, {"false", false},   {"null", false},
                {"NaN", true},   {"Infinity", true}, {"-Infinity", true}};

struct scan scan_at(struct bytes text)
{
    return (struct scan){text.data, text.size > 0 ? text.data + text.size : text.data, false, false};
}

static inline void skip_blanks(struct scan *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\n' || *s->at == '\t' || *s->at == '\r'))
        s->at++;
}

/* Takes `c` after blanks. */
static inline bool take(struct scan *s, char c)
{
    skip_blanks(s);
    if (s->at == s->end || *s->at != (uint8_t)c)
        return false;
    s->at++;
    return true;
}

static int hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of \uXXXX at `p`; −1 if they are not there. */
static int hex4(const uint8_t *p, const uint8_t *end)
{
    int value = 0;
    if (end - p < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* Skips an escape; `at` stands after the backslash. */
static bool skip_escape(struct scan *s)
{
    if (s->at == s->end)
        return false;
    uint8_t c = *s->at++;
    if (c != 'u')
        return c != 0 && strchr("\"\\/bfnrt", c) != NULL;
    if (hex4(s->at, s->end) < 0)
        return false;
    s->at += 4;
    return true;
}

/* Skips a string; `at` stands on its opening quote. */
static bool skip_string(struct scan *s)
{
    const uint8_t *p = s->at + 1;
    for (;;) {
        while (p < s->end && STRING_CLASS[*p] == PLAIN)
            p++;
        if (p == s->end)
            return false;
        switch ((enum string_class)STRING_CLASS[*p++]) {
        case QUOTE:
            s->at = p;
            return true;
        case HIGH:
            s->high = true;
            break;
        case ESCAPE:
            s->at = p;
            if (!skip_escape(s))
                return false;
            p = s->at;
            break;
        case CONTROL:
            return false;
        case PLAIN:
            break;
        }
    }
}

static bool skip_digits(struct scan *s)
{
    const uint8_t *start = s->at;
    while (s->at < s->end && (uint8_t)(*s->at - '0') <= 9)
        s->at++;
    return s->at > start;
}

static bool skip_number(struct scan *s)
{
    if (s->at < s->end && *s->at == '-')
        s->at++;
    if (s->at < s->end && *s->at == '0')
        s->at++;
    else if (!skip_digits(s))
        return false;
    if (s->at < s->end && *s->at == '.') {
        s->at++;
        if (!skip_digits(s))
            return false;
    }
    if (s->at < s->end && (*s->at | 0x20) == 'e') {
        s->at++;
        if (s->at < s->end && (*s->at == '+' || *s->at == '-'))
            s->at++;
        return skip_digits(s);
    }
    return true;
}

static bool skip_literal(struct scan *s)
{
    for (size_t i = 0; i < sizeof LITERALS / sizeof *LITERALS; i++) {
        size_t size = strlen(LITERALS[i].text);
        if ((size_t)(s->end - s->at) >= size && memcmp(s->at, LITERALS[i].text, size) == 0) {
            s->at += size;
            s->nonfinite |= LITERALS[i].nonfinite;
            return true;
        }
    }
    return false;
}

/* Skips a number, a literal or a string; `at` stands on its first byte. */
static bool skip_scalar(struct scan *s)
{
    uint8_t c = *s->at;
    if (c == '"')
        return skip_string(s);
    if ((uint8_t)(c - '0') <= 9 || (c == '-' && s->end - s->at > 1 && s->at[1] != 'I'))
        return skip_number(s);
    return skip_literal(s);
}

static bool skip_key(struct scan *s)
{
    skip_blanks(s);
    return s->at < s->end && *s->at == '"' && skip_string(s) && take(s, ':');
}

/* Skips one value. `objects` has a bit for each open bracket, the innermost lowest: 1 an object, 0 an array.
 */
static bool skip_value(struct scan *s)
{
    uint64_t objects = 0;
    unsigned depth = 0;
    for (;;) {
        skip_blanks(s);
        if (s->at == s->end)
            return false;
        uint8_t c = *s->at;
        if (c == '{' || c == '[') {
            if (depth++ == SCAN_DEPTH_MAX)
                return false;
            s->at++;
            objects = objects << 1 | (c == '{');
            if (!take(s, c == '{' ? '}' : ']')) {
                if (c == '{' && !skip_key(s))
                    return false;
                continue;
            }
            depth--;
            objects >>= 1;
        } else if (!skip_scalar(s)) {
            return false;
        }
        while (depth > 0 && take(s, objects & 1 ? '}' : ']')) {
            depth--;
            objects >>= 1;
        }
        if (depth == 0)
            return true;
        if (!take(s, ',') || ((objects & 1) && !skip_key(s)))
            return false;
    }
}

enum status scan_value(struct scan *scan, struct bytes *value_out)
{
    skip_blanks(scan);
    const uint8_t *start = scan->at;
    if (!skip_value(scan))
        return BB_MALFORMED;
    *value_out = (struct bytes){start, (size_t)(scan->at - start)};
    return BB_OK;
}

enum status scan_object(struct scan *scan)
{
    return take(scan, '{') ? BB_OK : BB_MALFORMED;
}

enum status scan_next_member(struct scan *scan, bool first, struct scan_member *out)
{
    struct scan_member member;
    if (take(scan, '}'))
        return BB_NOT_FOUND;
    if (!first && !take(scan, ','))
        return BB_MALFORMED;
    skip_blanks(scan);
    const uint8_t *start = scan->at;
    if (start == scan->end || *start != '"' || !skip_string(scan))
        return BB_MALFORMED;
    member.key = (struct bytes){start + 1, (size_t)(scan->at - start) - 2};
    if (!take(scan, ':') || scan_value(scan, &member.value) != BB_OK)
        return BB_MALFORMED;
    *out = member;
    return BB_OK;
}

enum status scan_array(struct scan *scan)
{
    return take(scan, '[') ? BB_OK : BB_MALFORMED;
}

enum status scan_next_element(struct scan *scan, bool first, struct bytes *out)
{
    if (take(scan, ']'))
        return BB_NOT_FOUND;
    if (!first && !take(scan, ','))
        return BB_MALFORMED;
    return scan_value(scan, out);
}

bool scan_ended(struct scan *scan)
{
    skip_blanks(scan);
    return scan->at == scan->end;
}

enum status scan_find(struct bytes text, const char *name, struct bytes *value_out)
{
    struct scan scan = scan_at(text);
    struct scan_member member;
    struct bytes found = {NULL, 0};
    enum status status = scan_object(&scan);
    for (bool first = true; status == BB_OK; first = false) {
        status = scan_next_member(&scan, first, &member);
        if (status == BB_OK && scan_key_is(member.key, name))
            found = member.value;
    }
    if (status != BB_NOT_FOUND || !scan_ended(&scan))
        return BB_MALFORMED;
    if (found.data == NULL)
        return BB_NOT_FOUND;
    *value_out = found;
    return BB_OK;
}

/* One character after a backslash that stands at `p`[−1]; −1 if it is no escape. Moves `p` behind it. */
static int decode_escape(const uint8_t **p, const uint8_t *end)
{
    static const char FROM[] = "\"\\/bfnrt";
    static const char TO[] = "\"\\/\b\f\n\r\t";
    if (*p == end)
        return -1;
    uint8_t c = *(*p)++;
    if (c == 'u') {
        int value = hex4(*p, end);
        *p += value < 0 ? 0 : 4;
        return value;
    }
    const char *found = c == 0 ? NULL : strchr(FROM, c);
    return found == NULL ? -1 : TO[found - FROM];
}

bool scan_key_is(struct bytes key, const char *name)
{
    /* Most keys that are asked for are others. */
    if (key.size > 0 && key.data[0] != '\\' && key.data[0] != (uint8_t)name[0])
        return false;
    const uint8_t *p = key.data;
    const uint8_t *end = key.data + key.size;
    size_t size = strlen(name);
    /* Escapes are longer than what they stand for, so that a key that is not longer has none. */
    if (key.size <= size || memchr(key.data, '\\', key.size) == NULL)
        return key.size == size && memcmp(key.data, name, size) == 0;
    for (size_t i = 0; i < size; i++) {
        if (p == end)
            return false;
        int c = *p++;
        if (c == '\\')
            c = decode_escape(&p, end);
        if (c != (uint8_t)name[i])
            return false;
    }
    return p == end;
}

enum status scan_latin1(struct bytes string, uint8_t *buffer, size_t capacity, size_t *size_out)
{
    size_t size = 0;
    if (string.size < 2 || string.data[0] != '"' || string.data[string.size - 1] != '"')
        return BB_MALFORMED;
    const uint8_t *end = string.data + string.size - 1;
    for (const uint8_t *p = string.data + 1; p < end;) {
        int c = *p++;
        if (c == '\\')
            c = decode_escape(&p, end);
        if (c < 0)
            return BB_MALFORMED;
        if (c > 0xff)
            return BB_RANGE;
        if (size == capacity)
            return BB_FULL;
        buffer[size++] = (uint8_t)c;
    }
    *size_out = size;
    return BB_OK;
}

bool scan_is_number_or_literal(struct bytes text)
{
    struct scan scan = scan_at(text);
    return text.size > 0 && text.data[0] != '"' && skip_scalar(&scan) && scan.at == scan.end;
}
