/* The load: a publisher and its subscribers, the same against the yardstick and against busbard. */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include "tests/bench/child.h"

#include <stdint.h>

#define LOAD_TOPIC "Data/consumer/consumer1"

/* One measurement. */
struct figure {
    double cpu_us;     /* the child's processor time per message */
    double per_second; /* messages per second; for plain subscribers, to each */
};

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
