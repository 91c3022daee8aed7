/* The contract alone, driven by JSON lines: one action a line, integers as decimal strings (JSON integers are
 * taken too), accounts by name. No ledger, no signatures, no bus: for what-if questions and for tests. The
 * operator and the distribution company are there from the beginning under these names. */
#ifndef AGENTS_CLI_WHATIF_H
#define AGENTS_CLI_WHATIF_H

#include "market/view.h"

#include <busbar/reason.h>

#define WHATIF_LINE_MAX 65536 /* bytes of one line, its end not counted */

struct whatif;

/* What one line came to. */
struct whatif_answer {
    bool acted; /* false: an empty line or a comment; then nothing else is set */
    enum verdict verdict;
    const struct trade *trades; /* trades[trade_count], borrowed until the next line */
    uint32_t trade_count;
};

/* An empty market with its two companies, at second 0. BB_FULL: no memory. */
BB_MUST_CHECK enum status whatif_open(struct whatif **out);
void whatif_close(struct whatif *whatif);

/* Does what one line says. BB_MALFORMED: it is no action, with the reason; nothing has happened then. */
BB_MUST_CHECK enum status whatif_line(struct whatif *whatif, struct bytes line, struct bb_reason *reason,
                                      struct whatif_answer *out);

/* The state after all lines so far, with what was due by time done. Borrowed until the next line. */
const struct market *whatif_market(struct whatif *whatif);

/* True when account `index` belongs into an answer: it was named by a mint or an admit, or it holds something
 * (the two companies are there from the beginning, and mostly hold nothing). */
bool whatif_shows(const struct whatif *whatif, uint32_t index);

#endif
