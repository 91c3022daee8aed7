/* Moments as VOLTTRON's agents write them. */
#ifndef AGENTS_MODBUS_MOMENT_H
#define AGENTS_MODBUS_MOMENT_H

#include <busbar/status.h>
#include <stddef.h>
#include <stdint.h>

/* Room for moment_text, with its NUL. */
#define MOMENT_TEXT_MAX 40

/* Reads "2013-12-06 16:00:00", with T in place of the blank, without seconds, with a fraction of up to nine
 * digits (cut to milliseconds), and with Z, +01:00, +0100 or " UTC" behind it; without a zone it is local
 * time. Milliseconds since 1970. BB_MALFORMED. */
BB_MUST_CHECK enum status moment_read(const char *text, int64_t *ms_out);

/* "2013-12-06T16:00:00.000000+00:00". text_out[size ≥ MOMENT_TEXT_MAX]. */
void moment_text(int64_t ms, char *text_out, size_t size);

#endif
