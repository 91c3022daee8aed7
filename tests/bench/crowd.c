#include "tests/bench/crowd.h"

#include "tests/bench/load.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <unistd.h>
#include <zmq.h>

/* Joined between two times that all read. */
#define BATCH 20

struct crowd {
    void *context;
    uint32_t count;
    uint64_t heard;
    void *peers[];
};

static void read_all(struct crowd *crowd)
{
    for (uint32_t i = 0; i < crowd->count; i++)
        while (load_skip(crowd->peers[i], ZMQ_DONTWAIT) > 0)
            crowd->heard++;
}

/* Each hears its welcome and who came after it. */
static uint64_t expected(uint32_t count)
{
    return count + (uint64_t)count * (count - 1) / 2;
}

struct crowd *crowd_open(const struct site *site, uint32_t count, bool greets)
{
    struct crowd *crowd = calloc(1, sizeof *crowd + count * sizeof *crowd->peers);
    CHECK(crowd != NULL);
    crowd->context = zmq_ctx_new();
    CHECK(zmq_ctx_set(crowd->context, ZMQ_MAX_SOCKETS, (int)count + 16) == 0);
    while (crowd->count < count) {
        char identity[32];
        snprintf(identity, sizeof identity, "idle.%u", crowd->count);
        void *peer = load_peer(crowd->context, site, identity, &site->subscriber);
        crowd->peers[crowd->count++] = peer;
        if (greets)
            load_hello(peer);
        if (crowd->count % BATCH != 0 && crowd->count < count)
            continue;
        usleep(greets ? 0 : 20000);
        for (int i = 0; greets && crowd->heard < expected(crowd->count); i++) {
            read_all(crowd);
            usleep(1000);
            CHECK(i < 60000);
        }
    }
    return crowd;
}

void crowd_close(struct crowd *crowd)
{
    for (uint32_t i = 0; i < crowd->count; i++)
        zmq_close(crowd->peers[i]);
    zmq_ctx_term(crowd->context);
    free(crowd);
}
