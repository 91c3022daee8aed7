/* Verification of a chain from its first block: every signature, link, root, verdict and balance is computed
 * again, and what is derived is compared with it. Beside a running service too: it sees the chain as it was
 * when the store was opened. */
#ifndef LEDGER_AUDIT_H
#define LEDGER_AUDIT_H

#include "ledger/store.h"

#include <busbar/address.h>

struct audit_report {
    uint64_t height, transactions; /* so far */
    struct hash head;              /* of the last block that was checked */
    uint64_t of;                   /* the last height */
    double seconds;
};

/* Told about ten times a second. */
typedef void audit_progress(void *context, const struct audit_report *report);

/* Replays everything with `threads` threads for the signatures (0: one a core). BB_MALFORMED: the reason says
 * at which height, and what is wrong there; report_out is filled in any case, up to that point. */
BB_MUST_CHECK enum status audit_run(struct store *store, uint32_t threads, audit_progress *progress,
                                    void *context, struct bb_reason *reason, struct audit_report *report_out);

#endif
