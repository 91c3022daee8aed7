/* JSON written piece by piece: answers of thousands of values need no tree. */
#ifndef AGENTS_HISTORIAN_JSON_OUT_H
#define AGENTS_HISTORIAN_JSON_OUT_H

#include "agents/historian/reading.h"

#include <stdio.h>

/* Writes a text in UTF-8 with its quotes. */
void json_out_text(FILE *to, struct bytes text);

/* Writes a finite number with the fewest digits that read back as the same double. */
void json_out_real(FILE *to, double value);

/* Writes a value. */
void json_out_value(FILE *to, const struct value *value);

#endif
