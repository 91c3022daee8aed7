/* The registry of a device: a CSV file as VOLTTRON's Modbus drivers have it. */
#ifndef AGENTS_MODBUS_REGISTRY_H
#define AGENTS_MODBUS_REGISTRY_H

#include "agents/modbus/point.h"

#include <busbar/reason.h>

/* A file larger than this is no registry. */
#define REGISTRY_BYTES_MAX (1024 * 1024)

/* Reads a registry from its text. The first row names the columns, in any order and in any case:
 * `Volttron Point Name` (or `Point Name`), `Modbus Register` (`Type`; format.h), `Point Address` (`Address`;
 * decimal, or hexadecimal behind 0x) must be there; `Units`, `Writable` (TRUE or FALSE), `Default Value`
 * (`Default`, `Starting Value`), `Mixed Endian`, `Transform` (scale(0.1), scale_int(0.1),
 * scale_reg_pow_10(point)) and `Table` (coils, discrete, input, holding) may be;
 * `Reference Point Name`, `Units Details`, `Notes` and `Description` are for people. Others are refused,
 * unless they begin with #. Rows without a name are skipped. Without a table, a bit is a coil when it is
 * writable, else a discrete input; all else is in a holding register when it is writable, else in an input
 * register. BB_MALFORMED, BB_RANGE, BB_FULL (POINTS_MAX), BB_EXISTS (a name twice), with "LINE: why" in
 * `reason`. Free points_out->list.
 * Source: VOLTTRON, Modbus driver and Modbus-TK driver, registry configuration. */
BB_MUST_CHECK enum status registry_read(const char *text, struct bb_reason *reason,
                                        struct points *points_out);

/* The same of a file; "FILE:LINE: why". BB_NOT_FOUND, BB_IO, BB_FULL, too. */
BB_MUST_CHECK enum status registry_load(const char *path, struct bb_reason *reason,
                                        struct points *points_out);

/* The place of a point, -1 when there is none of that name. */
int registry_find(const struct points *points, const char *name);

#endif
