#include "bus/durable/writer.h"

#include <busbar/check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* How often the bounds are looked at when nothing is written. */
#define IDLE_S 1

struct durable_writer {
    struct durable_log *log; /* the thread's */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wanted;
    int fd;
    bool running, stop;
    struct durable_job *first, **last; /* waiting */
    struct durable_job *done, **done_last;
    struct durable_view view;
};

static int64_t wall_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* True for what only this job's own fault was; everything else is the disk's, and ends the batch. */
static bool is_own_fault(enum status status)
{
    return status == BB_OK || status == BB_NOT_FOUND || status == BB_RANGE;
}

static enum status do_job(struct durable_log *log, struct durable_job *job, struct bb_reason *reason)
{
    switch (job->kind) {
    case DURABLE_APPEND:
        return durable_log_append(log, &job->message, reason);
    case DURABLE_REGISTER:
        return durable_log_register(log, job->name, job->from, job->value, reason);
    case DURABLE_ACKNOWLEDGE:
        return durable_log_acknowledge(log, job->name->name, job->offset, reason);
    case DURABLE_DROP:
        return durable_log_drop(log, job->name->name, reason);
    }
    return BB_RANGE;
}

static void tell(struct durable_job *job, enum status status, const struct bb_reason *reason)
{
    job->status = status;
    snprintf(job->reason, sizeof job->reason, "%.*s", (int)sizeof job->reason - 1, reason->text);
}

/* Does a batch: everything in it is on the disk, or nothing is and every job says why. */
static enum status do_batch(struct durable_log *log, struct durable_job *jobs)
{
    struct bb_reason reason = {""};
    uint32_t trimmed;
    enum status status = durable_log_begin(log, &reason);
    bool begun = status == BB_OK;
    for (struct durable_job *job = jobs; job != NULL && status == BB_OK; job = job->next) {
        struct bb_reason own = {""};
        enum status one = do_job(log, job, &own);
        tell(job, one, &own);
        if (!is_own_fault(one)) {
            status = one;
            reason = own;
        }
    }
    if (status == BB_OK)
        status = durable_log_trim(log, wall_ms(), &trimmed, &reason);
    if (begun) {
        struct bb_reason ending = {""};
        enum status ended = durable_log_end(log, status == BB_OK, &ending);
        if (status == BB_OK && ended != BB_OK) {
            status = ended;
            reason = ending;
        }
    }
    for (struct durable_job *job = jobs; job != NULL && status != BB_OK; job = job->next)
        tell(job, status, &reason);
    return status;
}

static size_t size_of(const struct durable_job *job)
{
    return job->message.topic.size + job->message.headers.size + job->message.message.size;
}

/* Takes the jobs of one batch off the queue; the mutex is held. */
static struct durable_job *take_batch(struct durable_writer *w)
{
    struct durable_job *first = w->first, *last = first;
    size_t count = 1, size = first == NULL ? 0 : size_of(first);
    if (first == NULL)
        return NULL;
    while (last->next != NULL && count < DURABLE_BATCH_JOBS &&
           size + size_of(last->next) <= DURABLE_BATCH_BYTES) {
        last = last->next;
        size += size_of(last);
        count++;
    }
    w->first = last->next;
    if (w->first == NULL)
        w->last = &w->first;
    last->next = NULL;
    return first;
}

/* Puts what the log says now where others see it; the mutex is held. */
static void show(struct durable_writer *w, enum status status)
{
    const struct durable_name *names = durable_log_names(w->log, &w->view.name_count);
    const struct durable_stream *streams = durable_log_streams(w->log, &w->view.stream_count);
    memcpy(w->view.names, names, w->view.name_count * sizeof *names);
    memcpy(w->view.streams, streams, w->view.stream_count * sizeof *streams);
    w->view.last = durable_log_last(w->log);
    w->view.commits += status == BB_OK;
    w->view.failures += status != BB_OK;
}

/* Hands over what is done; the mutex is held. */
static void give_back(struct durable_writer *w, struct durable_job *jobs)
{
    uint64_t one = 1;
    if (jobs == NULL)
        return;
    *w->done_last = jobs;
    while (jobs->next != NULL)
        jobs = jobs->next;
    w->done_last = &jobs->next;
    CHECK(write(w->fd, &one, sizeof one) == sizeof one);
}

static void *run(void *context)
{
    struct durable_writer *w = context;
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        struct timespec until;
        CHECK(clock_gettime(CLOCK_REALTIME, &until) == 0);
        until.tv_sec += IDLE_S;
        if (w->first == NULL && !w->stop)
            (void)pthread_cond_timedwait(&w->wanted, &w->mutex, &until);
        if (w->first == NULL && w->stop)
            break;
        struct durable_job *jobs = take_batch(w);
        pthread_mutex_unlock(&w->mutex);
        enum status status = do_batch(w->log, jobs);
        pthread_mutex_lock(&w->mutex);
        show(w, status);
        give_back(w, jobs);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

enum status durable_writer_open(const char *path, const struct durable_policy *policies, size_t count,
                                struct durable_writer **out, struct bb_reason *reason)
{
    struct durable_writer *w = calloc(1, sizeof *w);
    CHECK(w != NULL);
    w->last = &w->first;
    w->done_last = &w->done;
    w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(pthread_mutex_init(&w->mutex, NULL) == 0 && pthread_cond_init(&w->wanted, NULL) == 0);
    enum status status = w->fd < 0 ? BB_IO : durable_log_open(path, policies, count, &w->log, reason);
    if (status == BB_OK) {
        show(w, BB_OK);
        w->running = pthread_create(&w->thread, NULL, run, w) == 0;
        status = w->running ? BB_OK : BB_IO;
    }
    if (status == BB_OK)
        *out = w;
    else
        durable_writer_close(w);
    return status;
}

void durable_writer_stop(struct durable_writer *w)
{
    if (!w->running)
        return;
    pthread_mutex_lock(&w->mutex);
    w->stop = true;
    pthread_cond_signal(&w->wanted);
    pthread_mutex_unlock(&w->mutex);
    CHECK(pthread_join(w->thread, NULL) == 0);
    w->running = false;
}

void durable_writer_close(struct durable_writer *w)
{
    if (w == NULL)
        return;
    durable_writer_stop(w);
    durable_log_close(w->log);
    if (w->fd >= 0)
        close(w->fd);
    pthread_cond_destroy(&w->wanted);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

int durable_writer_fd(const struct durable_writer *w)
{
    return w->fd;
}

void durable_writer_put(struct durable_writer *w, struct durable_job *job)
{
    job->next = NULL;
    pthread_mutex_lock(&w->mutex);
    *w->last = job;
    w->last = &job->next;
    pthread_cond_signal(&w->wanted);
    pthread_mutex_unlock(&w->mutex);
}

struct durable_job *durable_writer_done(struct durable_writer *w)
{
    uint64_t count;
    pthread_mutex_lock(&w->mutex);
    struct durable_job *jobs = w->done;
    w->done = NULL;
    w->done_last = &w->done;
    (void)!read(w->fd, &count, sizeof count);
    pthread_mutex_unlock(&w->mutex);
    return jobs;
}

bool durable_writer_find(struct durable_writer *w, const char *name, struct durable_name *out)
{
    bool found = false;
    pthread_mutex_lock(&w->mutex);
    for (size_t i = 0; i < w->view.name_count && !found; i++) {
        found = strcmp(w->view.names[i].name, name) == 0;
        if (found)
            *out = w->view.names[i];
    }
    pthread_mutex_unlock(&w->mutex);
    return found;
}

struct durable_view *durable_writer_view(struct durable_writer *w)
{
    struct durable_view *view = malloc(sizeof *view);
    CHECK(view != NULL);
    pthread_mutex_lock(&w->mutex);
    *view = w->view;
    pthread_mutex_unlock(&w->mutex);
    return view;
}
