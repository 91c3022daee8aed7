/* One way from a publisher to its subscribers: the process in the middle, and clients that speak its
 * protocol. All lanes carry the same payload on the same topic. A lane's publisher and its subscribers may be
 * used from two threads. */
#ifndef TESTS_BENCH_LANE_H
#define TESTS_BENCH_LANE_H

#include "tests/bench/child.h"

#define LANE_SUBSCRIBERS_MAX 100
#define LANE_TOPIC           "Data/consumer/consumer1"
/* The payload: an envelope of 100 bytes; somewhere in it stands LANE_STAMP and 16 hexadecimal digits. */
#define LANE_STAMP "\"stamp\":\""

struct lane;

/* Who takes what subscribers receive. */
struct lane_sink {
    void (*take)(void *context, uint32_t subscriber, const uint8_t *payload, size_t size);
    void *context;
};

struct lane_kind {
    /* Starts the process; −1: its program is not installed. */
    pid_t (*start)(const struct lane *lane, struct site *site);
    void *(*open_publisher)(const struct lane *lane, const struct site *site);
    /* `payload` is NUL-terminated. May keep it back until lane flush. */
    void (*publish)(void *publisher, const char *payload);
    /* Hands on what was kept back, and reads what came as an answer. */
    void (*flush)(void *publisher);
    void (*close_publisher)(void *publisher);
    void *(*open_subscribers)(const struct lane *lane, const struct site *site, uint32_t count);
    /* Waits up to `wait_ms` for messages and gives what is there to the sink. */
    void (*receive)(void *subscribers, int wait_ms, const struct lane_sink *sink);
    void (*close_subscribers)(void *subscribers);
};

struct lane {
    const char *name;
    const struct lane_kind *kind;
    const char *program; /* of the broker */
    bool secure;         /* CURVE */
    int variant;         /* what the kind makes of it */
};

/* Doors of busbard, and libzmq's own proxy. `program`: busbard. */
enum { LANE_VIP, LANE_SUB_DOOR, LANE_PROXY };
extern const struct lane_kind LANE_ZMQ;

/* mosquitto; the variant is the quality of service, 0 or 1. */
extern const struct lane_kind LANE_MQTT;

/* nats-server. */
extern const struct lane_kind LANE_NATS;

#endif
