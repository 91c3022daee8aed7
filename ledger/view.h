/* The ledger's state and records as JSON, as docs/architecture.md ("The ledger on the bus") has them.
 * Everything goes into an open object or list of the writer's. */
#ifndef LEDGER_VIEW_H
#define LEDGER_VIEW_H

#include "ledger/core/block.h"
#include "ledger/core/receipt.h"
#include "ledger/json_writer.h"

/* Where and when a transaction was executed. */
struct view_place {
    uint64_t height;
    struct wall time;
    struct hash id;
};

/* An account as an object. */
void view_account(struct json_writer *w, const char *name, const struct market *market, uint32_t index);

/* An open order as an object. */
void view_order(struct json_writer *w, const struct market *market, const struct order *order);

/* "interval", "posts" and "bids": the best `depth` (at most VIEW_DEPTH_MAX) of each side. */
#define VIEW_DEPTH_MAX 1000
void view_book(struct json_writer *w, const struct market *market, uint64_t interval, size_t depth);

/* A trade as an object; with `place`, where and when it was made. */
void view_trade(struct json_writer *w, const struct market *market, const struct receipt_trade *trade,
                const struct view_place *place);

/* "verdict", "text", "order", "trades", "passed", "passed_total", "balances". */
void view_receipt(struct json_writer *w, const struct market *market, const struct receipt *receipt);

/* "money", "escrow", "energy", "on_sale". */
void view_balance(struct json_writer *w, const struct receipt_balance *balance);

/* A block's header as an object. */
void view_header(struct json_writer *w, const char *name, const struct block_header *header);

/* "policy", "market", "network_version". */
void view_policy(struct json_writer *w, const struct parameters *parameters);

/* A line as an object. */
void view_line(struct json_writer *w, const struct market *market, const struct line_view *line);

/* The account of an address that has it, or had it before it was moved to another key. */
bool view_find(const struct market *market, const struct address *address, uint32_t *index_out);

#endif
