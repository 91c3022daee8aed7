/* How a registry names the form of a register: Python's struct formats (>f, <H, >16s, BOOL) as VOLTTRON's
 * Modbus driver has them, and words (uint16, float32, string[8], bool) as its other one has. */
#ifndef AGENTS_MODBUS_FORMAT_H
#define AGENTS_MODBUS_FORMAT_H

#include "agents/modbus/point.h"

/* Fills in the kind, count and byte order of a point. BB_MALFORMED: no such form; BB_RANGE: it has an odd
 * number of bytes, or too many. */
BB_MUST_CHECK enum status format_read(const char *text, struct point *point);

#endif
