/* Readings as InfluxDB's line protocol. A series is the measurement with the tag `topic`; the field says
 * the kind, because InfluxDB refuses a field whose kind changes: value (a number), flag, text.
 * Source: InfluxDB 1.8 and 2, line protocol reference. */
#ifndef AGENTS_HISTORIAN_LINE_H
#define AGENTS_HISTORIAN_LINE_H

#include "agents/historian/reading.h"

#include <stdio.h>

#define LINE_MEASUREMENT "busbar"

/* Writes one line, with its end. */
void line_write(FILE *to, struct bytes series, int64_t time_us, const struct value *value);

#endif
