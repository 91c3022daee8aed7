#include "ledger/pipeline.h"

#include "ledger/checkpoint.h"
#include "ledger/crypto/secret.h"
#include "ledger/pipeline_state.h"

#include <busbar/check.h>
#include <stdlib.h>

#define BLOCK_MS     2
#define BLOCK_MAX    1024
#define WAITING_MAX  65536
#define PROBE_MS     500
#define RETRY_MS     10
#define RETRY_MS_MAX 1000
#define PATIENCE_MS  1000 /* with a proposal without an answer, before others are refused */

static void turn(void *context);

/* -- time ---------------------------------------------------------------------------------------------- */

static void cancel(struct pipeline *pipeline, int *timer)
{
    if (*timer != 0)
        bb_loop_cancel(pipeline->loop, *timer);
    *timer = 0;
}

/* The loop has room for a thousand timers and this needs four: none left is a bug. */
static void after(struct pipeline *pipeline, uint32_t ms, bb_handler *handler, int *timer)
{
    if (*timer == 0 && !pipeline->closing)
        CHECK(bb_loop_after(pipeline->loop, ms, handler, pipeline, timer) == BB_OK);
}

static void kicked(void *context)
{
    struct pipeline *pipeline = context;
    pipeline->kick_timer = 0;
    turn(pipeline);
}

void pipeline_kick(struct pipeline *pipeline)
{
    after(pipeline, 0, kicked, &pipeline->kick_timer);
}

static void seal_now(void *context)
{
    struct pipeline *pipeline = context;
    pipeline->seal_timer = 0;
    pipeline->seal_due = true;
    turn(pipeline);
}

static void retry(void *context)
{
    struct pipeline *pipeline = context;
    pipeline->retry_timer = 0;
    turn(pipeline);
}

/* Whether the store, or whoever sequences, has come round. */
static void probe(void *context)
{
    struct pipeline *pipeline = context;
    pipeline->probe_timer = 0;
    uint64_t term;
    if (pipeline->halted || pipeline->trouble.text[0] == '\0')
        return;
    if (pipeline->proposal.bytes == NULL && store_probe(pipeline->store, NULL) == BB_OK &&
        pipeline->sequencer->role(pipeline->sequencer, &term) == SEQUENCER_LEADER) {
        pipeline->term = term;
        pipeline->trouble.text[0] = '\0';
        return;
    }
    after(pipeline, PROBE_MS, probe, &pipeline->probe_timer);
}

void pipeline_trouble(struct pipeline *pipeline, const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(pipeline->trouble.text, sizeof pipeline->trouble.text, format, values);
    va_end(values);
    after(pipeline, PROBE_MS, probe, &pipeline->probe_timer);
}

/* -- taking -------------------------------------------------------------------------------------------- */

static void refuse(struct pipeline *pipeline, uint64_t ticket, enum refusal refusal)
{
    if (pipeline->refused_count == pipeline->refused_capacity) {
        pipeline->refused_capacity = pipeline->refused_capacity == 0 ? 64 : pipeline->refused_capacity * 2;
        pipeline->refused =
            realloc(pipeline->refused, pipeline->refused_capacity * sizeof *pipeline->refused);
        CHECK(pipeline->refused != NULL);
    }
    pipeline->refused[pipeline->refused_count++] = (struct pending){.ticket = ticket, .refusal = refusal};
    pipeline_kick(pipeline);
}

static void hand_over(struct pipeline *pipeline)
{
    if (pipeline->filling == NULL || pipeline->filling->count == 0)
        return;
    pool_submit(pipeline->pool, pipeline->filling);
    pipeline->filling = NULL;
}

static struct pool_item *next_item(struct pipeline *pipeline)
{
    if (pipeline->filling == NULL) {
        pipeline->filling = malloc(sizeof *pipeline->filling);
        CHECK(pipeline->filling != NULL);
        pipeline->filling->count = 0;
        pipeline->filling->trusted = false;
    }
    return &pipeline->filling->items[pipeline->filling->count];
}

void pipeline_submit(struct pipeline *pipeline, struct bytes transaction, uint64_t ticket)
{
    pipeline->waiting++;
    if (pipeline->trouble.text[0] != '\0') {
        refuse(pipeline, ticket, REFUSAL_READ_ONLY);
        return;
    }
    if (pipeline->waiting > pipeline->options.waiting_max) {
        refuse(pipeline, ticket, REFUSAL_BUSY);
        return;
    }
    struct pool_item *item = next_item(pipeline);
    if (transaction_decode(transaction, &item->transaction) != BB_OK) {
        refuse(pipeline, ticket, REFUSAL_MALFORMED);
        return;
    }
    item->ticket = ticket;
    pipeline->filling->count++;
    /* A thread that is idle gets one transaction at once; when all are busy, whoever finishes fetches more.
     */
    if (pipeline->filling->count == POOL_JOB_MAX || pool_jobs(pipeline->pool) < pipeline->alone)
        hand_over(pipeline);
}

static void say_refused(struct pipeline *pipeline)
{
    struct pending *refused = pipeline->refused;
    size_t count = pipeline->refused_count;
    pipeline->refused = NULL; /* who is told may submit again */
    pipeline->refused_count = pipeline->refused_capacity = 0;
    for (size_t i = 0; i < count; i++)
        pipeline_say(pipeline, &refused[i], (struct bytes){NULL, 0});
    free(refused);
}

/* -- the turn ------------------------------------------------------------------------------------------ */

static void put_ready(struct pipeline *pipeline, struct pool_job *job)
{
    struct ready *ready = &pipeline->ready;
    job->next = NULL;
    if (ready->first == NULL)
        ready->first = job;
    else
        ready->last->next = job;
    ready->last = job;
    ready->count += job->count;
}

static void take_ready(struct pipeline *pipeline)
{
    struct pool_job *job;
    while ((job = pool_take(pipeline->pool)) != NULL)
        put_ready(pipeline, job);
    if (pool_jobs(pipeline->pool) < pipeline->alone)
        hand_over(pipeline);
}

/* A proposal without an answer: again with the same bytes, later each time; others do not wait for ever. */
static void pursue(struct pipeline *pipeline)
{
    struct proposal *proposal = &pipeline->proposal;
    if (proposal->accepted || pipeline->retry_timer != 0)
        return;
    if (proposal->wait_ms > 0)
        pipeline_repropose(pipeline);
    if (proposal->bytes == NULL || proposal->accepted)
        return;
    if (bb_loop_mono_ms() - proposal->since > PATIENCE_MS && pipeline->trouble.text[0] == '\0')
        pipeline_trouble(pipeline,
                         "nobody knows yet whether block %llu is in the chain; it is proposed again: %s",
                         (unsigned long long)proposal->height, store_trouble(pipeline->store));
    proposal->wait_ms = proposal->wait_ms == 0                 ? RETRY_MS
                        : proposal->wait_ms * 2 > RETRY_MS_MAX ? RETRY_MS_MAX
                                                               : proposal->wait_ms * 2;
    after(pipeline, proposal->wait_ms, retry, &pipeline->retry_timer);
}

/* How long what is ready waits for company: blocks follow each other at block_ms, and one alone after a while
 * goes at once. */
static uint32_t age_left(const struct pipeline *pipeline)
{
    int64_t left = pipeline->last_seal + pipeline->options.block_ms - bb_loop_mono_ms();
    return left < 0 ? 0 : (uint32_t)left;
}

static void turn(void *context)
{
    struct pipeline *pipeline = context;
    if (pipeline->busy) { /* somebody who was told something runs the loop meanwhile */
        pipeline_kick(pipeline);
        return;
    }
    pipeline->busy = true;
    take_ready(pipeline);
    say_refused(pipeline);
    if (pipeline->proposal.bytes != NULL)
        pursue(pipeline);
    if (pipeline->trouble.text[0] != '\0')
        pipeline_refuse_ready(pipeline, REFUSAL_READ_ONLY);
    bool waits = pipeline->proposal.bytes != NULL;
    if (!waits && pipeline->ready.count > 0 &&
        (pipeline->ready.count >= pipeline->options.block_max || pipeline->seal_due)) {
        cancel(pipeline, &pipeline->seal_timer);
        pipeline->seal_due = false;
        pipeline->last_seal = bb_loop_mono_ms();
        pipeline_seal(pipeline);
    }
    if (pipeline->proposal.bytes == NULL && pipeline->ready.count >= pipeline->options.block_max)
        pipeline_kick(pipeline);
    else if (pipeline->proposal.bytes == NULL && pipeline->ready.count > 0)
        after(pipeline, age_left(pipeline), seal_now, &pipeline->seal_timer);
    pipeline->busy = false;
}

/* -- life ---------------------------------------------------------------------------------------------- */

static void role_changed(void *context, enum sequencer_role role, uint64_t term)
{
    struct pipeline *pipeline = context;
    pipeline->term = term;
    if (role != SEQUENCER_LEADER)
        pipeline_trouble(pipeline, "this node does not decide the next block now%s%s",
                         pipeline->sequencer == NULL ? "" : "; who does: ",
                         pipeline->sequencer == NULL ? "" : pipeline->sequencer->leader(pipeline->sequencer));
}

static void gap(void *context, uint64_t first, uint64_t last)
{
    pipeline_trouble(context, "blocks %llu to %llu must be fetched first", (unsigned long long)first,
                     (unsigned long long)last);
}

static struct pipeline_options with_defaults(const struct pipeline_options *options)
{
    struct pipeline_options filled = options == NULL ? (struct pipeline_options){0} : *options;
    filled.block_ms = filled.block_ms == 0 ? BLOCK_MS : filled.block_ms;
    filled.block_max = filled.block_max == 0 ? BLOCK_MAX : filled.block_max;
    filled.block_max = filled.block_max > BLOCK_TRANSACTIONS_MAX ? BLOCK_TRANSACTIONS_MAX : filled.block_max;
    filled.waiting_max = filled.waiting_max == 0 ? WAITING_MAX : filled.waiting_max;
    return filled;
}

static enum status open_parts(struct pipeline *pipeline, struct bb_reason *reason)
{
    enum status status = signer_open(&pipeline->signer);
    if (status == BB_OK)
        status = replay_open(pipeline->store, pipeline->options.threads, &pipeline->known, reason,
                             &pipeline->opened, &pipeline->chain, &pipeline->pool);
    if (status == BB_OK)
        status = bb_loop_watch(pipeline->loop, pool_descriptor(pipeline->pool), 0, turn, pipeline);
    return status;
}

enum status pipeline_open(struct bb_loop *loop, struct store *store, const struct secret *sealer,
                          const struct pipeline_options *options, make_sequencer *make, void *make_context,
                          struct bb_reason *reason, struct pipeline **out)
{
    struct pipeline *pipeline = calloc(1, sizeof *pipeline);
    CHECK(pipeline != NULL);
    pipeline->loop = loop;
    pipeline->store = store;
    pipeline->sealer = *sealer;
    pipeline->options = with_defaults(options);
    pipeline->pending = calloc(pipeline->options.block_max, sizeof *pipeline->pending);
    CHECK(pipeline->pending != NULL);
    enum status status = open_parts(pipeline, reason);
    if (status != BB_OK) {
        pipeline_close(pipeline);
        return status;
    }
    pipeline->alone = 2 * pool_threads(pipeline->pool);
    uint64_t kept;
    struct chain_head head;
    chain_head(pipeline->chain, &head);
    checkpoint_height(store, &kept);
    pipeline->since_checkpoint = head.transactions - (kept < head.transactions ? kept : head.transactions);
    struct sequencer_events events = {pipeline_committed, role_changed, gap, pipeline};
    pipeline->sequencer = make == NULL ? sequencer_local(store, &events) : make(make_context, store, &events);
    CHECK(pipeline->sequencer != NULL);
    if (pipeline->sequencer->role(pipeline->sequencer, &pipeline->term) != SEQUENCER_LEADER)
        role_changed(pipeline, SEQUENCER_FOLLOWER, pipeline->term);
    *out = pipeline;
    return BB_OK;
}

/* Everything that was taken becomes blocks, as long as blocks can be made. */
static void drain(struct pipeline *pipeline)
{
    struct pool_job *job;
    hand_over(pipeline);
    while ((job = pool_wait(pipeline->pool)) != NULL)
        put_ready(pipeline, job);
    say_refused(pipeline);
    while (pipeline->ready.count > 0 && pipeline->proposal.bytes == NULL && pipeline->trouble.text[0] == '\0')
        pipeline_seal(pipeline);
    if (pipeline->proposal.bytes != NULL && !pipeline->proposal.accepted)
        pipeline_repropose(pipeline);
    pipeline_refuse_ready(pipeline, REFUSAL_READ_ONLY);
    say_refused(pipeline);
}

void pipeline_close(struct pipeline *pipeline)
{
    if (pipeline == NULL)
        return;
    pipeline->closing = pipeline->busy = true;
    if (pipeline->sequencer != NULL)
        drain(pipeline);
    int *timers[] = {&pipeline->kick_timer, &pipeline->seal_timer, &pipeline->retry_timer,
                     &pipeline->probe_timer};
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
        cancel(pipeline, timers[i]);
    if (pipeline->sequencer != NULL)
        pipeline->sequencer->close(pipeline->sequencer);
    if (pipeline->pool != NULL)
        bb_loop_unwatch(pipeline->loop, pool_descriptor(pipeline->pool));
    pool_close(pipeline->pool);
    chain_close(pipeline->chain);
    if (pipeline->signer != NULL)
        signer_close(pipeline->signer);
    while (pipeline->ready.first != NULL) {
        struct pool_job *next = pipeline->ready.first->next;
        free(pipeline->ready.first);
        pipeline->ready.first = next;
    }
    secret_wipe(&pipeline->sealer);
    free(pipeline->filling);
    free(pipeline->refused);
    free(pipeline->pending);
    free(pipeline->proposal.bytes);
    free(pipeline);
}

void pipeline_listen(struct pipeline *pipeline, on_answer *answer, on_block *block, void *context)
{
    pipeline->answer = answer;
    pipeline->block = block;
    pipeline->context = context;
}

struct chain *pipeline_chain(struct pipeline *pipeline)
{
    return pipeline->chain;
}

struct store *pipeline_store(struct pipeline *pipeline)
{
    return pipeline->store;
}

void pipeline_stats(const struct pipeline *pipeline, struct pipeline_stats *out)
{
    uint64_t term;
    enum sequencer_role role = pipeline->sequencer->role(pipeline->sequencer, &term);
    if (pipeline->halted)
        role = SEQUENCER_HALTED;
    else if (role == SEQUENCER_LEADER && pipeline->trouble.text[0] != '\0')
        role = SEQUENCER_STALLED;
    *out = (struct pipeline_stats){role,
                                   pipeline->taken,
                                   pipeline->refusals,
                                   pipeline->blocks,
                                   pipeline->waiting,
                                   pipeline->trouble.text,
                                   pipeline->opened.text};
}
