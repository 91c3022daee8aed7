/* From bytes to a durable receipt: decode → recover signers in parallel (the one thread pool) → apply in
 * order → seal → commit → answer. Blocks are sealed when the batch is full or a few milliseconds after the
 * last one; there are no empty ones. Runs in the owner's loop; only signatures are recovered elsewhere. */
#ifndef LEDGER_PIPELINE_H
#define LEDGER_PIPELINE_H

#include "ledger/core/chain.h"
#include "ledger/core/refusal.h"
#include "ledger/sequencer.h"
#include "ledger/store.h"

#include <busbar/loop.h>

struct pipeline;

struct pipeline_options {
    uint32_t threads;     /* that recover signers; 0: one a core */
    uint32_t block_ms;    /* from one block to the next, unless it is full; 0: 2 */
    uint32_t block_max;   /* transactions of a block; 0: 1024 */
    uint32_t waiting_max; /* transactions taken and not yet answered; beyond: REFUSAL_BUSY; 0: 65 536 */
    uint64_t checkpoint;  /* transactions between checkpoints; 0: 20 000, or as many as the state has rows */
};

/* The answer to one transaction, after its block is durable. REFUSAL_NONE: it is at (height, index) and
 * `receipt` is what the contract said; `again`: it was there already. Borrowed for the call. */
struct answer {
    uint64_t ticket; /* the caller's */
    struct hash id;  /* zero when malformed */
    enum refusal refusal;
    bool again;
    uint64_t height;
    uint32_t index;
    struct bytes receipt;
    uint64_t expected_nonce; /* for REFUSAL_NONCE */
};
typedef void on_answer(void *context, const struct answer *answer);

/* A block has become durable. Borrowed for the call. */
typedef void on_block(void *context, uint64_t height, struct bytes block);

/* Opens the chain out of the store: last checkpoint, then the tail, each block checked against the contract.
 * BB_MALFORMED: a block does not verify; the reason names the height. The sequencer is made by `make`, NULL
 * for the local one. */
typedef struct sequencer *make_sequencer(void *context, struct store *store,
                                         const struct sequencer_events *events);
BB_MUST_CHECK enum status pipeline_open(struct bb_loop *loop, struct store *store,
                                        const struct secret *sealer, const struct pipeline_options *options,
                                        make_sequencer *make, void *make_context, struct bb_reason *reason,
                                        struct pipeline **out);

/* Seals what is open, as a checkpoint, answers it, and closes the chain; loop and store stay open. What could
 * not be settled (a proposal without an answer) is not answered. Accepts NULL. */
void pipeline_close(struct pipeline *pipeline);

/* Who is told of answers and blocks. */
void pipeline_listen(struct pipeline *pipeline, on_answer *answer, on_block *block, void *context);

/* Takes one transaction (copied). Always answered exactly once, later, from the loop; in the order of
 * submission, but for those that are refused on arrival (malformed, busy, read-only). */
void pipeline_submit(struct pipeline *pipeline, struct bytes transaction, uint64_t ticket);

/* What is behind it. Borrowed. The market shows committed state whenever a handler of the loop other than the
 * pipeline's own runs. */
struct chain *pipeline_chain(struct pipeline *pipeline);
struct store *pipeline_store(struct pipeline *pipeline);

struct pipeline_stats {
    enum sequencer_role role;
    uint64_t taken, refused, blocks, waiting;
    const char *trouble; /* why it takes nothing, "" when it does */
    const char *opened;  /* how the chain was opened, one sentence, for the log */
};
void pipeline_stats(const struct pipeline *pipeline, struct pipeline_stats *out);

#endif
