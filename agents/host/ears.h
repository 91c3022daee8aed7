/* Many descriptors behind one place of the loop: pipes and pidfds of some hundred agents. */
#ifndef AGENTS_HOST_EARS_H
#define AGENTS_HOST_EARS_H

#include <busbar/loop.h>
#include <stdbool.h>

/* Belongs to whoever listens; fd −1: not listening. */
struct ear {
    int fd;
    bb_handler *handler;
    void *context;
};

struct ears;

/* BB_IO, BB_FULL. */
BB_MUST_CHECK enum status ears_open(struct bb_loop *loop, struct ears **out);

/* Accepts NULL. What still listens is not closed. */
void ears_close(struct ears *ears);

/* Listens: calls the handler as long as `fd` can be read. BB_IO. */
BB_MUST_CHECK enum status ears_add(struct ears *ears, struct ear *ear);

/* Listens no more for a while (on), or again. */
void ears_pause(struct ears *ears, struct ear *ear, bool on);

/* Listens no more and closes the descriptor, which becomes −1. */
void ears_drop(struct ears *ears, struct ear *ear);

#endif
