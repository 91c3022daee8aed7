#include "agents/historian/worker.h"

#include <busbar/check.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

/* Of one transaction at the target. */
#define CHUNK_BATCHES 64
#define CHUNK_BYTES   ((size_t)2 * 1024 * 1024)
/* How often the spool is tried again, and maintenance looked for. */
#define SPOOL_RETRY_MS 500
#define MAINTAIN_MS    1000
#define RETRY_FACTOR   2

/* A batch in memory. */
struct parcel {
    struct parcel *next;
    uint8_t *data;
    size_t size;
    uint32_t readings;
    int64_t mark;
};

struct worker {
    struct worker_settings settings;
    struct target_settings target_settings; /* with `giving_up` in it */
    atomic_bool giving_up;
    struct spool *spool;
    struct history history; /* the target thread's */
    pthread_t keeper, target;
    bool keeper_runs, target_runs;
    int fd;
    pthread_mutex_t mutex; /* over all that follows */
    pthread_cond_t parcels_wanted, work_wanted;
    bool keeper_stops, target_stops;
    struct parcel *first, **last;
    struct worker_question *asked, **asked_last, *answered, **answered_last;
    struct worker_view view;
    uint64_t arrivals; /* batches that the keeper has written */
    uint32_t retry_ms; /* the target thread's */
};

static int64_t clock_ms(clockid_t which)
{
    struct timespec now;
    CHECK(clock_gettime(which, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void notify(struct worker *w)
{
    uint64_t one = 1;
    CHECK(write(w->fd, &one, sizeof one) == sizeof one);
}

/* Waits for a condition, at most so long; the mutex is held. */
static void wait_ms(struct worker *w, pthread_cond_t *condition, int64_t ms)
{
    int64_t until_ms = clock_ms(CLOCK_MONOTONIC) + ms;
    struct timespec until = {until_ms / 1000, until_ms % 1000 * 1000000};
    (void)pthread_cond_timedwait(condition, &w->mutex, &until);
}

/* -- the keeper ----------------------------------------------------------------------------------------- */

static struct parcel *take_first(struct worker *w)
{
    struct parcel *p = w->first;
    w->first = p->next;
    if (w->first == NULL)
        w->last = &w->first;
    w->view.memory_batches--;
    w->view.memory_bytes -= p->size;
    return p;
}

static void free_parcel(struct parcel *p)
{
    free(p->data);
    free(p);
}

/* Puts a parcel back to the front. */
static void put_back(struct worker *w, struct parcel *p)
{
    p->next = w->first;
    w->first = p;
    if (p->next == NULL)
        w->last = &p->next;
    w->view.memory_batches++;
    w->view.memory_bytes += p->size;
}

/* Writes one parcel; the mutex is held at the beginning and the end. False: the spool did not take it. */
static bool keep(struct worker *w)
{
    struct parcel *p = take_first(w);
    struct bb_reason reason = {""};
    uint64_t dropped = 0;
    pthread_mutex_unlock(&w->mutex);
    enum status status =
        spool_append(w->spool, (struct bytes){p->data, p->size}, p->readings, &dropped, &reason);
    struct spool_counts counts = spool_counts(w->spool);
    pthread_mutex_lock(&w->mutex);
    w->view.spool = counts;
    w->view.spool_failing = status != BB_OK;
    if (status != BB_OK) {
        w->view.spool_reason = reason;
        put_back(w, p);
    } else {
        if (p->mark > 0)
            w->view.safe_mark = p->mark;
        free_parcel(p);
        w->arrivals++;
        pthread_cond_signal(&w->work_wanted);
    }
    notify(w);
    return status == BB_OK;
}

static void *run_keeper(void *context)
{
    struct worker *w = context;
    pthread_mutex_lock(&w->mutex);
    for (;;) {
        if (w->first == NULL && w->keeper_stops)
            break;
        if (w->first == NULL)
            pthread_cond_wait(&w->parcels_wanted, &w->mutex);
        else if (!keep(w) && w->keeper_stops)
            break;
        else if (w->view.spool_failing)
            wait_ms(w, &w->parcels_wanted, SPOOL_RETRY_MS);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* -- the target ----------------------------------------------------------------------------------------- */

/* Shows what the history says of itself; the mutex is held. */
static void show(struct worker *w, enum status status, const struct bb_reason *reason)
{
    const struct history *h = &w->history;
    if (status != BB_OK)
        w->view.target_reason = *reason;
    w->view.connected = h->target != NULL;
    w->view.written = h->written;
    w->view.too_old = h->too_old;
    w->view.too_many = h->too_many;
    w->view.aggregated = h->aggregated;
    w->view.trimmed = h->trimmed;
    w->view.series = h->series.count;
}

/* The target did not do what it should: it is closed, and opened again later. */
static void lose_target(struct worker *w, const struct bb_reason *reason)
{
    history_disconnect(&w->history);
    pthread_mutex_lock(&w->mutex);
    w->view.failures++;
    show(w, BB_IO, reason);
    notify(w);
    pthread_mutex_unlock(&w->mutex);
}

static bool connect_target(struct worker *w)
{
    struct bb_reason reason = {""};
    enum status status = history_connect(&w->history, &reason);
    pthread_mutex_lock(&w->mutex);
    w->view.connections += status == BB_OK;
    show(w, status, &reason);
    notify(w);
    pthread_mutex_unlock(&w->mutex);
    return status == BB_OK;
}

/* What the target will never take goes, one batch at a time, and is told. */
static enum status write_singly(struct worker *w, const struct spool_batch *batches, size_t count,
                                int64_t now_us, struct bb_reason *reason)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < count && (status == BB_OK || status == BB_MALFORMED); i++) {
        const struct bytes one = {batches[i].data, batches[i].size};
        status = w->history.target != NULL ? BB_OK : history_connect(&w->history, reason);
        if (status == BB_OK)
            status = history_write(&w->history, &one, 1, now_us, reason);
        if (status == BB_MALFORMED) {
            history_disconnect(&w->history);
            pthread_mutex_lock(&w->mutex);
            w->view.refused += batches[i].readings;
            w->view.target_reason = *reason;
            pthread_mutex_unlock(&w->mutex);
        }
        if (status == BB_OK || status == BB_MALFORMED) {
            enum status removed = spool_remove(w->spool, batches[i].id, reason);
            status = removed == BB_OK ? status : removed;
        }
    }
    return status == BB_MALFORMED ? BB_OK : status;
}

/* Takes the oldest batches to the target. *some_out: there were some. */
static enum status flush(struct worker *w, bool *some_out, struct bb_reason *reason)
{
    struct spool_batch batches[CHUNK_BATCHES];
    struct bytes ranges[CHUNK_BATCHES];
    size_t count = 0;
    int64_t now_us = clock_ms(CLOCK_REALTIME) * 1000;
    enum status status = spool_oldest(w->spool, CHUNK_BATCHES, CHUNK_BYTES, batches, &count, reason);
    *some_out = status == BB_OK && count > 0;
    if (!*some_out)
        return status;
    for (size_t i = 0; i < count; i++)
        ranges[i] = (struct bytes){batches[i].data, batches[i].size};
    status = history_write(&w->history, ranges, count, now_us, reason);
    if (status == BB_OK) {
        status = spool_remove(w->spool, batches[count - 1].id, reason);
    } else if (status == BB_MALFORMED) {
        history_disconnect(&w->history);
        status = write_singly(w, batches, count, now_us, reason);
    }
    for (size_t i = 0; i < count; i++)
        free(batches[i].data);
    return status;
}

static void answer(struct worker *w, struct worker_question *q)
{
    struct history *h = &w->history;
    bool lost = false;
    q->reason = (struct bb_reason){""};
    if (h->ops->readings_get == NULL) {
        q->status = BB_RANGE;
        bb_reason_say(&q->reason, "the target %s is asked by its own means, not through the historian",
                      h->ops->name);
    } else if (h->target == NULL) {
        q->status = BB_UNREACHABLE;
        pthread_mutex_lock(&w->mutex);
        bb_reason_say(&q->reason, "the target is away: %.400s", w->view.target_reason.text);
        pthread_mutex_unlock(&w->mutex);
    } else {
        q->status = q->method(h, q->params, &q->json, &q->reason);
        lost = q->status == BB_IO || q->status == BB_CLOSED || q->status == BB_UNREACHABLE;
    }
    if (lost)
        lose_target(w, &q->reason);
    pthread_mutex_lock(&w->mutex);
    q->next = NULL;
    *w->answered_last = q;
    w->answered_last = &q->next;
    notify(w);
    pthread_mutex_unlock(&w->mutex);
}

static struct worker_question *take_question(struct worker *w)
{
    struct worker_question *q = w->asked;
    if (q != NULL) {
        w->asked = q->next;
        if (w->asked == NULL)
            w->asked_last = &w->asked;
    }
    return q;
}

/* One piece of work at a target that is there; false: there is none. */
static bool work(struct worker *w)
{
    struct bb_reason reason = {""};
    bool some = false, more = false;
    enum status status = flush(w, &some, &reason);
    if (status == BB_OK && !some && w->history.target != NULL)
        status = history_maintain(&w->history, clock_ms(CLOCK_REALTIME) * 1000, &more, &reason);
    if (status != BB_OK) {
        lose_target(w, &reason);
        return false;
    }
    struct spool_counts counts = spool_counts(w->spool);
    pthread_mutex_lock(&w->mutex);
    w->view.spool = counts;
    show(w, BB_OK, NULL);
    pthread_mutex_unlock(&w->mutex);
    return some || more;
}

/* How long until the target is tried again; the pauses double until it does something. */
static int64_t next_pause(struct worker *w)
{
    int64_t pause = w->retry_ms, doubled = pause * RETRY_FACTOR;
    w->retry_ms = doubled > w->settings.retry_max_ms ? w->settings.retry_max_ms : (uint32_t)doubled;
    return pause;
}

/* Connects when it is time and does one piece of work; how long there is nothing to do then. */
static int64_t go_on(struct worker *w, int64_t *next_ms)
{
    int64_t now = clock_ms(CLOCK_MONOTONIC);
    if (w->history.target == NULL && now < *next_ms)
        return *next_ms - now;
    bool busy = (w->history.target != NULL || connect_target(w)) && work(w);
    if (w->history.target == NULL) {
        int64_t pause = next_pause(w);
        *next_ms = clock_ms(CLOCK_MONOTONIC) + pause;
        return pause;
    }
    w->retry_ms = w->settings.retry_min_ms;
    return busy ? 0 : MAINTAIN_MS;
}

static void *run_target(void *context)
{
    struct worker *w = context;
    int64_t next_ms = 0, rest_ms = 0;
    uint64_t seen = 0;
    pthread_mutex_lock(&w->mutex);
    while (!w->target_stops) {
        struct worker_question *q = take_question(w);
        if (q == NULL && rest_ms > 0 && (w->arrivals == seen || w->history.target == NULL)) {
            wait_ms(w, &w->work_wanted, rest_ms);
            q = take_question(w);
        }
        seen = w->arrivals;
        pthread_mutex_unlock(&w->mutex);
        if (q != NULL)
            answer(w, q);
        rest_ms = go_on(w, &next_ms);
        pthread_mutex_lock(&w->mutex);
    }
    pthread_mutex_unlock(&w->mutex);
    return NULL;
}

/* -- lifetime ------------------------------------------------------------------------------------------- */

static enum status start(struct worker *w, struct bb_reason *reason)
{
    pthread_condattr_t monotonic;
    CHECK(pthread_condattr_init(&monotonic) == 0 &&
          pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) == 0);
    CHECK(pthread_mutex_init(&w->mutex, NULL) == 0 &&
          pthread_cond_init(&w->parcels_wanted, &monotonic) == 0 &&
          pthread_cond_init(&w->work_wanted, &monotonic) == 0);
    pthread_condattr_destroy(&monotonic);
    w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    enum status status =
        w->fd < 0 ? BB_IO : spool_open(w->settings.spool, w->settings.spool_bytes, &w->spool, reason);
    if (status != BB_OK)
        return status;
    w->view.spool = spool_counts(w->spool);
    w->keeper_runs = pthread_create(&w->keeper, NULL, run_keeper, w) == 0;
    w->target_runs = w->keeper_runs && pthread_create(&w->target, NULL, run_target, w) == 0;
    if (!w->target_runs)
        bb_reason_say(reason, "a thread cannot be started");
    return w->target_runs ? BB_OK : BB_IO;
}

enum status worker_open(const struct worker_settings *settings, struct worker **out, struct bb_reason *reason)
{
    struct worker *w = calloc(1, sizeof *w);
    CHECK(w != NULL);
    w->settings = *settings;
    w->retry_ms = settings->retry_min_ms;
    w->last = &w->first;
    w->asked_last = &w->asked;
    w->answered_last = &w->answered;
    w->target_settings = *settings->target;
    w->target_settings.stop = &w->giving_up;
    history_init(&w->history, settings->ops, &w->target_settings, settings->rules, settings->series_max,
                 settings->seed);
    enum status status = start(w, reason);
    if (status == BB_OK)
        *out = w;
    else
        worker_close(w);
    return status;
}

static void stop(struct worker *w, bool *flag, pthread_cond_t *condition, bool *runs, pthread_t thread)
{
    if (!*runs)
        return;
    pthread_mutex_lock(&w->mutex);
    *flag = true;
    pthread_cond_signal(condition);
    pthread_mutex_unlock(&w->mutex);
    CHECK(pthread_join(thread, NULL) == 0);
    *runs = false;
}

static void free_questions(struct worker_question *q)
{
    while (q != NULL) {
        struct worker_question *next = q->next;
        free(q->params);
        free(q->json);
        free(q);
        q = next;
    }
}

void worker_close(struct worker *w)
{
    if (w == NULL)
        return;
    stop(w, &w->keeper_stops, &w->parcels_wanted, &w->keeper_runs, w->keeper);
    atomic_store(&w->giving_up, true);
    stop(w, &w->target_stops, &w->work_wanted, &w->target_runs, w->target);
    while (w->first != NULL)
        free_parcel(take_first(w));
    free_questions(w->asked);
    free_questions(w->answered);
    history_free(&w->history);
    spool_close(w->spool);
    if (w->fd >= 0)
        close(w->fd);
    pthread_cond_destroy(&w->parcels_wanted);
    pthread_cond_destroy(&w->work_wanted);
    pthread_mutex_destroy(&w->mutex);
    free(w);
}

/* -- what the loop calls -------------------------------------------------------------------------------- */

int worker_fd(const struct worker *w)
{
    return w->fd;
}

bool worker_put(struct worker *w, uint8_t *data, size_t size, uint32_t readings, int64_t mark, bool force)
{
    struct parcel *p = malloc(sizeof *p);
    CHECK(p != NULL);
    *p = (struct parcel){NULL, data, size, readings, mark};
    pthread_mutex_lock(&w->mutex);
    bool room = w->view.memory_bytes + size <= w->settings.memory_bytes;
    while (!room && force && w->first != NULL) {
        struct parcel *oldest = take_first(w);
        w->view.memory_dropped += oldest->readings;
        free_parcel(oldest);
        room = w->view.memory_bytes + size <= w->settings.memory_bytes;
    }
    bool taken = room || force || w->first == NULL;
    if (taken) {
        *w->last = p;
        w->last = &p->next;
        w->view.memory_batches++;
        w->view.memory_bytes += size;
        pthread_cond_signal(&w->parcels_wanted);
    }
    pthread_mutex_unlock(&w->mutex);
    if (!taken)
        free(p);
    return taken;
}

void worker_ask(struct worker *w, struct worker_question *question)
{
    question->next = NULL;
    pthread_mutex_lock(&w->mutex);
    *w->asked_last = question;
    w->asked_last = &question->next;
    pthread_cond_signal(&w->work_wanted);
    pthread_mutex_unlock(&w->mutex);
}

struct worker_question *worker_answered(struct worker *w)
{
    uint64_t count;
    pthread_mutex_lock(&w->mutex);
    struct worker_question *q = w->answered;
    if (q != NULL) {
        w->answered = q->next;
        if (w->answered == NULL)
            w->answered_last = &w->answered;
    } else {
        (void)!read(w->fd, &count, sizeof count);
    }
    pthread_mutex_unlock(&w->mutex);
    return q;
}

void worker_look(struct worker *w, struct worker_view *out)
{
    pthread_mutex_lock(&w->mutex);
    *out = w->view;
    pthread_mutex_unlock(&w->mutex);
}
