/* The founding of a chain: the sealer's key and the genesis, under <home>/ledger. What is there stays. */
#ifndef AGENTS_CLI_FOUNDING_H
#define AGENTS_CLI_FOUNDING_H

#include "ledger/core/genesis.h"

/* The operator, the distribution company, and as many as a command line or a demo names. */
#define FOUNDING_MAX 64

struct founding {
    const char *home;       /* made by home_make; borrowed */
    struct genesis genesis; /* sealer and participants are filled in here */
    struct genesis_participant participants[FOUNDING_MAX];
};

/* Starts one: the preset limits, no policy, the present time, nobody in it. */
void founding_start(struct founding *founding, const char *home, uint64_t chain_id);

/* Adds a participant. BB_RANGE: the name is none, or taken (the address too), or there are too many. */
BB_MUST_CHECK enum status founding_add(struct founding *founding,
                                       const struct genesis_participant *participant,
                                       struct bb_reason *reason);

/* Writes ledger/sealer.key (kept when it is there), ledger/genesis.json and its canonical bytes,
 * ledger/genesis. *hash_out identifies the chain. BB_EXISTS: there is a genesis; BB_RANGE: it is none; BB_IO.
 */
BB_MUST_CHECK enum status founding_write(struct founding *founding, struct bb_reason *reason,
                                         struct hash *hash_out);

/* The canonical bytes of the genesis that `home` knows, malloc'd, and their hash; BB_NOT_FOUND: none; BB_IO.
 */
BB_MUST_CHECK enum status founding_known(const char *home, struct bb_reason *reason, uint8_t **bytes_out,
                                         size_t *size_out, struct hash *hash_out);

#endif
