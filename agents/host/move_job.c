#include "agents/host/move_job.h"

#include <busbar/check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct move_job {
    struct move_job *next;
    pthread_t thread;
    int bell; /* the eventfd of all */
    atomic_bool stop, done;
    char bundle[BB_PATH_MAX], state[BB_PATH_MAX], parcel[BB_PATH_MAX];
    char *about; /* NULL: unpacks, to `state` */
    struct move_job_end end;
};

struct move_jobs {
    struct bb_loop *loop;
    move_job_on_end *on_end;
    void *context;
    int bell;
    struct move_job *first;
};

static void *work(void *context)
{
    struct move_job *job = context;
    struct move_job_end *end = &job->end;
    const uint64_t one = 1;
    if (end->packs)
        end->status = parcel_pack(job->bundle, job->about, job->state, job->parcel, &job->stop, &end->reason,
                                  &end->size, end->sha256);
    else
        end->status = parcel_unpack(job->parcel, end->sha256, job->state, &job->stop, &end->reason);
    atomic_store(&job->done, true);
    (void)!write(job->bell, &one, sizeof one);
    return NULL;
}

static void free_job(struct move_job *job)
{
    pthread_join(job->thread, NULL);
    free(job->about);
    free(job);
}

/* Takes out the first job that is done, or that is of that move; NULL: none. */
static struct move_job *take_out(struct move_jobs *jobs, const char *id)
{
    for (struct move_job **at = &jobs->first; *at != NULL; at = &(*at)->next) {
        struct move_job *job = *at;
        if (id == NULL ? atomic_load(&job->done) : strcmp(job->end.id, id) == 0) {
            *at = job->next;
            return job;
        }
    }
    return NULL;
}

static void on_bell(void *context)
{
    struct move_jobs *jobs = context;
    struct move_job *job;
    uint64_t rings;
    (void)!read(jobs->bell, &rings, sizeof rings);
    while ((job = take_out(jobs, NULL)) != NULL) {
        struct move_job_end end = job->end;
        free_job(job);
        jobs->on_end(jobs->context, &end);
    }
}

enum status move_job_open(struct bb_loop *loop, move_job_on_end *on_end, void *context,
                          struct move_jobs **out)
{
    struct move_jobs *jobs = calloc(1, sizeof *jobs);
    CHECK(jobs != NULL);
    *jobs = (struct move_jobs){loop, on_end, context, eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), NULL};
    enum status status = jobs->bell >= 0 ? bb_loop_watch(loop, jobs->bell, 0, on_bell, jobs) : BB_IO;
    if (status == BB_OK) {
        *out = jobs;
        return BB_OK;
    }
    if (jobs->bell >= 0)
        close(jobs->bell);
    free(jobs);
    return status;
}

void move_job_close(struct move_jobs *jobs)
{
    if (jobs == NULL)
        return;
    while (jobs->first != NULL)
        move_job_stop(jobs, jobs->first->end.id);
    bb_loop_unwatch(jobs->loop, jobs->bell);
    close(jobs->bell);
    free(jobs);
}

static enum status start(struct move_jobs *jobs, const char *id, const char *parcel, const char *state,
                         struct move_job *job)
{
    job->bell = jobs->bell;
    snprintf(job->end.id, sizeof job->end.id, "%s", id);
    snprintf(job->parcel, sizeof job->parcel, "%s", parcel);
    snprintf(job->state, sizeof job->state, "%s", state);
    if (pthread_create(&job->thread, NULL, work, job) != 0) {
        free(job->about);
        free(job);
        return BB_IO;
    }
    job->next = jobs->first;
    jobs->first = job;
    return BB_OK;
}

enum status move_job_pack(struct move_jobs *jobs, const char *id, const char *bundle, const char *about,
                          const char *state, const char *parcel)
{
    struct move_job *job = calloc(1, sizeof *job);
    CHECK(job != NULL);
    job->about = strdup(about);
    CHECK(job->about != NULL);
    job->end.packs = true;
    snprintf(job->bundle, sizeof job->bundle, "%s", bundle);
    return start(jobs, id, parcel, state, job);
}

enum status move_job_unpack(struct move_jobs *jobs, const char *id, const char *parcel, const char *sha256,
                            const char *folder)
{
    struct move_job *job = calloc(1, sizeof *job);
    CHECK(job != NULL);
    snprintf(job->end.sha256, sizeof job->end.sha256, "%s", sha256);
    return start(jobs, id, parcel, folder, job);
}

void move_job_stop(struct move_jobs *jobs, const char *id)
{
    struct move_job *job = take_out(jobs, id);
    if (job == NULL)
        return;
    atomic_store(&job->stop, true);
    free_job(job);
}
