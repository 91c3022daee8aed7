/* What a point is worth: between a device's registers and JSON. Integers are exact, floating-point numbers
 * have the fewest digits that read back the same, factors are applied in decimals. */
#ifndef AGENTS_MODBUS_VALUE_H
#define AGENTS_MODBUS_VALUE_H

#include "agents/modbus/point.h"

#include <busbar/reason.h>

#define VALUE_TEXT_MAX (2 * READ_MAX)

enum value_kind { VALUE_NULL, VALUE_TRUTH, VALUE_NUMBER, VALUE_TEXT };

struct value {
    enum value_kind kind;
    bool truth;
    char text[VALUE_TEXT_MAX + 1]; /* a number as JSON writes it, or a text in UTF-8 */
};

/* What `registers` (point->count of them; a bit is 0 or not) mean; `power` is the power of ten that its
 * power_at holds (0 without). Null: the device says that it has no such point, or no number (NaN). */
void value_decode(const struct point *point, const uint16_t *registers, int power, struct value *out);

/* The other way round. registers_out has room for point->count. BB_MALFORMED: not of the point's kind;
 * BB_RANGE: outside its range, or what would mean that there is no such point. */
BB_MUST_CHECK enum status value_encode(const struct point *point, const struct value *value, int power,
                                       struct bb_reason *reason, uint16_t *registers_out);

/* A value from a text that people wrote: on, true, 5, 5.2; for a text point, itself. BB_MALFORMED. */
BB_MUST_CHECK enum status value_read(const struct point *point, const char *text, struct value *out);

/* "boolean", "integer", "float" or "string", as VOLTTRON's meta data has it. */
const char *value_type(const struct point *point);

/* The power of ten that a point holds (SunSpec: sunssf), from its register; false: none, or beyond ±10. */
bool value_power(uint16_t raw, int *power_out);

#endif
