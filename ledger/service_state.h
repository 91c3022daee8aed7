/* The private members of the service, shared by its parts. */
#ifndef LEDGER_SERVICE_STATE_H
#define LEDGER_SERVICE_STATE_H

#include "ledger/history.h"
#include "ledger/pipeline.h"
#include "ledger/publisher.h"
#include "ledger/service.h"
#include "ledger/submit.h"

#include <busbar/client.h>

struct service {
    const struct service_settings *settings;
    struct bb_loop *loop;
    struct bb_client *client;
    struct signer *signer;
    struct store *store;
    struct bb_reason read_only; /* why the store is only read; "" when it is written */
    struct pipeline *pipeline;
    struct chain *chain;
    struct history *history;
    struct publisher publisher;
    struct submits submits;
    int64_t started_ms;
    bool stalled; /* a transaction was refused as read-only, and none has been sealed since; it is in the log
                   */
};

struct json_writer;

/* Writes "height", "block" and "state" of the head, which every result has. */
void service_stamp(const struct service *service, struct json_writer *w);

#endif
