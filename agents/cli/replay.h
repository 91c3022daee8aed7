/* A chain played again in this process: every signature, link, root, verdict and balance computed anew. */
#ifndef AGENTS_CLI_REPLAY_H
#define AGENTS_CLI_REPLAY_H

#include "ledger/core/following.h"

struct replay;

/* Starts at the genesis. BB_MALFORMED, BB_RANGE with the reason; BB_IO: no memory. */
BB_MUST_CHECK enum status replay_open(struct bytes genesis, struct bb_reason *reason, struct replay **out);
void replay_close(struct replay *replay);

/* Takes the next block. Not CHAIN_GOOD: *index_out is the transaction at fault, where there is one. */
enum chain_fault replay_block(struct replay *replay, struct bytes block, uint32_t *index_out);

/* Where it stands. */
void replay_head(const struct replay *replay, struct chain_head *out);

#endif
