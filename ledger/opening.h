/* Opening the chain: its database, its genesis, its sealer's key. */
#ifndef LEDGER_OPENING_H
#define LEDGER_OPENING_H

#include <busbar/reason.h>
#include <busbar/status.h>

struct service;

/* The store of <home>/ledger, made from genesis.json when there is none; a genesis.json that differs from the
 * store's is BB_RANGE, neither of them BB_NOT_FOUND; and store_open's. */
BB_MUST_CHECK enum status opening_store(struct service *service, struct bb_reason *reason);

/* The chain out of the store, and the pipeline with the sealer's key, which must fit the sealer in force
 * (BB_DENIED); sealer_key_load's and pipeline_open's. */
BB_MUST_CHECK enum status opening_chain(struct service *service, struct bb_reason *reason);

#endif
