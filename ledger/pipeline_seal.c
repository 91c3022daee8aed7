/* Blocks out of what is ready: executed, proposed, settled, answered. Within one handler of the loop the
 * chain goes from one committed state to the next; what is proposed and not settled is rolled back meanwhile,
 * so that whoever reads sees committed state only. */
#include "ledger/checkpoint.h"
#include "ledger/core/following.h"
#include "ledger/core/sealing.h"
#include "ledger/pipeline_state.h"
#include "market/view.h"

#include <busbar/check.h>
#include <stdlib.h>

#define CHECKPOINT_MIN 20000
#define REJECTED_MAX   20

static const struct {
    enum signature_fault fault;
    enum refusal refusal;
} FAULTS[] = {{SIGNATURE_BAD_V, REFUSAL_BAD_V},
              {SIGNATURE_HIGH_S, REFUSAL_HIGH_S},
              {SIGNATURE_BAD_RANGE, REFUSAL_BAD_SIGNATURE}};

/* -- answers ------------------------------------------------------------------------------------------- */

void pipeline_say(struct pipeline *pipeline, const struct pending *pending, struct bytes receipt)
{
    struct answer answer = {.ticket = pending->ticket,
                            .id = pending->id,
                            .refusal = pending->refusal,
                            .again = pending->again,
                            .height = pending->height,
                            .index = pending->index,
                            .receipt = receipt,
                            .expected_nonce = pending->expected_nonce};
    CHECK(pipeline->waiting > 0);
    pipeline->waiting--;
    if (pending->refusal == REFUSAL_NONE)
        pipeline->taken += !pending->again;
    else
        pipeline->refusals++;
    if (pipeline->answer != NULL)
        pipeline->answer(pipeline->context, &answer);
}

/* Receipt number `index` of a block. */
static struct bytes receipt_at(const struct block *block, uint32_t index)
{
    struct reader reader = reader_at(block->receipts);
    struct bytes receipt = {NULL, 0};
    for (uint32_t i = 0; i <= index && i < block->header.count; i++)
        receipt = block_next_receipt(&reader);
    return receipt;
}

/* One that was executed in an earlier block: with the receipt of then. */
static void say_again(struct pipeline *pipeline, struct pending *pending)
{
    uint8_t *bytes;
    size_t size;
    struct block block;
    if (store_block(pipeline->store, pending->height, NULL, &bytes, &size) != BB_OK) {
        pending->refusal = REFUSAL_BUSY;
        pipeline_say(pipeline, pending, (struct bytes){NULL, 0});
        return;
    }
    struct bytes receipt = {NULL, 0};
    if (block_decode((struct bytes){bytes, size}, &block) == BB_OK)
        receipt = receipt_at(&block, pending->index);
    pipeline_say(pipeline, pending, receipt);
    free(bytes);
}

/* The ready items that `used` counts are done with. */
static void settle_items(struct pipeline *pipeline)
{
    struct ready *ready = &pipeline->ready;
    ready->count -= pipeline->used;
    while (pipeline->used > 0) {
        uint32_t left = ready->first->count - ready->settled;
        if (pipeline->used < left) {
            ready->settled += pipeline->used;
            pipeline->used = 0;
            break;
        }
        pipeline->used -= left;
        struct pool_job *next = ready->first->next;
        free(ready->first);
        ready->first = next;
        ready->settled = 0;
    }
    if (ready->first == NULL)
        ready->last = NULL;
}

/* Answers what was executed or refused with a block that is settled: `bytes` of it, empty when there is none
 * and what would have been in it is refused with `instead`. */
static void settle(struct pipeline *pipeline, uint64_t height, struct bytes bytes, enum refusal instead)
{
    struct block block = {0};
    bool there = bytes.size > 0 && block_decode(bytes, &block) == BB_OK;
    struct reader receipts = reader_at(block.receipts);
    settle_items(pipeline);
    uint32_t count = pipeline->pending_count;
    pipeline->pending_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct pending *pending = &pipeline->pending[i];
        struct bytes receipt = {NULL, 0};
        if (pending->refusal == REFUSAL_NONE && pending->height > 0) {
            say_again(pipeline, pending);
            continue;
        }
        if (pending->refusal == REFUSAL_NONE && !there)
            pending->refusal = instead;
        if (pending->refusal == REFUSAL_NONE) {
            receipt = pending->again ? receipt_at(&block, pending->index) : block_next_receipt(&receipts);
            pending->height = height;
        }
        pipeline_say(pipeline, pending, receipt);
    }
}

/* The block in question will never be: its transactions are executed again in another. */
static void forget_block(struct pipeline *pipeline)
{
    pipeline->pending_count = 0;
    pipeline->used = 0;
}

void pipeline_refuse_ready(struct pipeline *pipeline, enum refusal refusal)
{
    /* Behind a proposal its own items stay: only the chain knows what became of them. */
    struct ready *ready = &pipeline->ready;
    uint64_t skip = ready->settled + pipeline->used;
    uint64_t kept = pipeline->used;
    for (struct pool_job *job = ready->first; job != NULL; job = job->next) {
        uint32_t from = skip < job->count ? (uint32_t)skip : job->count;
        skip -= from;
        for (uint32_t i = from; i < job->count; i++) {
            struct pending pending = {
                .ticket = job->items[i].ticket, .id = job->items[i].id, .refusal = refusal};
            pipeline_say(pipeline, &pending, (struct bytes){NULL, 0});
        }
        job->count = from;
    }
    ready->count = kept;
    while (kept == 0 && ready->first != NULL) {
        struct pool_job *next = ready->first->next;
        free(ready->first);
        ready->first = next;
    }
    if (ready->first == NULL)
        *ready = (struct ready){0};
}

/* -- executing ----------------------------------------------------------------------------------------- */

/* Whether a refused transaction was executed before: then it gets its receipt, so that clients may retry. */
static void look_up(struct pipeline *pipeline, const struct pool_item *item, struct pending *pending)
{
    struct market *market = chain_market(pipeline->chain);
    struct action action;
    uint64_t nonce, deadline;
    uint32_t account_index;
    struct account account;
    transaction_action(&item->transaction, &action, &nonce, &deadline);
    if (!address_equal(&action.actor, &item->signer) ||
        (!market_find(market, &action.actor, &account_index) &&
         !market_retired(market, &action.actor, &account_index)))
        return;
    market_account(market, account_index, &account);
    pending->expected_nonce = pending->refusal == REFUSAL_NONCE ? account.nonce : 0;
    if (nonce >= account.nonce)
        return;
    for (uint32_t i = 0; i < pipeline->pending_count; i++) {
        const struct pending *other = &pipeline->pending[i];
        if (other->refusal == REFUSAL_NONE && other->height == 0 && hash_equal(&other->id, &item->id)) {
            *pending = *other;
            pending->ticket = item->ticket;
            pending->again = true;
            return;
        }
    }
    uint64_t height;
    uint32_t index;
    enum status status = store_find(pipeline->store, &item->id, &height, &index);
    if (status == BB_OK) {
        pending->refusal = REFUSAL_NONE;
        pending->again = true;
        pending->height = height;
        pending->index = index;
    } else if (status != BB_NOT_FOUND) {
        pending->refusal = REFUSAL_BUSY; /* the index cannot be read: "wrong nonce" would be a guess */
    }
}

/* Executes one; false when the block is full. */
static bool execute(struct pipeline *pipeline, const struct pool_item *item)
{
    struct pending pending = {.ticket = item->ticket, .id = item->id};
    if (item->fault != SIGNATURE_GOOD) {
        for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++)
            if (FAULTS[i].fault == item->fault)
                pending.refusal = FAULTS[i].refusal;
    } else {
        struct bytes receipt;
        pending.index = sealing_pending(pipeline->chain);
        pending.refusal =
            sealing_execute(pipeline->chain, &item->transaction, &item->id, &item->signer, &receipt);
        if (pending.refusal == REFUSAL_BUSY)
            return false;
        if (pending.refusal != REFUSAL_NONE)
            look_up(pipeline, item, &pending);
    }
    pipeline->pending[pipeline->pending_count++] = pending;
    return true;
}

static void execute_ready(struct pipeline *pipeline)
{
    uint32_t at = pipeline->ready.settled;
    for (struct pool_job *job = pipeline->ready.first; job != NULL; job = job->next, at = 0)
        for (; at < job->count; at++) {
            if (pipeline->used == pipeline->options.block_max || !execute(pipeline, &job->items[at]))
                return;
            pipeline->used++;
        }
}

/* Whether this block carries the state's root. The root costs as much as the state is long, so that a big
 * state waits for as many transactions; when there is little to do, for fewer. */
static bool is_checkpoint(const struct pipeline *pipeline)
{
    uint64_t since = pipeline->since_checkpoint + sealing_pending(pipeline->chain);
    if (pipeline->closing && pipeline->used == pipeline->ready.count)
        return true;
    if (pipeline->options.checkpoint > 0)
        return since >= pipeline->options.checkpoint;
    struct parameters parameters;
    market_parameters(chain_market(pipeline->chain), &parameters);
    uint64_t rows = (uint64_t)parameters.accounts + parameters.orders + parameters.lines;
    if (pipeline->used < pipeline->options.block_max)
        rows /= 8;
    return since >= (rows > CHECKPOINT_MIN ? rows : CHECKPOINT_MIN);
}

/* -- proposing ----------------------------------------------------------------------------------------- */

static void drop_proposal(struct pipeline *pipeline)
{
    free(pipeline->proposal.bytes);
    pipeline->proposal = (struct proposal){0};
}

/* Forgets the speculative block. */
static void roll_back(struct pipeline *pipeline)
{
    if (pipeline->speculative)
        chain_rollback(pipeline->chain);
    pipeline->speculative = false;
}

static void keep_proposal(struct pipeline *pipeline, struct bytes block, const struct hash *parent,
                          uint64_t height)
{
    uint8_t *copy = malloc(block.size);
    CHECK(copy != NULL);
    memcpy(copy, block.data, block.size);
    pipeline->proposal = (struct proposal){.bytes = copy,
                                           .size = block.size,
                                           .term = pipeline->term,
                                           .height = height,
                                           .parent = *parent,
                                           .hash = pipeline->open,
                                           .since = bb_loop_mono_ms()};
    pipeline_kick(pipeline);
}

/* Another block is there or will be: once it has come, what is ready is executed on top of it. */
static void rejected(struct pipeline *pipeline)
{
    forget_block(pipeline);
    if (pipeline->sequencer->role(pipeline->sequencer, &pipeline->term) != SEQUENCER_LEADER)
        pipeline_trouble(pipeline, "this node does not decide the next block now; who does: %s",
                         pipeline->sequencer->leader(pipeline->sequencer));
    else if (++pipeline->rejected > REJECTED_MAX)
        pipeline_trouble(pipeline, "every block that is proposed is refused");
}

/* What the sequencer said to the first proposal of a block. When on_commit came, everything is settled. */
static void after_propose(struct pipeline *pipeline, enum sequencer_result result, struct bytes block,
                          const struct hash *parent, uint64_t height)
{
    struct chain_head head;
    chain_head(pipeline->chain, &head);
    if (head.height >= height)
        return;
    switch (result) {
    case SEQUENCER_ACCEPTED:
    case SEQUENCER_UNKNOWN:
        keep_proposal(pipeline, block, parent, height);
        pipeline->proposal.accepted = result == SEQUENCER_ACCEPTED;
        roll_back(pipeline);
        break;
    case SEQUENCER_REFUSED:
        roll_back(pipeline);
        rejected(pipeline);
        break;
    case SEQUENCER_FAILED:
        roll_back(pipeline);
        pipeline_trouble(pipeline, "the block cannot be written: %s", store_trouble(pipeline->store));
        settle(pipeline, 0, (struct bytes){NULL, 0}, REFUSAL_READ_ONLY);
        break;
    }
}

void pipeline_seal(struct pipeline *pipeline)
{
    struct chain *chain = pipeline->chain;
    struct chain_head head;
    struct bytes block;
    chain_head(chain, &head);
    CHECK(pipeline->pending_count == 0 && pipeline->used == 0 && !pipeline->speculative);
    sealing_begin(chain, pipeline->term, (struct wall){bb_loop_wall_ms()});
    execute_ready(pipeline);
    bool empty = sealing_pending(chain) == 0, unread = pipeline->known.failed;
    pipeline->known.failed = false;
    if (empty || unread)
        chain_rollback(chain);
    if (unread)
        pipeline_trouble(pipeline,
                         "the store cannot be read: whether a corrected transaction exists is not known");
    if (empty || unread) {
        settle(pipeline, 0, (struct bytes){NULL, 0}, REFUSAL_READ_ONLY);
        return;
    }
    enum status status =
        sealing_finish(chain, pipeline->signer, &pipeline->sealer, is_checkpoint(pipeline), &block);
    if (status != BB_OK) {
        pipeline_trouble(pipeline, "another key seals this chain now: this node has not got it");
        settle(pipeline, 0, (struct bytes){NULL, 0}, REFUSAL_READ_ONLY);
        return;
    }
    pipeline->speculative = true;
    pipeline->open = block_hash((struct bytes){block.data, BLOCK_HEADER_SIZE});
    enum sequencer_result result =
        pipeline->sequencer->propose(pipeline->sequencer, pipeline->term, head.height + 1, &head.hash, block);
    after_propose(pipeline, result, block, &head.hash, head.height + 1);
}

void pipeline_repropose(struct pipeline *pipeline)
{
    struct proposal *proposal = &pipeline->proposal;
    uint64_t height = proposal->height;
    enum sequencer_result result =
        pipeline->sequencer->propose(pipeline->sequencer, proposal->term, height, &proposal->parent,
                                     (struct bytes){proposal->bytes, proposal->size});
    if (proposal->bytes == NULL || proposal->height != height)
        return; /* on_commit has settled it */
    switch (result) {
    case SEQUENCER_ACCEPTED:
        proposal->accepted = true;
        break;
    case SEQUENCER_UNKNOWN:
        break;
    case SEQUENCER_REFUSED:
        drop_proposal(pipeline);
        rejected(pipeline);
        break;
    case SEQUENCER_FAILED:
        drop_proposal(pipeline);
        pipeline_trouble(pipeline, "the block cannot be written: %s", store_trouble(pipeline->store));
        settle(pipeline, 0, (struct bytes){NULL, 0}, REFUSAL_READ_ONLY);
        break;
    }
}

/* -- committing ---------------------------------------------------------------------------------------- */

static bool halt(struct pipeline *pipeline, uint64_t height, enum chain_fault fault)
{
    pipeline->halted = true;
    pipeline_trouble(pipeline, "halted: block %llu does not verify: %s", (unsigned long long)height,
                     following_text(fault));
    return false;
}

/* Brings the chain to the state in which `block` waits for its commit. */
static bool take_block(struct pipeline *pipeline, uint64_t height, struct bytes block,
                       const struct hash *hash)
{
    if (pipeline->speculative && hash_equal(hash, &pipeline->open))
        return true;
    roll_back(pipeline);
    uint32_t index;
    enum chain_fault fault = following_accept(pipeline->chain, pipeline->signer, block, NULL, &index);
    return fault == CHAIN_GOOD ? true : halt(pipeline, height, fault);
}

static void count_block(struct pipeline *pipeline, struct bytes block)
{
    struct block_header header;
    if (block_header_decode((struct bytes){block.data, BLOCK_HEADER_SIZE}, &header) != BB_OK)
        return;
    pipeline->blocks++;
    pipeline->since_checkpoint += header.count;
    /* One that fails is no harm: the next restart takes longer, and the next append says what is wrong. */
    if (header.checkpoint && header.height == store_height(pipeline->store) &&
        checkpoint_write(pipeline->store, pipeline->chain, NULL) == BB_OK)
        pipeline->since_checkpoint = 0;
}

static void commit(struct pipeline *pipeline, uint64_t height, struct bytes block, bool ours)
{
    checkpoint_note(pipeline->store, pipeline->chain);
    chain_commit(pipeline->chain);
    pipeline->speculative = false;
    pipeline->rejected = 0;
    if (pipeline->proposal.bytes != NULL)
        pipeline->trouble.text[0] = '\0';
    if (pipeline->block != NULL)
        pipeline->block(pipeline->context, height, block);
    if (ours)
        settle(pipeline, height, block, REFUSAL_BUSY);
    else
        forget_block(pipeline);
    count_block(pipeline, block);
    drop_proposal(pipeline); /* last: `block` may be its bytes */
}

void pipeline_committed(void *context, uint64_t height, struct bytes block)
{
    struct pipeline *pipeline = context;
    struct chain_head head;
    chain_head(pipeline->chain, &head);
    if (height <= head.height || pipeline->halted)
        return;
    if (block.size < BLOCK_HEADER_SIZE || height > head.height + 1) {
        halt(pipeline, height, height > head.height + 1 ? CHAIN_HEIGHT : CHAIN_MALFORMED);
        return;
    }
    struct hash hash = block_hash((struct bytes){block.data, BLOCK_HEADER_SIZE});
    bool ours = (pipeline->speculative && hash_equal(&hash, &pipeline->open)) ||
                (pipeline->proposal.bytes != NULL && hash_equal(&hash, &pipeline->proposal.hash));
    bool busy = pipeline->busy;
    pipeline->busy = true; /* who is told of the block may run the loop */
    if (take_block(pipeline, height, block, &hash))
        commit(pipeline, height, block, ours);
    pipeline->busy = busy;
    pipeline_kick(pipeline);
}
