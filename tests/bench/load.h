/* The load: a publisher and its subscribers, the same against the yardstick and against busbard. */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include "tests/bench/child.h"

#include <stdint.h>

#define LOAD_TOPIC           "Data/consumer/consumer1"
#define LOAD_SUBSCRIBERS_MAX 100

/* One measurement. */
struct figure {
    double cpu_us;     /* the child's processor time per message */
    double per_second; /* messages per second; for plain subscribers, to each */
};

/* A socket with the options of all clients here, and CURVE with `keys` if the site is secure. */
void *load_socket(void *context, const struct site *site, int type, const struct keys *keys);

/* An agent's socket, connected to the vip door. */
void *load_peer(void *context, const struct site *site, const char *identity, const struct keys *keys);

/* Sends one message of texts. */
void load_send(void *socket, const char *const *frames, size_t count);

/* Receives one message with `flags`; its number of frames, 0 when there is none (yet). */
int load_skip(void *socket, int flags);

/* Says hello; the answer, if there is one, is left to come. */
void load_hello(void *socket);

/* `count` calls of one peer to another and their answers, at most `window` under way. */
struct figure load_rpc(struct site *site, pid_t child, uint32_t count, uint32_t window);

/* `count` publishes through the vip door, at most `window` unacknowledged, to one subscriber. */
struct figure load_vip(struct site *site, pid_t child, uint32_t count, uint32_t window);

/* As many publishes as the pub door takes until each of `subscribers` plain subscribers has `count`.
 * `subject`: the child is busbard, which makes longer messages of what it gets; the yardstick gets them as
 * long. */
struct figure load_plain(const struct site *site, pid_t child, bool subject, uint32_t count,
                         uint32_t subscribers);

/* Peers that hold `count` subscriptions which no message matches, open until load_idle_close. */
struct idle;
struct idle *load_idle_open(const struct site *site, uint32_t count);
void load_idle_close(struct idle *idle);

#endif
