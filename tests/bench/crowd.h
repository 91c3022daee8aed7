/* Many agents that only stand about. */
#ifndef TESTS_BENCH_CROWD_H
#define TESTS_BENCH_CROWD_H

#include "tests/bench/child.h"

struct crowd;

/* Connects `count` agents one after the other. `greets`: the child is busbard, which each of them greets and
 * whose announcements of the others each of them reads. */
struct crowd *crowd_open(const struct site *site, uint32_t count, bool greets);
void crowd_close(struct crowd *crowd);

#endif
