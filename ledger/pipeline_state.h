/* The private members of a pipeline, shared by pipeline.c (taking, handing over, time) and pipeline_seal.c
 * (blocks, proposals, answers). */
#ifndef LEDGER_PIPELINE_STATE_H
#define LEDGER_PIPELINE_STATE_H

#include "ledger/pipeline.h"
#include "ledger/replay.h"

/* What will be said about one transaction when its block is settled. */
struct pending {
    uint64_t ticket;
    struct hash id;
    enum refusal refusal;
    bool again;
    uint64_t height; /* 0: in the block being made */
    uint32_t index;
    uint64_t expected_nonce;
};

/* Transactions with their signers known, in order of arrival; the first `settled` items of `first` are done
 * with. */
struct ready {
    struct pool_job *first, *last;
    uint32_t settled;
    uint64_t count; /* items not yet settled */
};

/* A block that was proposed and is neither in the chain nor refused. The chain is rolled back meanwhile. */
struct proposal {
    uint8_t *bytes; /* NULL: none */
    size_t size;
    uint64_t term, height;
    struct hash parent, hash;
    bool accepted; /* on_commit will come by itself */
    int64_t since;
    uint32_t wait_ms; /* until it is proposed again */
};

struct pipeline {
    struct bb_loop *loop;
    struct store *store;
    struct chain *chain;
    struct replay_known known;
    struct signer *signer;
    struct secret sealer;
    struct pipeline_options options;
    struct pool *pool;
    struct sequencer *sequencer;
    uint64_t term;
    on_answer *answer;
    on_block *block;
    void *context;

    struct pool_job *filling; /* not yet handed over */
    uint32_t alone;           /* jobs at once in the pool up to which a single transaction is handed over */
    struct ready ready;
    struct pending *refused; /* on arrival */
    size_t refused_count, refused_capacity;

    struct pending *pending; /* of the block being made or proposed: what its `used` ready items get */
    uint32_t pending_count, used;
    bool speculative; /* the chain holds the block with the hash `open` */
    struct hash open;
    struct proposal proposal;

    bool busy, kicked, closing, halted;
    int kick_timer, seal_timer, retry_timer, probe_timer;
    bool seal_due;
    int64_t last_seal;         /* monotonic ms */
    uint32_t rejected;         /* proposals refused in a row */
    uint64_t since_checkpoint; /* transactions */
    uint64_t taken, refusals, blocks, waiting;
    struct bb_reason trouble, opened;
};

/* Makes one block of what is ready, proposes it, and answers what is settled. */
void pipeline_seal(struct pipeline *pipeline);

/* Proposes again what had no answer. */
void pipeline_repropose(struct pipeline *pipeline);

/* A block is in the chain: the sequencer's on_commit. */
void pipeline_committed(void *context, uint64_t height, struct bytes block);

/* Refuses everything that is ready and in no proposal. */
void pipeline_refuse_ready(struct pipeline *pipeline, enum refusal refusal);

/* Says one answer. */
void pipeline_say(struct pipeline *pipeline, const struct pending *pending, struct bytes receipt);

/* Runs pipeline's own turn from the loop, soon. */
void pipeline_kick(struct pipeline *pipeline);

/* Takes no more transactions, and why. */
void pipeline_trouble(struct pipeline *pipeline, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
