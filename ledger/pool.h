/* The one thread pool: computes ids and recovers signers, the only expensive part of a transaction. Jobs are
 * handed over in batches and come back in the order in which they were given. Its threads block all signals
 * and touch nothing but their jobs. */
#ifndef LEDGER_POOL_H
#define LEDGER_POOL_H

#include "ledger/core/transaction.h"

#define POOL_JOB_MAX 32 /* transactions of a job */

struct pool;

/* One transaction, in and out. */
struct pool_item {
    struct transaction transaction;
    uint64_t ticket; /* the caller's */
    struct hash id;
    struct address signer;      /* when SIGNATURE_GOOD */
    enum signature_fault fault; /* of the signature */
};

/* A batch; the caller's until it is submitted, and again after pool_take. */
struct pool_job {
    struct pool_job *next; /* the pool's */
    bool done;             /* the pool's */
    bool trusted; /* the seal of their block stands for the signatures: only ids, the signer is the actor */
    uint32_t count;
    struct pool_item items[POOL_JOB_MAX];
};

/* `threads` threads (0: one a core), ids under this domain separator. BB_IO: no threads, no memory. */
BB_MUST_CHECK enum status pool_open(uint32_t threads, const struct hash *separator, struct pool **out);

/* Waits for what is being done, and forgets the rest: jobs that were not taken are freed. Accepts NULL. */
void pool_close(struct pool *pool);

/* Hands over a job, malloc'd. */
void pool_submit(struct pool *pool, struct pool_job *job);

/* The oldest job if it is done; NULL if not, or when there is none. */
struct pool_job *pool_take(struct pool *pool);

/* The same, but waits for it; NULL when there is none. */
struct pool_job *pool_wait(struct pool *pool);

/* Readable when the oldest job may be done (an eventfd that pool_take clears). */
int pool_descriptor(const struct pool *pool);

/* How many jobs were submitted and not taken, and the number of threads. */
uint32_t pool_jobs(const struct pool *pool);
uint32_t pool_threads(const struct pool *pool);

#endif
