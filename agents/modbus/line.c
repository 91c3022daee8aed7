#include "agents/modbus/line.h"

#include <busbar/check.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* The device is busy; ask again. Source: Modbus application protocol 1.1b3, 7. */
#define BUSY            6
#define URGENT_IN_A_ROW 4

struct queue {
    struct job *first, *last;
};

struct line_harbour {
    struct bb_loop *loop;
    int fd;
    pthread_mutex_t lock;
    struct queue done;
};

struct line {
    struct line_harbour *harbour;
    struct port *port;
    struct fake *fake;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct queue urgent, others;
    size_t waiting, steps; /* jobs, and steps in them */
    unsigned in_a_row;     /* urgent jobs since the last other one */
    bool closing;
};

static void push(struct queue *queue, struct job *job)
{
    job->next = NULL;
    if (queue->last != NULL)
        queue->last->next = job;
    else
        queue->first = job;
    queue->last = job;
}

static struct job *pop(struct queue *queue)
{
    struct job *job = queue->first;
    if (job != NULL)
        queue->first = job->next;
    if (queue->first == NULL)
        queue->last = NULL;
    return job;
}

/* -- the harbour ------------------------------------------------------------------------------------------
 */

static void bring_in(struct line_harbour *harbour, struct job *job)
{
    static const uint64_t one = 1;
    pthread_mutex_lock(&harbour->lock);
    push(&harbour->done, job);
    pthread_mutex_unlock(&harbour->lock);
    CHECK(write(harbour->fd, &one, sizeof one) == sizeof one);
}

static void on_arrival(void *context)
{
    struct line_harbour *harbour = context;
    uint64_t count;
    (void)!read(harbour->fd, &count, sizeof count);
    pthread_mutex_lock(&harbour->lock);
    struct queue done = harbour->done;
    harbour->done = (struct queue){NULL, NULL};
    pthread_mutex_unlock(&harbour->lock);
    for (struct job *job = pop(&done); job != NULL; job = pop(&done)) {
        job->done(job->context, job);
        free(job);
    }
}

enum status line_harbour_open(struct bb_loop *loop, struct line_harbour **out)
{
    struct line_harbour *harbour = calloc(1, sizeof *harbour);
    if (harbour == NULL)
        return BB_FULL;
    harbour->loop = loop;
    harbour->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&harbour->lock, NULL);
    enum status status = harbour->fd < 0 ? BB_IO : bb_loop_watch(loop, harbour->fd, 0, on_arrival, harbour);
    if (status != BB_OK) {
        if (harbour->fd >= 0)
            close(harbour->fd);
        free(harbour);
        return status;
    }
    *out = harbour;
    return BB_OK;
}

void line_harbour_close(struct line_harbour *harbour)
{
    if (harbour == NULL)
        return;
    on_arrival(harbour);
    bb_loop_unwatch(harbour->loop, harbour->fd);
    close(harbour->fd);
    pthread_mutex_destroy(&harbour->lock);
    free(harbour);
}

/* -- a line -----------------------------------------------------------------------------------------------
 */

static bool is_closing(struct line *line)
{
    pthread_mutex_lock(&line->lock);
    bool closing = line->closing;
    pthread_mutex_unlock(&line->lock);
    return closing;
}

static bool goes_on(const struct job *job, const struct step *step)
{
    return step->result == STEP_DONE || (step->result == STEP_REFUSED && !job->careful);
}

/* One step with its attempts; a line that closes makes no further ones. */
static void do_step(struct line *line, struct port *port, struct job *job, struct step *step)
{
    for (int i = 0; i <= job->retries; i++) {
        port_step(port, job, step);
        bool again = step->result == STEP_FAILED || (step->result == STEP_REFUSED && step->exception == BUSY);
        if (!again || (line != NULL && is_closing(line)))
            return;
    }
}

void line_run(struct port *port, struct job *job)
{
    for (size_t i = 0; i < job->count; i++) {
        do_step(NULL, port, job, &job->steps[i]);
        if (!goes_on(job, &job->steps[i]))
            return;
    }
}

static void run(struct line *line, struct job *job)
{
    for (size_t i = 0; i < job->count && !is_closing(line); i++) {
        struct step *step = &job->steps[i];
        if (line->fake != NULL)
            fake_step(line->fake, job, step, bb_loop_wall_ms());
        else
            do_step(line, line->port, job, step);
        if (!goes_on(job, step))
            return;
    }
}

/* Calls go before scrapes, but not for ever. */
static struct job *next_job(struct line *line)
{
    bool urgent =
        line->urgent.first != NULL && (line->others.first == NULL || line->in_a_row < URGENT_IN_A_ROW);
    line->in_a_row = urgent ? line->in_a_row + 1 : 0;
    struct job *job = pop(urgent ? &line->urgent : &line->others);
    line->waiting--;
    line->steps -= job->count;
    return job;
}

static struct job *wait_for_job(struct line *line)
{
    pthread_mutex_lock(&line->lock);
    while (!line->closing && line->waiting == 0)
        pthread_cond_wait(&line->wake, &line->lock);
    struct job *job = line->closing ? NULL : next_job(line);
    pthread_mutex_unlock(&line->lock);
    return job;
}

static void *work(void *context)
{
    struct line *line = context;
    for (struct job *job = wait_for_job(line); job != NULL; job = wait_for_job(line)) {
        run(line, job);
        bring_in(line->harbour, job);
    }
    return NULL;
}

/* Signals are the loop's. */
static enum status start(struct line *line)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&line->thread, NULL, work, line);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error == 0 ? BB_OK : BB_IO;
}

static void free_line(struct line *line)
{
    port_free(line->port);
    fake_free(line->fake);
    pthread_mutex_destroy(&line->lock);
    pthread_cond_destroy(&line->wake);
    free(line);
}

enum status line_open(struct line_harbour *harbour, const struct port_place *place, struct fake *fake,
                      struct line **out)
{
    struct line *line = calloc(1, sizeof *line);
    if (line == NULL) {
        fake_free(fake);
        return BB_FULL;
    }
    line->harbour = harbour;
    line->fake = fake;
    line->port = fake == NULL ? port_new(place) : NULL;
    pthread_mutex_init(&line->lock, NULL);
    pthread_cond_init(&line->wake, NULL);
    enum status status = fake == NULL && line->port == NULL ? BB_FULL : start(line);
    if (status == BB_OK)
        *out = line;
    else
        free_line(line);
    return status;
}

void line_stop(struct line *line)
{
    pthread_mutex_lock(&line->lock);
    line->closing = true;
    pthread_cond_signal(&line->wake);
    pthread_mutex_unlock(&line->lock);
}

void line_close(struct line *line)
{
    if (line == NULL)
        return;
    line_stop(line);
    pthread_join(line->thread, NULL);
    while (line->urgent.first != NULL)
        bring_in(line->harbour, pop(&line->urgent));
    while (line->others.first != NULL)
        bring_in(line->harbour, pop(&line->others));
    free_line(line);
}

struct job *line_job(size_t count)
{
    struct job *job = calloc(1, sizeof *job + count * sizeof *job->steps);
    if (job != NULL)
        job->count = count;
    return job;
}

enum status line_submit(struct line *line, struct job *job)
{
    pthread_mutex_lock(&line->lock);
    bool full =
        line->waiting == LINE_JOBS_MAX || (line->waiting > 0 && line->steps + job->count > LINE_STEPS_MAX);
    if (!full) {
        push(job->urgent ? &line->urgent : &line->others, job);
        line->waiting++;
        line->steps += job->count;
        pthread_cond_signal(&line->wake);
    }
    pthread_mutex_unlock(&line->lock);
    return full ? BB_FULL : BB_OK;
}
