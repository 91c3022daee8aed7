/* The yardstick: libzmq itself with the broker's options and nothing else in between. */
#ifndef TESTS_BENCH_BARE_H
#define TESTS_BENCH_BARE_H

#include "tests/bench/child.h"

/* A ROUTER loop that takes the 9 frames of a publish, sends the 9 of the delivery to `bb` and the 8 of the
 * acknowledgement, and does nothing else. Runs until SIGTERM. */
void bare_router(const struct site *site);

/* A ROUTER loop that hands messages on as VIP does: what came from A for B goes to B as from A. Runs until
 * SIGTERM. */
void bare_forward(const struct site *site);

/* zmq_proxy between XSUB and XPUB. Runs until SIGTERM. */
void bare_proxy(const struct site *site);

#endif
