/* The private members of a chain, shared by chain.c, execute.c, sealing.c and following.c. */
#ifndef LEDGER_CORE_CHAIN_STATE_H
#define LEDGER_CORE_CHAIN_STATE_H

#include "ledger/core/chain.h"
#include "ledger/core/refusal.h"
#include "market/rows.h"

/* Bytes that only grow; the allocation is kept from block to block. */
struct buffer {
    uint8_t *data;
    size_t size, capacity;
};

enum chain_phase {
    CHAIN_IDLE,    /* nothing since the head */
    CHAIN_SEALING, /* sealing_begin was there */
    CHAIN_READY    /* a sealed or accepted block waits for commit or rollback */
};

struct chain {
    struct genesis genesis;
    uint8_t *genesis_bytes;
    struct hash separator;
    void *memory; /* of the market */
    size_t memory_size;
    struct market *market;
    chain_known *known;
    void *known_context;

    struct chain_head head;
    struct merkle_edge history; /* over the hashes of the blocks below the head */

    enum chain_phase phase;
    struct block_header next; /* of the open block */
    uint64_t seconds;         /* its ledger time */
    struct merkle_edge next_history;
    struct merkle_edge transaction_tree, receipt_tree;
    struct chain_head next_head; /* in CHAIN_READY */
    struct buffer transactions, receipts, rows, block;
};

/* Room for `more` bytes after what is there; their start. No memory is a bug of the machine: it aborts. */
uint8_t *chain_room(struct buffer *buffer, size_t more);

/* Opens a block on top of the head. */
void chain_begin(struct chain *chain, uint64_t term, struct wall time);

/* Checks the envelope of a transaction, runs it, adds it to the open block's trees, and writes its receipt to
 * receipt_out[RECEIPT_BYTES_MAX]. Any refusal: nothing has happened. */
enum refusal chain_execute(struct chain *chain, const struct transaction *transaction, struct bytes bytes,
                           const struct hash *id, const struct address *signer, uint8_t *receipt_out,
                           size_t *size_out);

/* Digest of the rows that the open block has changed; the root over all rows. */
struct hash chain_changes(struct chain *chain);
struct hash chain_state_root(const struct chain *chain);

/* The open block, whose header is `header`, waits for commit. */
void chain_ready(struct chain *chain, const struct hash *hash);

#endif
