/* Points in ledger time as people give them. */
#ifndef AGENTS_CLI_MOMENT_H
#define AGENTS_CLI_MOMENT_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <stdint.h>

/* Parses seconds since 1970 ("1764352800"), UTC ("2026-11-28T18:00Z", seconds allowed), or a time from now
 * ("+90",
 * "+15m", "+2h", "+1d") into seconds since 1970. BB_MALFORMED; the reason begins with `what` ("--expires").
 */
BB_MUST_CHECK enum status moment_parse(const char *what, const char *text, int64_t now_s,
                                       struct bb_reason *reason, uint64_t *out);

#endif
