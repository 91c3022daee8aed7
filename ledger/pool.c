#include "ledger/pool.h"

#include <busbar/check.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define THREADS_MAX 64

/* One list in order of submission; `next_job` is the first in it that no thread has begun. */
struct pool {
    pthread_mutex_t mutex;
    pthread_cond_t work, done;
    struct pool_job *oldest, *newest, *next_job;
    uint32_t jobs; /* the owner's: submitted and not taken */
    uint32_t asleep;
    bool stopping, waiting;
    int descriptor;
    struct hash separator;
    uint32_t threads;
    pthread_t ids[THREADS_MAX];
    struct signer *signers[THREADS_MAX];
};

struct worker {
    struct pool *pool;
    struct signer *signer;
};

static void recover(const struct pool *pool, struct signer *signer, struct pool_job *job)
{
    for (uint32_t i = 0; i < job->count; i++) {
        struct pool_item *item = &job->items[i];
        item->id = transaction_id(&item->transaction, &pool->separator);
        if (job->trusted) {
            struct action action;
            uint64_t nonce, deadline;
            transaction_action(&item->transaction, &action, &nonce, &deadline);
            item->signer = action.actor;
            item->fault = SIGNATURE_GOOD;
        } else {
            item->fault = signer_recover(signer, &item->id, item->transaction.signature, &item->signer);
        }
    }
}

static void finish(struct pool *pool, struct pool_job *job)
{
    job->done = true;
    if (job != pool->oldest)
        return; /* whoever finishes the oldest one tells */
    if (pool->waiting)
        pthread_cond_signal(&pool->done);
    uint64_t one = 1;
    CHECK(write(pool->descriptor, &one, sizeof one) == sizeof one);
}

static void *work(void *context)
{
    struct worker *worker = context;
    struct pool *pool = worker->pool;
    pthread_mutex_lock(&pool->mutex);
    while (!pool->stopping) {
        struct pool_job *job = pool->next_job;
        if (job == NULL) {
            pool->asleep++;
            pthread_cond_wait(&pool->work, &pool->mutex);
            pool->asleep--;
            continue;
        }
        pool->next_job = job->next;
        pthread_mutex_unlock(&pool->mutex);
        recover(pool, worker->signer, job);
        pthread_mutex_lock(&pool->mutex);
        finish(pool, job);
    }
    pthread_mutex_unlock(&pool->mutex);
    free(worker);
    return NULL;
}

/* Signals are the loop's alone: the threads are born with all of them blocked. */
static enum status start(struct pool *pool, uint32_t threads)
{
    sigset_t all, before;
    sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    enum status status = BB_OK;
    while (status == BB_OK && pool->threads < threads) {
        struct worker *worker = malloc(sizeof *worker);
        status = worker == NULL ? BB_IO : signer_open(&pool->signers[pool->threads]);
        if (status == BB_OK) {
            *worker = (struct worker){pool, pool->signers[pool->threads]};
            if (pthread_create(&pool->ids[pool->threads], NULL, work, worker) == 0)
                pool->threads++;
            else
                status = BB_IO;
        }
        if (status != BB_OK)
            free(worker);
    }
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return status;
}

enum status pool_open(uint32_t threads, const struct hash *separator, struct pool **out)
{
    struct pool *pool = calloc(1, sizeof *pool);
    if (pool == NULL)
        return BB_IO;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (threads == 0)
        threads = cores < 1 ? 1 : (uint32_t)cores;
    threads = threads > THREADS_MAX ? THREADS_MAX : threads;
    pool->separator = *separator;
    CHECK(pthread_mutex_init(&pool->mutex, NULL) == 0 && pthread_cond_init(&pool->work, NULL) == 0 &&
          pthread_cond_init(&pool->done, NULL) == 0);
    pool->descriptor = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum status status = pool->descriptor < 0 ? BB_IO : start(pool, threads);
    if (status != BB_OK) {
        pool_close(pool);
        return status;
    }
    *out = pool;
    return BB_OK;
}

void pool_close(struct pool *pool)
{
    if (pool == NULL)
        return;
    pthread_mutex_lock(&pool->mutex);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->mutex);
    for (uint32_t i = 0; i < pool->threads; i++)
        CHECK(pthread_join(pool->ids[i], NULL) == 0);
    for (uint32_t i = 0; i < THREADS_MAX; i++)
        if (pool->signers[i] != NULL)
            signer_close(pool->signers[i]);
    while (pool->oldest != NULL) {
        struct pool_job *next = pool->oldest->next;
        free(pool->oldest);
        pool->oldest = next;
    }
    if (pool->descriptor >= 0)
        close(pool->descriptor);
    pthread_mutex_destroy(&pool->mutex);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->done);
    free(pool);
}

void pool_submit(struct pool *pool, struct pool_job *job)
{
    CHECK(job->count > 0 && job->count <= POOL_JOB_MAX);
    job->next = NULL;
    job->done = false;
    pool->jobs++;
    pthread_mutex_lock(&pool->mutex);
    if (pool->oldest == NULL)
        pool->oldest = job;
    else
        pool->newest->next = job;
    pool->newest = job;
    if (pool->next_job == NULL)
        pool->next_job = job;
    bool wake = pool->asleep > 0;
    pthread_mutex_unlock(&pool->mutex);
    if (wake)
        pthread_cond_signal(&pool->work);
}

/* Takes the oldest job out of the list; the mutex is held. */
static struct pool_job *take(struct pool *pool)
{
    struct pool_job *job = pool->oldest;
    if (job == NULL || !job->done)
        return NULL;
    pool->oldest = job->next;
    pool->jobs--;
    return job;
}

struct pool_job *pool_take(struct pool *pool)
{
    uint64_t events;
    pthread_mutex_lock(&pool->mutex);
    struct pool_job *job = take(pool);
    if (job == NULL && read(pool->descriptor, &events, sizeof events) < 0)
        events = 0; /* nobody has told yet */
    pthread_mutex_unlock(&pool->mutex);
    return job;
}

struct pool_job *pool_wait(struct pool *pool)
{
    pthread_mutex_lock(&pool->mutex);
    pool->waiting = true;
    while (pool->oldest != NULL && !pool->oldest->done)
        pthread_cond_wait(&pool->done, &pool->mutex);
    pool->waiting = false;
    struct pool_job *job = take(pool);
    pthread_mutex_unlock(&pool->mutex);
    return job;
}

int pool_descriptor(const struct pool *pool)
{
    return pool->descriptor;
}

uint32_t pool_jobs(const struct pool *pool)
{
    return pool->jobs;
}

uint32_t pool_threads(const struct pool *pool)
{
    return pool->threads;
}
