/* What a board concludes from its roster: the answer, its vote, and whether all have voted for the same. */
#ifndef NODE_FW_DISPATCH_VERDICT_H
#define NODE_FW_DISPATCH_VERDICT_H

#include "node-fw/dispatch/dispatch.h"

#include <stdint.h>

/* The vote for a digest: its low 32 bits, and 1 for 0, which means no vote. */
uint32_t verdict_vote(uint64_t digest);

/* Silence after which the board counts as dead, ms. */
int64_t verdict_expiry(const struct dispatch *d, const struct dispatch_board *board);

/* How old the last news of a board may be in a certificate, ms: a crash is hidden by it at most this long. */
int64_t verdict_freshness(const struct dispatch *d, const struct dispatch_board *board);

/* Brings the digest up to date, and with it the answer. */
void verdict_refresh(struct dispatch *d);

/* The same, and then the own vote, the certificate, and the hash over everything: after every change. */
void verdict_settle(struct dispatch *d);

#endif
