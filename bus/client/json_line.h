/* JSON files that people write: the text beside the parsed value, so that an error can name its line.
 * (jansson knows lines of syntax errors only.) */
#ifndef BUS_CLIENT_JSON_LINE_H
#define BUS_CLIENT_JSON_LINE_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <jansson.h>
#include <stddef.h>

/* A file larger than this is no configuration. */
#define JSON_TEXT_MAX (4 * 1024 * 1024)

struct json_text {
    const char *file; /* borrowed: its name, for errors */
    char *text;       /* NUL-terminated */
    size_t size;
};

/* Reads and parses a file; repeated keys are refused. BB_NOT_FOUND, BB_IO, BB_FULL (larger than
 * JSON_TEXT_MAX), BB_MALFORMED (with file and line). On BB_OK free both outputs with json_text_free and
 * json_decref. */
BB_MUST_CHECK enum status json_text_load(const char *path, struct json_text *text_out, json_t **root_out,
                                         struct bb_reason *reason);

/* Frees the text; the tree is freed with json_decref. */
/* Frees the text. */
void json_text_free(struct json_text *text);

/* The line (from 1) of the `nth` (from 0) place where `key` stands as a key: "key" followed by a colon. 1
 * when there is none. Bounded by the text. Keys with escapes are not found. */
int json_line_of(const struct json_text *text, const char *key, size_t nth);

/* The line of the `nth` (from 0) text value `value` after line `line`: for lists. `line` when there is none.
 */
int json_line_of_value(const struct json_text *text, const char *value, int line);

#endif
