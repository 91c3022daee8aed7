/* Message brokers side by side: busbard, libzmq's own proxy, mosquitto and nats-server carry the same payload
 * to the same numbers of subscribers. First each as fast as it can, with a bounded number of messages under
 * way; then at parts of that rate, where a message's time counts from when it was due, not from when the
 * publisher came to it: a broker that stalls the publisher does not hide what it did to the messages behind.
 */
#ifndef TESTS_BENCH_RACE_H
#define TESTS_BENCH_RACE_H

#include <jansson.h>
#include <stdint.h>

#define RACE_ROUNDS_MAX 32
/* Of one course. */
#define RACE_SECONDS_MIN 0.1
#define RACE_SECONDS_MAX 60

struct race {
    const char *busbard, *mosquitto, *nats; /* programs */
    uint32_t rounds;                        /* 1 … RACE_ROUNDS_MAX, each over all brokers */
    double seconds;                         /* of each measurement */
};

/* Runs it and says so on standard error. A new reference. */
json_t *race_run(const struct race *race);

/* The median of count values, 1 … RACE_ROUNDS_MAX. */
double race_median(const double *values, uint32_t count);

#endif
