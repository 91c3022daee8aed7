#include <busbar/loop.h>

#include "bus/client/turn.h"

#include <busbar/check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define WATCHES_MAX 1024
#define TIMERS_MAX  1024
/* Descriptors that are served in one turn; the others have theirs in the next. */
#define READY_MAX 64

struct watch {
    void *socket; /* NULL: a file descriptor */
    int fd;
    short events;
    bool plain;          /* a descriptor that epoll does not take */
    bb_handler *handler; /* NULL: free */
    void *context;
};

struct timer {
    int id; /* 0: free */
    int64_t at_ms;
    int64_t period_ms; /* 0: once */
    bb_handler *handler;
    void *context;
};

struct bb_loop {
    int signal_fd;
    int epoll_fd; /* all descriptors but the plain ones: to ask each of many ttys in each turn is dear */
    sigset_t old_mask;
    bool running, stopped, interrupted;
    int depth; /* turns within turns */
    bb_handler *on_hangup;
    void *hangup_context;
    int next_id;
    size_t watches, timers; /* places in use or once used: the rest is free */
    struct watch watch[WATCHES_MAX];
    struct timer timer[TIMERS_MAX];
};

int64_t bb_loop_mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t bb_loop_wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum status bb_loop_open(struct bb_loop **out)
{
    sigset_t mask;
    struct bb_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return BB_IO;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &mask, &loop->old_mask) != 0) {
        free(loop);
        return BB_IO;
    }
    loop->signal_fd = signalfd(-1, &mask, SFD_NONBLOCK | SFD_CLOEXEC);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->signal_fd < 0 || loop->epoll_fd < 0) {
        if (loop->signal_fd >= 0)
            close(loop->signal_fd);
        sigprocmask(SIG_SETMASK, &loop->old_mask, NULL);
        free(loop);
        return BB_IO;
    }
    *out = loop;
    return BB_OK;
}

void bb_loop_close(struct bb_loop *loop)
{
    if (loop == NULL)
        return;
    close(loop->signal_fd);
    close(loop->epoll_fd);
    sigprocmask(SIG_SETMASK, &loop->old_mask, NULL);
    free(loop);
}

void bb_loop_stop(struct bb_loop *loop)
{
    loop->stopped = true;
}

void bb_loop_on_hangup(struct bb_loop *loop, bb_handler *handler, void *context)
{
    loop->on_hangup = handler;
    loop->hangup_context = context;
}

static struct watch *find_watch(struct bb_loop *loop, void *socket, int fd)
{
    for (size_t i = 0; i < loop->watches; i++) {
        struct watch *w = &loop->watch[i];
        if (w->handler != NULL && w->socket == socket && (socket != NULL || w->fd == fd))
            return w;
    }
    return NULL;
}

/* Tells epoll what is waited for on a descriptor. One whose last watcher closed it first may still be known.
 */
static void enlist(struct bb_loop *loop, struct watch *w)
{
    uint64_t place = (uint64_t)(w - loop->watch);
    struct epoll_event e = {.events = (w->events & ZMQ_POLLIN ? (uint32_t)EPOLLIN : 0) |
                                      (w->events & ZMQ_POLLOUT ? (uint32_t)EPOLLOUT : 0),
                            .data.u64 = place << 32 | (uint32_t)w->fd};
    w->plain = epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, w->fd, &e) != 0 &&
               (errno != EEXIST || epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, w->fd, &e) != 0);
}

static enum status add_watch(struct bb_loop *loop, const struct watch *watch)
{
    if (find_watch(loop, watch->socket, watch->fd) != NULL)
        return BB_EXISTS;
    size_t i = 0;
    while (i < loop->watches && loop->watch[i].handler != NULL)
        i++;
    if (i == WATCHES_MAX)
        return BB_FULL;
    if (i == loop->watches)
        loop->watches++;
    loop->watch[i] = *watch;
    if (watch->socket == NULL)
        enlist(loop, &loop->watch[i]);
    return BB_OK;
}

enum status bb_loop_watch(struct bb_loop *loop, int fd, int writable, bb_handler *handler, void *context)
{
    short events = writable ? ZMQ_POLLOUT : ZMQ_POLLIN;
    return add_watch(loop, &(struct watch){NULL, fd, events, false, handler, context});
}

enum status bb_loop_watch_socket(struct bb_loop *loop, void *socket, bb_handler *handler, void *context)
{
    return add_watch(loop, &(struct watch){socket, -1, ZMQ_POLLIN, false, handler, context});
}

static void remove_watch(struct bb_loop *loop, struct watch *w)
{
    if (w == NULL)
        return;
    if (w->socket == NULL && !w->plain)
        (void)epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL); /* fails when it is closed already */
    memset(w, 0, sizeof *w);
    while (loop->watches > 0 && loop->watch[loop->watches - 1].handler == NULL)
        loop->watches--;
}

void bb_loop_unwatch(struct bb_loop *loop, int fd)
{
    remove_watch(loop, find_watch(loop, NULL, fd));
}

void bb_loop_want_output(struct bb_loop *loop, int fd, bool on)
{
    struct watch *w = find_watch(loop, NULL, fd);
    if (w == NULL)
        return;
    w->events = (short)(on ? w->events | ZMQ_POLLOUT : w->events & ~ZMQ_POLLOUT);
    enlist(loop, w);
}

void bb_loop_unwatch_socket(struct bb_loop *loop, void *socket)
{
    remove_watch(loop, find_watch(loop, socket, -1));
}

static enum status add_timer(struct bb_loop *loop, uint32_t ms, bool repeat, bb_handler *handler,
                             void *context, int *id_out)
{
    size_t i = 0;
    while (i < loop->timers && loop->timer[i].id != 0)
        i++;
    if (i == TIMERS_MAX)
        return BB_FULL;
    if (i == loop->timers)
        loop->timers++;
    /* Ids grow, so that an old one never names a new timer; 2^31 of them last for decades. */
    loop->next_id = loop->next_id == INT32_MAX ? 1 : loop->next_id + 1;
    int64_t period = repeat ? (ms > 0 ? ms : 1) : 0;
    loop->timer[i] = (struct timer){loop->next_id, bb_loop_mono_ms() + ms, period, handler, context};
    *id_out = loop->next_id;
    return BB_OK;
}

enum status bb_loop_every(struct bb_loop *loop, uint32_t period_ms, bb_handler *handler, void *context,
                          int *id_out)
{
    return add_timer(loop, period_ms, true, handler, context, id_out);
}

enum status bb_loop_after(struct bb_loop *loop, uint32_t delay_ms, bb_handler *handler, void *context,
                          int *id_out)
{
    return add_timer(loop, delay_ms, false, handler, context, id_out);
}

void bb_loop_cancel(struct bb_loop *loop, int id)
{
    for (size_t i = 0; i < loop->timers; i++)
        if (id != 0 && loop->timer[i].id == id)
            loop->timer[i].id = 0;
    while (loop->timers > 0 && loop->timer[loop->timers - 1].id == 0)
        loop->timers--;
}

static void read_signals(struct bb_loop *loop)
{
    struct signalfd_siginfo info;
    while (read(loop->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGHUP)
            loop->interrupted = true;
        else if (loop->on_hangup != NULL)
            loop->on_hangup(loop->hangup_context);
    }
}

/* True when bb_loop_stop ends the run at once. A turn within a handler goes on: whoever waits in it needs it.
 */
static bool halted(const struct bb_loop *loop)
{
    return loop->stopped && loop->running && loop->depth == 1;
}

/* Runs the timers that had come at the start; one that a handler adds waits for the next turn. */
static void run_timers(struct bb_loop *loop)
{
    int64_t now = bb_loop_mono_ms();
    int newest = loop->next_id;
    for (size_t i = 0; i < loop->timers && !halted(loop); i++) {
        struct timer *t = &loop->timer[i];
        if (t->id == 0 || t->at_ms > now || t->id > newest)
            continue;
        bb_handler *handler = t->handler;
        void *context = t->context;
        if (t->period_ms == 0) {
            t->id = 0;
        } else {
            /* Periods that were missed are skipped, not made up for. */
            t->at_ms += t->period_ms;
            if (t->at_ms <= now)
                t->at_ms = now + t->period_ms;
        }
        handler(context);
    }
}

static int64_t timer_wait(const struct bb_loop *loop, int64_t wait_ms)
{
    int64_t now = bb_loop_mono_ms();
    for (size_t i = 0; i < loop->timers; i++) {
        const struct timer *t = &loop->timer[i];
        if (t->id == 0)
            continue;
        int64_t left = t->at_ms > now ? t->at_ms - now : 0;
        if (wait_ms < 0 || left < wait_ms)
            wait_ms = left;
    }
    return wait_ms;
}

/* A handler may add and remove watches, also those of this turn, and may run turns of its own: a watch is
 * called only if it is still the one that was polled. */
static void run_watch(struct bb_loop *loop, size_t place, const void *socket, int fd)
{
    struct watch *w = &loop->watch[place];
    if (w->handler != NULL && w->socket == socket && (socket != NULL || w->fd == fd))
        w->handler(w->context);
}

static void run_descriptors(struct bb_loop *loop)
{
    struct epoll_event ready[READY_MAX];
    int count = epoll_wait(loop->epoll_fd, ready, READY_MAX, 0);
    for (int i = 0; i < count && !halted(loop); i++)
        run_watch(loop, (size_t)(ready[i].data.u64 >> 32), NULL, (int)(uint32_t)ready[i].data.u64);
}

/* What zmq_poll waits for: signals, descriptors, and from `from` on the sockets. */
static int gather(const struct bb_loop *loop, zmq_pollitem_t *items, size_t *from)
{
    int count = 2;
    items[0] = (zmq_pollitem_t){NULL, loop->signal_fd, ZMQ_POLLIN, 0};
    items[1] = (zmq_pollitem_t){NULL, loop->epoll_fd, ZMQ_POLLIN, 0};
    for (size_t i = 0; i < loop->watches; i++) {
        const struct watch *w = &loop->watch[i];
        if (w->handler == NULL || (w->socket == NULL && !w->plain))
            continue;
        items[count] = (zmq_pollitem_t){w->socket, w->fd, w->events, 0};
        from[count++] = i;
    }
    return count;
}

enum status bb_loop_turn(struct bb_loop *loop, int64_t wait_ms)
{
    zmq_pollitem_t *items = malloc((loop->watches + 2) * sizeof *items);
    size_t *from = malloc((loop->watches + 2) * sizeof *from);
    CHECK(items != NULL && from != NULL);
    int count = gather(loop, items, from);
    loop->depth++;
    int ready = zmq_poll(items, count, timer_wait(loop, wait_ms));
    if (ready > 0 && items[0].revents != 0)
        read_signals(loop);
    run_timers(loop);
    if (ready > 0 && items[1].revents != 0)
        run_descriptors(loop);
    for (int i = 2; i < count && ready > 0 && !halted(loop); i++)
        if (items[i].revents != 0)
            run_watch(loop, from[i], items[i].socket, items[i].fd);
    loop->depth--;
    free(items);
    free(from);
    return loop->interrupted ? BB_INTERRUPTED : BB_OK;
}

enum status bb_loop_run(struct bb_loop *loop)
{
    loop->running = true;
    while (!loop->stopped && !loop->interrupted)
        (void)!bb_loop_turn(loop, -1);
    bool interrupted = loop->interrupted;
    loop->running = loop->stopped = loop->interrupted = false;
    return interrupted ? BB_INTERRUPTED : BB_OK;
}
