/* Points in time as texts: UTC, ISO 8601. */
#ifndef AGENTS_VIEWS_STAMP_H
#define AGENTS_VIEWS_STAMP_H

#include <stdint.h>

#define STAMP_TEXT_MAX 32

/* Writes "2026-01-02T03:04:05.678Z" for milliseconds since 1970 to text[STAMP_TEXT_MAX]; returns it. */
char *stamp_format(int64_t unix_ms, char *text);

#endif
