/* Comma-separated values: RFC 4180, CRLF line ends, a header row whose names carry the units. */
#ifndef AGENTS_CLI_CSV_H
#define AGENTS_CLI_CSV_H

#include "agents/cli/table.h"

#include <stdio.h>

/* Writes one record of `count` fields, quoted where they hold a comma, a quote or a line end. Source: RFC
 * 4180 §2. */
void csv_record(FILE *to, const char *const *fields, size_t count);

/* Writes the columns' keys, then the rows without the totals. */
void csv_table(FILE *to, const struct table *table);

#endif
