#include "agents/host/ears.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

/* Handlers called in one turn of the loop. */
#define TURN_MAX 64

struct ears {
    struct bb_loop *loop;
    int poll;
};

/* One event at a time: a handler may drop any ear. */
static void on_ready(void *context)
{
    struct ears *ears = context;
    struct epoll_event event;
    for (int i = 0; i < TURN_MAX && epoll_wait(ears->poll, &event, 1, 0) == 1; i++) {
        struct ear *ear = event.data.ptr;
        ear->handler(ear->context);
    }
}

enum status ears_open(struct bb_loop *loop, struct ears **out)
{
    struct ears *ears = calloc(1, sizeof *ears);
    CHECK(ears != NULL);
    ears->loop = loop;
    ears->poll = epoll_create1(EPOLL_CLOEXEC);
    enum status status = ears->poll < 0 ? BB_IO : bb_loop_watch(loop, ears->poll, 0, on_ready, ears);
    if (status == BB_OK) {
        *out = ears;
        return BB_OK;
    }
    if (ears->poll >= 0)
        close(ears->poll);
    free(ears);
    return status;
}

void ears_close(struct ears *ears)
{
    if (ears == NULL)
        return;
    bb_loop_unwatch(ears->loop, ears->poll);
    close(ears->poll);
    free(ears);
}

enum status ears_add(struct ears *ears, struct ear *ear)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = ear};
    return epoll_ctl(ears->poll, EPOLL_CTL_ADD, ear->fd, &event) == 0 ? BB_OK : BB_IO;
}

void ears_pause(struct ears *ears, struct ear *ear, bool on)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = ear};
    /* Taken out, not only masked: a closed pipe would report itself all the same. */
    (void)!epoll_ctl(ears->poll, on ? EPOLL_CTL_DEL : EPOLL_CTL_ADD, ear->fd, &event);
}

void ears_drop(struct ears *ears, struct ear *ear)
{
    if (ear->fd < 0)
        return;
    (void)!epoll_ctl(ears->poll, EPOLL_CTL_DEL, ear->fd, NULL);
    close(ear->fd);
    ear->fd = -1;
}
