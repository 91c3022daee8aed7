/* Comma-separated values as Python's csv.DictReader reads them. Source: RFC 4180. */
#ifndef BUS_CONFIGS_CSV_TEXT_H
#define BUS_CONFIGS_CSV_TEXT_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <jansson.h>

/* A list with one object for each row after the first, which has the names. Empty rows are skipped, missing
 * fields are null, and fields beyond the names are a list under "null". BB_MALFORMED: no names, a text
 * between quotes that does not end, or no UTF-8. */
BB_MUST_CHECK enum status csv_text_parse(const char *text, json_t **out, struct bb_reason *reason);

#endif
