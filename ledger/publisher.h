/* What the ledger publishes: market/blocks and market/trades when a block is durable, market/offers when the
 * book has changed, at most ten times a second. */
#ifndef LEDGER_PUBLISHER_H
#define LEDGER_PUBLISHER_H

#include <busbar/bytes.h>

#define PUBLISHER_INTERVALS 64
/* Trades a second that are told one by one; the rest is counted in market/blocks and found by `trades`. */
#define PUBLISHER_TRADES_A_SECOND 2000

struct service;

struct publisher {
    struct {
        uint64_t interval, digest; /* of the book as it was last told */
    } told[PUBLISHER_INTERVALS];
    size_t told_count;
    bool due;        /* a timer runs that will look at the book */
    int64_t told_ms; /* when it was last looked at */
    int64_t second;  /* the present one, and the trades told in it */
    uint32_t trades;
};

/* A block has become durable. */
void publisher_block(struct service *service, uint64_t height, struct bytes block);

#endif
