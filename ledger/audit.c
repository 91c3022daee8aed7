#include "ledger/audit.h"

#include "ledger/checkpoint.h"
#include "ledger/replay.h"
#include "ledger/store_inside.h"

#include <time.h>

struct auditing {
    struct store *store;
    struct chain *chain;
    struct audit_report *report;
    audit_progress *progress;
    void *context;
    uint64_t checkpoint; /* height */
    double begun, told;
};

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void report(struct auditing *auditing)
{
    struct chain_head head;
    chain_head(auditing->chain, &head);
    auditing->report->height = head.height;
    auditing->report->transactions = head.transactions;
    auditing->report->head = head.hash;
    auditing->report->seconds = now() - auditing->begun;
}

static enum status from_store(void *context, uint64_t height, struct bb_reason *reason, uint8_t **bytes_out,
                              size_t *size_out)
{
    struct auditing *auditing = context;
    return store_block(auditing->store, height, reason, bytes_out, size_out);
}

/* At the checkpoint's height what is derived is compared. */
static enum status compare(struct auditing *auditing, struct bb_reason *reason)
{
    if (auditing->report->height != auditing->checkpoint || auditing->checkpoint == 0)
        return BB_OK;
    return checkpoint_compare(auditing->store, auditing->chain, reason);
}

static enum status accepted(void *context, uint64_t height, struct bytes block, struct bb_reason *reason)
{
    (void)context;
    (void)height;
    (void)block;
    (void)reason;
    return BB_OK;
}

static enum status committed(void *context, uint64_t height, struct bytes block, struct bb_reason *reason)
{
    struct auditing *auditing = context;
    (void)height;
    (void)block;
    report(auditing);
    enum status status = compare(auditing, reason);
    if (auditing->progress != NULL && auditing->report->seconds - auditing->told > 0.1) {
        auditing->told = auditing->report->seconds;
        auditing->progress(auditing->context, auditing->report);
    }
    return status;
}

static enum status replay_all(struct auditing *auditing, uint32_t threads, struct bb_reason *reason)
{
    struct pool *pool = NULL;
    enum status status = pool_open(threads, chain_separator(auditing->chain), &pool);
    if (status != BB_OK)
        return status;
    struct replay replay = {auditing->chain, pool, false, from_store, accepted, committed, auditing};
    status = replay_run(&replay, reason);
    pool_close(pool);
    return status;
}

enum status audit_run(struct store *store, uint32_t threads, audit_progress *progress, void *context,
                      struct bb_reason *reason, struct audit_report *report_out)
{
    struct replay_known known;
    struct auditing auditing = {
        .store = store, .report = report_out, .progress = progress, .context = context, .begun = now()};
    *report_out = (struct audit_report){.of = store_height(store)};
    enum status status = replay_chain(store, false, &known, reason, &auditing.chain);
    if (status != BB_OK)
        return status;
    uint64_t transactions;
    auditing.checkpoint = checkpoint_height(store, &transactions);
    report(&auditing);
    status = replay_all(&auditing, threads, reason);
    if (status == BB_OK)
        status = database_check(store->database, reason);
    if (progress != NULL)
        progress(context, report_out);
    chain_close(auditing.chain);
    return status;
}
