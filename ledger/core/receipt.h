/* A transaction's receipt: what the contract said and did, as canonical bytes. It is the leaf of the block's
 * receipt tree, at the same place as its transaction.
 *
 *   32 transaction id · u8 verdict · u64 order
 *   u32 n · n × trade    (address buyer, address seller, u64 post, u64 bid, u64 interval, i64 Wh, i64 price,
 *                         i64 fee, u8 network, u64 version)
 *   u8 n · u32 total · n × passed (u64 post, address seller, i64 headroom)
 *   u32 n · n × balance  (address, i64 money, i64 escrow, i64 energy, i64 on_sale): the accounts that
 * changed, afterwards */
#ifndef LEDGER_CORE_RECEIPT_H
#define LEDGER_CORE_RECEIPT_H

#include "market/view.h"

#include <busbar/status.h>

/* 32+1+8 + 4+1024×97 + 5+16×36 + 4+2050×52, rounded up. */
#define RECEIPT_BYTES_MAX (240 * 1024)

/* A receipt read back: cursors over its own bytes. */
struct receipt {
    struct hash id;
    enum verdict verdict;
    uint64_t order;
    uint32_t trade_count, passed_count, passed_total, balance_count;
    struct bytes trades, passed, balances; /* borrowed from the receipt's bytes */
};

struct receipt_trade {
    struct address buyer, seller;
    uint64_t post, bid, interval;
    struct energy energy;
    struct price price, fee;
    uint8_t network;
    uint64_t version;
};

struct receipt_passed {
    uint64_t post;
    struct address seller;
    struct energy headroom;
};

struct receipt_balance {
    struct address address;
    struct money money, escrow;
    struct energy energy, on_sale;
};

/* Writes the receipt of what market_apply said to out[RECEIPT_BYTES_MAX]; the size. */
size_t receipt_encode(const struct market *market, const struct hash *id, enum verdict verdict,
                      const struct outcome *outcome, uint8_t *out);

/* Reads one that fills `bytes` entirely. BB_MALFORMED. */
BB_MUST_CHECK enum status receipt_decode(struct bytes bytes, struct receipt *out);

/* Element `index` of each list, below its count. */
void receipt_trade(const struct receipt *receipt, uint32_t index, struct receipt_trade *out);
void receipt_passed(const struct receipt *receipt, uint32_t index, struct receipt_passed *out);
void receipt_balance(const struct receipt *receipt, uint32_t index, struct receipt_balance *out);

#endif
