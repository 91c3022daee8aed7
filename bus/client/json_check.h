/* Whether a text is JSON, without making a tree of it: most messages are only passed on. Source: RFC 8259. */
#ifndef BUS_CLIENT_JSON_CHECK_H
#define BUS_CLIENT_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

#define JSON_CHECK_DEPTH 2048

/* True when `text` is exactly one JSON value in UTF-8, without U+0000 in its strings, nested at most
 * JSON_CHECK_DEPTH deep. Numbers may be larger than any type. */
bool json_check(const char *text, size_t size);

/* Behind the string that begins at `at`, its first quote, within a text that is JSON. */
const char *json_check_string_end(const char *at);

#endif
