/* Reads access.json into the core's access rules. */
#ifndef BUS_RULES_H
#define BUS_RULES_H

#include "bus/core/access.h"

#include <busbar/reason.h>

/* Fills *out (any contents) from the file. BB_NOT_FOUND, BB_IO, BB_MALFORMED, BB_RANGE, BB_FULL; the reason
 * names the file, the entry and what is expected. */
BB_MUST_CHECK enum status rules_load(const char *path, struct access *out, struct bb_reason *reason);

#endif
