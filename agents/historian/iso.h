/* Points in time as texts and back: microseconds since 1970, UTC. Source: ISO 8601, as VOLTTRON writes it. */
#ifndef AGENTS_HISTORIAN_ISO_H
#define AGENTS_HISTORIAN_ISO_H

#include <stdbool.h>
#include <stdint.h>

#define ISO_TEXT_MAX 40
/* 1970-01-01 and 2200-01-01: what lies outside is no time of a reading. */
#define ISO_US_MIN INT64_C(0)
#define ISO_US_MAX (INT64_C(7258118400) * 1000000)

/* Reads "2026-11-28T18:00:00.123456+01:00": date and time with T or a space between them, seconds and their
 * fraction may be left out, also the time; Z, an offset or nothing (UTC) behind. False: it is none, or lies
 * outside ISO_US_MIN … ISO_US_MAX. */
bool iso_parse(const char *text, int64_t *us_out);

/* Writes "2026-11-28T18:00:00.123456+00:00", the way VOLTTRON's historians answer, to text[ISO_TEXT_MAX];
 * returns it. */
char *iso_format(int64_t us, char *text);

#endif
