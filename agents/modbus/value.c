#include "agents/modbus/value.h"

#include <busbar/check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Number of SunSpec's scale factors. */
#define POWER_MAX 10

/* The register that holds the highest 16 bits comes out first. */
static uint64_t gather(const struct point *point, const uint16_t *registers)
{
    uint64_t raw = 0;
    size_t count = point->count;
    for (size_t i = 0; i < count; i++) {
        uint16_t one = registers[point->mixed != point->little ? count - 1 - i : i];
        raw = raw << 16 | (point->little ? (uint16_t)(one << 8 | one >> 8) : one);
    }
    return raw;
}

static void scatter(const struct point *point, uint64_t raw, uint16_t *registers)
{
    size_t count = point->count;
    for (size_t i = count; i > 0; i--, raw >>= 16) {
        uint16_t one = (uint16_t)raw;
        registers[point->mixed != point->little ? count - i : i - 1] =
            point->little ? (uint16_t)(one << 8 | one >> 8) : one;
    }
}

static uint64_t highest(const struct point *point)
{
    return UINT64_MAX >> (64 - 16 * point->count);
}

static uint64_t lowest(const struct point *point)
{
    return UINT64_C(1) << (16 * point->count - 1);
}

static bool is_absent(const struct point *point, uint64_t raw)
{
    return (point->absent == ABSENT_LOWEST && raw == lowest(point)) ||
           (point->absent == ABSENT_HIGHEST && raw == highest(point)) ||
           (point->absent == ABSENT_ZERO && raw == 0);
}

static struct decimal factor_of(const struct point *point, int power)
{
    struct decimal factor = point->factor;
    factor.exponent += power;
    return factor;
}

/* -- reading ----------------------------------------------------------------------------------------------
 */

static void shortest(const struct point *point, uint64_t raw, char *text, size_t size)
{
    uint32_t low = (uint32_t)raw;
    float single;
    double real;
    memcpy(&single, &low, sizeof single);
    memcpy(&real, &raw, sizeof real);
    if (point->count == 2)
        real = (double)single;
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, size, "%.*e", digits - 1, real);
        if (point->count == 2 ? strtof(text, NULL) == single : strtod(text, NULL) == real)
            return;
    }
}

static bool is_number(const struct point *point, uint64_t raw)
{
    return point->count == 2 ? (raw & 0x7f800000U) != 0x7f800000U
                             : (raw & UINT64_C(0x7ff0000000000000)) != UINT64_C(0x7ff0000000000000);
}

static void decode_real(const struct point *point, uint64_t raw, int power, struct value *out)
{
    char text[40];
    struct decimal number;
    out->kind = VALUE_NULL;
    if (!is_number(point, raw))
        return;
    shortest(point, raw, text, sizeof text);
    if (decimal_read(text, &number) != BB_OK)
        return;
    out->kind = VALUE_NUMBER;
    decimal_text(number, factor_of(point, power), out->text, sizeof out->text);
    if (strpbrk(out->text, ".e") == NULL)
        strncat(out->text, ".0", sizeof out->text - strlen(out->text) - 1);
}

/* Letters of ASCII stay; what a device says beyond them is no known alphabet. */
static void decode_text(const struct point *point, const uint16_t *registers, struct value *out)
{
    size_t size = 0;
    for (size_t i = 0; i < 2U * point->count; i++) {
        uint16_t one = registers[point->mixed ? point->count - 1U - i / 2 : i / 2];
        uint8_t byte = (uint8_t)(i % 2 == 0 ? one >> 8 : one);
        if (byte == 0)
            break;
        out->text[size++] = byte >= 0x20 && byte < 0x7f ? (char)byte : '?';
    }
    while (size > 0 && out->text[size - 1] == ' ')
        size--;
    out->text[size] = '\0';
    out->kind = size == 0 && point->absent == ABSENT_ZERO ? VALUE_NULL : VALUE_TEXT;
}

void value_decode(const struct point *point, const uint16_t *registers, int power, struct value *out)
{
    if (point->kind == POINT_TRUTH) {
        out->kind = VALUE_TRUTH;
        out->truth = registers[0] != 0;
        return;
    }
    if (point->kind == POINT_TEXT) {
        decode_text(point, registers, out);
        return;
    }
    uint64_t raw = gather(point, registers);
    if (point->kind == POINT_REAL) {
        decode_real(point, raw, power, out);
        return;
    }
    out->kind = is_absent(point, raw) ? VALUE_NULL : VALUE_NUMBER;
    bool negative = point->kind == POINT_SIGNED && (raw & lowest(point)) != 0;
    struct decimal number = {negative, negative ? (~raw & highest(point)) + 1 : raw, 0};
    if (out->kind == VALUE_NUMBER)
        decimal_text(number, factor_of(point, power), out->text, sizeof out->text);
}

bool value_power(uint16_t raw, int *power_out)
{
    int power = (int16_t)raw;
    if (power < -POWER_MAX || power > POWER_MAX)
        return false;
    *power_out = power;
    return true;
}

/* -- writing ----------------------------------------------------------------------------------------------
 */

static enum status encode_integer(const struct point *point, struct decimal number, int power,
                                  struct bb_reason *reason, uint16_t *registers)
{
    bool negative = false;
    uint64_t magnitude = 0, most = highest(point), bound;
    enum status status = decimal_divide(number, factor_of(point, power), &negative, &magnitude);
    if (point->kind == POINT_SIGNED)
        bound = negative ? lowest(point) : lowest(point) - 1;
    else
        bound = negative ? 0 : most;
    uint64_t raw = negative ? (~magnitude + 1) & most : magnitude;
    if (status != BB_OK || magnitude > bound || is_absent(point, raw)) {
        bb_reason_say(reason, "\"%s\" does not take that: its register has %d bits %s sign", point->name,
                      16 * point->count, point->kind == POINT_SIGNED ? "with a" : "without a");
        return BB_RANGE;
    }
    scatter(point, raw, registers);
    return BB_OK;
}

static enum status encode_real(const struct point *point, const char *text, int power,
                               struct bb_reason *reason, uint16_t *registers)
{
    struct decimal factor = factor_of(point, power);
    double real = strtod(text, NULL);
    if (factor.digits != 1 || factor.exponent != 0 || factor.negative)
        real = real / ((factor.negative ? -1.0 : 1.0) * (double)factor.digits * pow(10, factor.exponent));
    float single = (float)real;
    uint32_t low;
    uint64_t raw;
    memcpy(&low, &single, sizeof low);
    memcpy(&raw, &real, sizeof raw);
    if (point->count == 2)
        raw = low;
    if (!is_number(point, raw)) {
        bb_reason_say(reason, "\"%s\" does not take that: it is too large for a float of %d bits",
                      point->name, 16 * point->count);
        return BB_RANGE;
    }
    scatter(point, raw, registers);
    return BB_OK;
}

static enum status encode_text(const struct point *point, const char *text, struct bb_reason *reason,
                               uint16_t *registers)
{
    size_t size = strlen(text);
    if (size > 2U * point->count) {
        bb_reason_say(reason, "\"%s\" has room for %d bytes", point->name, 2 * point->count);
        return BB_RANGE;
    }
    memset(registers, 0, point->count * sizeof *registers);
    for (size_t i = 0; i < size; i++)
        registers[point->mixed ? point->count - 1U - i / 2 : i / 2] |=
            (uint16_t)((uint8_t)text[i] << (i % 2 == 0 ? 8 : 0));
    return BB_OK;
}

/* A truth is one of true, false, 1 and 0. */
static bool truth_of(const struct value *value, bool *truth_out)
{
    struct decimal number;
    if (value->kind == VALUE_TRUTH) {
        *truth_out = value->truth;
        return true;
    }
    if (value->kind != VALUE_NUMBER || decimal_read(value->text, &number) != BB_OK ||
        (number.digits != 0 && (number.digits != 1 || number.exponent != 0 || number.negative)))
        return false;
    *truth_out = number.digits != 0;
    return true;
}

enum status value_encode(const struct point *point, const struct value *value, int power,
                         struct bb_reason *reason, uint16_t *registers_out)
{
    struct decimal number;
    bool truth = false;
    if (point->kind == POINT_TRUTH && truth_of(value, &truth)) {
        registers_out[0] = truth;
        return BB_OK;
    }
    if (point->kind == POINT_TEXT && value->kind == VALUE_TEXT)
        return encode_text(point, value->text, reason, registers_out);
    bool numeric = point->kind != POINT_TRUTH && point->kind != POINT_TEXT && value->kind == VALUE_NUMBER;
    if (numeric && point->kind == POINT_REAL)
        return encode_real(point, value->text, power, reason, registers_out);
    enum status status = numeric ? decimal_read(value->text, &number) : BB_MALFORMED;
    if (status == BB_OK)
        return encode_integer(point, number, power, reason, registers_out);
    static const char *const wants[] = {"true or false", "a number", "a number", "a number", "a text"};
    bb_reason_say(reason, "\"%s\" wants %s%s", point->name, wants[point->kind],
                  status == BB_RANGE ? " of at most 18 digits" : "");
    return status;
}

enum status value_read(const struct point *point, const char *text, struct value *out)
{
    struct decimal number;
    enum status status = decimal_read(text, &number);
    if (strlen(text) > VALUE_TEXT_MAX)
        return BB_MALFORMED;
    struct value value = {point->kind == POINT_TEXT ? VALUE_TEXT : VALUE_NUMBER, false, ""};
    strncpy(value.text, text, sizeof value.text - 1);
    if (point->kind == POINT_TRUTH && status != BB_OK) {
        value.kind = VALUE_TRUTH;
        value.truth = strcasecmp(text, "true") == 0 || strcasecmp(text, "on") == 0;
        status = value.truth || strcasecmp(text, "false") == 0 || strcasecmp(text, "off") == 0 ? BB_OK
                                                                                               : BB_MALFORMED;
    }
    if (status != BB_OK && point->kind != POINT_TEXT)
        return BB_MALFORMED;
    *out = value;
    return BB_OK;
}

const char *value_type(const struct point *point)
{
    static const char *const types[] = {"boolean", "integer", "integer", "float", "string"};
    bool whole = point->power_at < 0 && point->factor.exponent >= 0;
    if ((point->kind == POINT_SIGNED || point->kind == POINT_NATURAL) && !whole)
        return "float";
    return types[point->kind];
}
