#include "ledger/replay.h"

#include "ledger/checkpoint.h"
#include "ledger/core/following.h"

#include <busbar/check.h>
#include <stdlib.h>

#define AHEAD_MAX 64   /* blocks read ahead */
#define ITEMS_MAX 8192 /* transactions of theirs */

/* A block whose signatures are being recovered. */
struct ahead {
    uint8_t *bytes;
    size_t size;
    uint64_t height;
    uint32_t items; /* 0: a transaction does not decode, following_accept will say which */
};

struct running {
    const struct replay *replay;
    struct signer *signer;
    struct ahead ahead[AHEAD_MAX];
    uint32_t first, count, items;
    bool ended;
    struct address *addresses;
    struct hash *ids;
};

/* Decodes a block's transactions into jobs; false (and no jobs) when one does not decode. */
static bool make_jobs(const struct replay *replay, const struct block *block, struct pool_job **list_out)
{
    struct reader reader = reader_at(block->transactions);
    struct pool_job *first = NULL, **last = &first, *job = NULL;
    bool right = true;
    for (uint32_t i = 0; right && i < block->header.count; i++) {
        if (job == NULL || job->count == POOL_JOB_MAX) {
            job = malloc(sizeof *job);
            CHECK(job != NULL);
            job->next = NULL;
            job->count = 0;
            job->trusted = replay->trusted;
            *last = job;
            last = &job->next;
        }
        right = transaction_decode(block_next_transaction(&reader), &job->items[job->count++].transaction) ==
                BB_OK;
    }
    while (!right && first != NULL) {
        struct pool_job *next = first->next;
        free(first);
        first = next;
    }
    *list_out = first;
    return right;
}

static enum status read_one(struct running *running, uint64_t height, struct bb_reason *reason)
{
    const struct replay *replay = running->replay;
    struct ahead ahead = {NULL, 0, height, 0};
    enum status status = replay->next(replay->context, height, reason, &ahead.bytes, &ahead.size);
    if (status != BB_OK)
        return status;
    struct block block;
    struct pool_job *jobs = NULL;
    if (block_decode((struct bytes){ahead.bytes, ahead.size}, &block) == BB_OK &&
        make_jobs(replay, &block, &jobs))
        ahead.items = block.header.count;
    while (jobs != NULL) {
        struct pool_job *next = jobs->next;
        pool_submit(replay->pool, jobs);
        jobs = next;
    }
    running->ahead[(running->first + running->count++) % AHEAD_MAX] = ahead;
    running->items += ahead.items;
    return BB_OK;
}

/* Who signed what, for one block, out of the pool. */
static void collect(struct running *running, const struct ahead *ahead)
{
    for (uint32_t i = 0; i < ahead->items;) {
        struct pool_job *job = pool_wait(running->replay->pool);
        CHECK(job != NULL && i + job->count <= ahead->items);
        for (uint32_t k = 0; k < job->count; k++, i++) {
            running->ids[i] = job->items[k].id;
            running->addresses[i] =
                job->items[k].fault == SIGNATURE_GOOD ? job->items[k].signer : (struct address){0};
        }
        free(job);
    }
    running->items -= ahead->items;
}

static enum status run_one(struct running *running, const struct ahead *ahead, struct bb_reason *reason)
{
    const struct replay *replay = running->replay;
    struct bytes bytes = {ahead->bytes, ahead->size};
    struct chain_signers signers = {running->addresses, running->ids};
    uint32_t index = UINT32_MAX;
    collect(running, ahead);
    enum chain_fault fault =
        following_accept(replay->chain, running->signer, bytes, ahead->items > 0 ? &signers : NULL, &index);
    if (fault != CHAIN_GOOD) {
        char where[40] = "";
        if (index != UINT32_MAX)
            snprintf(where, sizeof where, ", transaction %u", index);
        bb_reason_say(reason, "block %llu%s: %s", (unsigned long long)ahead->height, where,
                      following_text(fault));
        return BB_MALFORMED;
    }
    enum status status = replay->accepted(replay->context, ahead->height, bytes, reason);
    if (status != BB_OK) {
        chain_rollback(replay->chain);
        return status;
    }
    chain_commit(replay->chain);
    return replay->committed == NULL ? BB_OK
                                     : replay->committed(replay->context, ahead->height, bytes, reason);
}

static enum status run(struct running *running, uint64_t height, struct bb_reason *reason)
{
    enum status status = BB_OK, reading = BB_OK;
    struct bb_reason later = {""}; /* what is wrong further on is said when everything before was right */
    while (status == BB_OK) {
        while (reading == BB_OK && running->count < AHEAD_MAX && running->items < ITEMS_MAX) {
            reading = read_one(running, height, &later);
            height += reading == BB_OK;
        }
        if (running->count == 0)
            break;
        struct ahead ahead = running->ahead[running->first];
        running->first = (running->first + 1) % AHEAD_MAX;
        running->count--;
        status = run_one(running, &ahead, reason);
        free(ahead.bytes);
    }
    for (; running->count > 0; running->count--) {
        collect(running, &running->ahead[running->first]);
        free(running->ahead[running->first].bytes);
        running->first = (running->first + 1) % AHEAD_MAX;
    }
    if (status == BB_OK && reading != BB_NOT_FOUND) {
        status = reading;
        if (reason != NULL)
            *reason = later;
    }
    return status;
}

enum status replay_run(const struct replay *replay, struct bb_reason *reason)
{
    struct running running = {.replay = replay};
    enum status status = signer_open(&running.signer);
    if (status != BB_OK)
        return status;
    running.addresses = calloc(BLOCK_TRANSACTIONS_MAX, sizeof *running.addresses);
    running.ids = calloc(BLOCK_TRANSACTIONS_MAX, sizeof *running.ids);
    CHECK(running.addresses != NULL && running.ids != NULL);
    struct chain_head head;
    chain_head(replay->chain, &head);
    status = run(&running, head.height + 1, reason);
    free(running.addresses);
    free(running.ids);
    signer_close(running.signer);
    return status;
}

/* -- the chain of a store ------------------------------------------------------------------------------ */

/* The index may have later transactions too, when blocks are replayed that are in the store already. */
static bool is_known(void *context, const struct hash *id)
{
    struct replay_known *known = context;
    uint64_t height;
    uint32_t index;
    struct chain_head head;
    chain_head(known->chain, &head);
    enum status status = store_find(known->store, id, &height, &index);
    known->failed = known->failed || (status != BB_OK && status != BB_NOT_FOUND);
    return status == BB_OK && height <= head.height;
}

enum status replay_chain(struct store *store, bool empty, struct replay_known *known,
                         struct bb_reason *reason, struct chain **out)
{
    struct chain *chain;
    struct bytes genesis = store_genesis(store);
    enum status status =
        empty ? chain_open_empty(genesis, reason, &chain) : chain_open(genesis, reason, &chain);
    if (status != BB_OK)
        return status;
    *known = (struct replay_known){store, chain, false};
    chain_ask(chain, is_known, known);
    *out = chain;
    return BB_OK;
}

struct opening {
    struct store *store;
    struct chain *chain;
};

static enum status from_store(void *context, uint64_t height, struct bb_reason *reason, uint8_t **bytes_out,
                              size_t *size_out)
{
    struct opening *opening = context;
    return store_block(opening->store, height, reason, bytes_out, size_out);
}

static enum status note(void *context, uint64_t height, struct bytes block, struct bb_reason *reason)
{
    struct opening *opening = context;
    (void)height;
    (void)block;
    (void)reason;
    checkpoint_note(opening->store, opening->chain);
    return BB_OK;
}

/* The chain at the last checkpoint, or at its genesis. */
static enum status resume(struct store *store, struct replay_known *known, struct bb_reason *reason,
                          struct bb_reason *how, struct chain **out)
{
    struct bb_reason why = {""};
    struct chain *chain;
    enum status status = replay_chain(store, true, known, reason, &chain);
    if (status != BB_OK)
        return status;
    status = checkpoint_resume(store, chain, &why);
    if (status == BB_OK) {
        bb_reason_say(how, "resumed from the last checkpoint");
        *out = chain;
        return BB_OK;
    }
    if (status == BB_NOT_FOUND)
        bb_reason_say(how, "read from the genesis on");
    else
        bb_reason_say(how, "the checkpoint cannot be used, read from the genesis on: %s", why.text);
    chain_close(chain);
    return replay_chain(store, false, known, reason, out);
}

enum status replay_open(struct store *store, uint32_t threads, struct replay_known *known,
                        struct bb_reason *reason, struct bb_reason *how, struct chain **chain_out,
                        struct pool **pool_out)
{
    struct chain *chain;
    struct pool *pool = NULL;
    enum status status = resume(store, known, reason, how, &chain);
    if (status != BB_OK)
        return status;
    status = pool_open(threads, chain_separator(chain), &pool);
    if (status == BB_OK) {
        struct opening opening = {store, chain};
        struct replay replay = {chain, pool, true, from_store, note, NULL, &opening};
        status = replay_run(&replay, reason);
    }
    if (status != BB_OK) {
        pool_close(pool);
        chain_close(chain);
        return status;
    }
    *chain_out = chain;
    *pool_out = pool;
    return BB_OK;
}
