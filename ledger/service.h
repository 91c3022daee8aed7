/* busbar-ledgerd: the ledger as the peer `ledger` on the bus (docs/architecture.md, "The ledger on the bus").
 * Only a signature authenticates an actor; the bus key grants the right to call. */
#ifndef LEDGER_SERVICE_H
#define LEDGER_SERVICE_H

#include "bus/client/config.h"

#include <busbar/reason.h>
#include <busbar/status.h>

struct service_settings {
    char *identity, *home, *address;
    int64_t heartbeat_ms, threads, block_ms, block_max, checkpoint;
    bool verify, text;
    char *backup, *export_to, *import_from;
};

/* The table of settings, for config_start. */
extern const struct config service_config;

/* Serves until SIGINT or SIGTERM: BB_INTERRUPTED. Or does what --verify, --backup, --export or --import ask
 * for, and returns BB_OK. Any other: it could not begin, and the reason says why and what to do. */
BB_MUST_CHECK enum status service_run(const struct service_settings *settings, struct bb_reason *reason);

#endif
