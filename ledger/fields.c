#include "ledger/fields.h"

#include "ledger/crypto/address.h"
#include "ledger/crypto/hex.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define JSON_INTEGER_MAX (INT64_C(1) << 53)

/* jansson reads -0 as 0; signed data must not have two texts for one number. */
static bool has_negative_zero(struct bytes text)
{
    bool quoted = false;
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && c == '-' && i + 1 < text.size && text.data[i + 1] == '0' &&
                 (i + 2 == text.size || strchr(".eE", text.data[i + 2]) == NULL))
            return true;
    }
    return false;
}

enum status fields_parse(struct bytes text, const char *place, struct bb_reason *reason, json_t **out)
{
    json_error_t error;
    if (text.size == 0 || memchr(text.data, '\0', text.size) != NULL) {
        bb_reason_say(reason, "%s: no JSON", place);
        return BB_MALFORMED;
    }
    if (has_negative_zero(text)) {
        bb_reason_say(reason, "%s: -0 is no integer", place);
        return BB_MALFORMED;
    }
    json_t *root =
        json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root == NULL) {
        bb_reason_say(reason, "%s: line %d: %s", place, error.line, error.text);
        return BB_MALFORMED;
    }
    *out = root;
    return BB_OK;
}

bool fields_refuse(struct fields *f, const char *name, const char *why)
{
    if (f->ok)
        bb_reason_say(f->reason, "%s%s%.64s: %s", f->place, name != NULL && f->place[0] != '\0' ? "." : "",
                      name != NULL ? name : "", why);
    f->ok = false;
    return false;
}

static bool is_known(const char *name, const char *const *known)
{
    while (*known != NULL && strcmp(*known, name) != 0)
        known++;
    return *known != NULL;
}

struct fields fields_of(json_t *object, const char *place, const char *const *known, struct bb_reason *reason)
{
    struct fields f = {.object = object, .reason = reason, .ok = true};
    const char *name;
    json_t *value;
    snprintf(f.place, sizeof f.place, "%s", place);
    if (!json_is_object(object)) {
        fields_refuse(&f, NULL, "expected an object");
        return f;
    }
    json_object_foreach(object, name, value) if (!is_known(name, known))
        fields_refuse(&f, name, "unknown member");
    return f;
}

bool fields_has(const struct fields *f, const char *name)
{
    return json_object_get(f->object, name) != NULL;
}

static json_t *member(struct fields *f, const char *name)
{
    json_t *value = f->ok ? json_object_get(f->object, name) : NULL;
    if (value == NULL)
        fields_refuse(f, name, "is missing");
    return value;
}

/* A decimal string of one form for each number: its sign and magnitude. */
static bool read_decimal(const char *text, bool *negative_out, uint64_t *magnitude_out)
{
    bool negative = *text == '-';
    const char *digits = text + negative;
    uint64_t magnitude = 0;
    size_t length = strspn(digits, "0123456789");
    if (length == 0 || digits[length] != '\0' || (digits[0] == '0' && (length > 1 || negative)))
        return false;
    for (; *digits != '\0'; digits++)
        if (__builtin_mul_overflow(magnitude, UINT64_C(10), &magnitude) ||
            __builtin_add_overflow(magnitude, (uint64_t)(*digits - '0'), &magnitude))
            return false;
    *negative_out = negative;
    *magnitude_out = magnitude;
    return true;
}

static bool read_integer(struct fields *f, const char *name, bool *negative_out, uint64_t *magnitude_out)
{
    json_t *value = member(f, name);
    json_int_t integer = json_integer_value(value);
    if (value == NULL)
        return false;
    if (json_is_string(value))
        return read_decimal(json_string_value(value), negative_out, magnitude_out) ||
               fields_refuse(f, name, "expected a decimal integer of at most 64 bits, as \"-12\"");
    if (json_is_real(value))
        return fields_refuse(f, name, "a number with a point or an exponent is no integer");
    if (!json_is_integer(value))
        return fields_refuse(f, name, "expected an integer, as a decimal string");
    if (integer > JSON_INTEGER_MAX || integer < -JSON_INTEGER_MAX)
        return fields_refuse(f, name, "an integer beyond 2^53 must be written as a decimal string");
    *negative_out = integer < 0;
    *magnitude_out = integer < 0 ? (uint64_t)-integer : (uint64_t)integer;
    return true;
}

uint64_t fields_uint(struct fields *f, const char *name, uint64_t most)
{
    bool negative;
    uint64_t magnitude;
    char why[64];
    if (!read_integer(f, name, &negative, &magnitude))
        return 0;
    if (!negative && magnitude <= most)
        return magnitude;
    snprintf(why, sizeof why, "expected 0 to %" PRIu64, most);
    fields_refuse(f, name, why);
    return 0;
}

int64_t fields_int(struct fields *f, const char *name)
{
    bool negative;
    uint64_t magnitude;
    if (!read_integer(f, name, &negative, &magnitude))
        return 0;
    if (magnitude > (uint64_t)INT64_MAX + negative) {
        fields_refuse(f, name, "does not fit 64 bits with a sign");
        return 0;
    }
    return negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
}

const char *fields_text(struct fields *f, const char *name, size_t most)
{
    json_t *value = member(f, name);
    char why[64];
    if (value == NULL)
        return "";
    if (json_is_string(value) && json_string_length(value) <= most)
        return json_string_value(value);
    snprintf(why, sizeof why, "expected a text of at most %zu bytes", most);
    fields_refuse(f, name, why);
    return "";
}

struct address fields_address(struct fields *f, const char *name)
{
    struct address address = {{0}};
    const char *text = fields_text(f, name, 64);
    if (f->ok && address_parse(text, &address) != BB_OK)
        fields_refuse(f, name,
                      "expected an address: 0x and forty hexadecimal digits, with a right checksum if "
                      "upper and lower case are mixed");
    return address;
}

void fields_hex(struct fields *f, const char *name, uint8_t *out, size_t size)
{
    char why[80];
    const char *text = fields_text(f, name, 2 * size + 2);
    memset(out, 0, size);
    if (!f->ok || hex_parse(text, out, size) == BB_OK)
        return;
    snprintf(why, sizeof why, "expected 0x and %zu hexadecimal digits", 2 * size);
    fields_refuse(f, name, why);
}

unsigned fields_word(struct fields *f, const char *name, const char *const *words)
{
    const char *text = fields_text(f, name, 64);
    char why[160] = "expected one of";
    for (unsigned i = 0; f->ok && words[i] != NULL; i++) {
        size_t used = strlen(why);
        if (strcmp(words[i], text) == 0)
            return i;
        snprintf(why + used, sizeof why - used, "%s \"%s\"", i > 0 ? "," : "", words[i]);
    }
    fields_refuse(f, name, why);
    return 0;
}

json_t *fields_list(struct fields *f, const char *name, size_t most)
{
    json_t *value = member(f, name);
    char why[64];
    if (value == NULL || (json_is_array(value) && json_array_size(value) <= most))
        return value;
    snprintf(why, sizeof why, "expected a list of at most %zu", most);
    fields_refuse(f, name, why);
    return NULL;
}

json_t *fields_object(struct fields *f, const char *name)
{
    json_t *value = member(f, name);
    if (value == NULL || json_is_object(value))
        return value;
    fields_refuse(f, name, "expected an object");
    return NULL;
}
