/* Lanes through busbard's doors and through a bare proxy. */
#include "tests/bench/bare.h"
#include "tests/bench/lane.h"
#include "tests/bench/load.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

/* Messages taken from one subscriber before the next has its turn. */
#define TURN 64

struct publisher {
    void *context, *socket;
    int variant;
};

struct subscribers {
    void *context;
    uint32_t count;
    zmq_pollitem_t items[LANE_SUBSCRIBERS_MAX];
};

static pid_t start(const struct lane *lane, struct site *site)
{
    return lane->variant == LANE_PROXY ? child_fork(site, bare_proxy) : child_busbard(site, lane->program);
}

static void *open_publisher(const struct lane *lane, const struct site *site)
{
    int yes = 1;
    struct publisher *publisher = calloc(1, sizeof *publisher);
    CHECK(publisher != NULL);
    publisher->context = zmq_ctx_new();
    publisher->variant = lane->variant;
    if (lane->variant == LANE_VIP) {
        publisher->socket = load_peer(publisher->context, site, "aa", &site->publisher);
        load_hello(publisher->socket);
    } else {
        publisher->socket = load_socket(publisher->context, site, ZMQ_PUB, &site->publisher);
        CHECK(zmq_setsockopt(publisher->socket, ZMQ_XPUB_NODROP, &yes, sizeof yes) == 0);
        CHECK(zmq_connect(publisher->socket, site->pub) == 0);
    }
    return publisher;
}

static void publish(void *opened, const char *payload)
{
    struct publisher *publisher = opened;
    const char *const vip[] = {"", "VIP1", "", "m.0001", "pubsub", "publish", LANE_TOPIC, payload};
    bool agent = publisher->variant == LANE_VIP;
    load_send(publisher->socket, agent ? vip : vip + 6, agent ? 8 : 2);
}

static void flush(void *opened)
{
    struct publisher *publisher = opened;
    while (publisher->variant == LANE_VIP && load_skip(publisher->socket, ZMQ_DONTWAIT) > 0)
        ;
}

static void close_publisher(void *opened)
{
    struct publisher *publisher = opened;
    zmq_close(publisher->socket);
    zmq_ctx_term(publisher->context);
    free(publisher);
}

static void *open_subscriber(const struct subscribers *all, const struct lane *lane, const struct site *site)
{
    static const char SUBSCRIBE[] = "{\"prefix\":\"Data/consumer\",\"bus\":\"\",\"all_platforms\":false}";
    const char *const frames[] = {"", "VIP1", "", "2", "pubsub", "subscribe", SUBSCRIBE};
    char name[32];
    if (lane->variant != LANE_VIP) {
        void *socket = load_socket(all->context, site, ZMQ_SUB, &site->subscriber);
        CHECK(zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "Data/consumer", 13) == 0);
        CHECK(zmq_connect(socket, site->sub) == 0);
        return socket;
    }
    snprintf(name, sizeof name, "bb.%u", all->count);
    void *socket = load_peer(all->context, site, name, &site->subscriber);
    load_hello(socket);
    load_send(socket, frames, 7);
    return socket;
}

static void *open_subscribers(const struct lane *lane, const struct site *site, uint32_t count)
{
    struct subscribers *all = calloc(1, sizeof *all);
    CHECK(all != NULL && count <= LANE_SUBSCRIBERS_MAX);
    all->context = zmq_ctx_new();
    for (; all->count < count; all->count++)
        all->items[all->count] = (zmq_pollitem_t){open_subscriber(all, lane, site), 0, ZMQ_POLLIN, 0};
    return all;
}

/* Gives the last frame of one message to the sink; false when there is none. */
static bool take(void *socket, uint32_t subscriber, const struct lane_sink *sink)
{
    zmq_msg_t frame;
    int more = 1;
    zmq_msg_init(&frame);
    while (more && zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) >= 0)
        more = zmq_msg_more(&frame);
    if (!more)
        sink->take(sink->context, subscriber, zmq_msg_data(&frame), zmq_msg_size(&frame));
    zmq_msg_close(&frame);
    return !more;
}

static void receive(void *opened, int wait_ms, const struct lane_sink *sink)
{
    struct subscribers *all = opened;
    if (zmq_poll(all->items, (int)all->count, wait_ms) <= 0)
        return;
    for (uint32_t i = 0; i < all->count; i++)
        for (int k = 0; all->items[i].revents != 0 && k < TURN && take(all->items[i].socket, i, sink); k++)
            ;
}

static void close_subscribers(void *opened)
{
    struct subscribers *all = opened;
    for (uint32_t i = 0; i < all->count; i++)
        zmq_close(all->items[i].socket);
    zmq_ctx_term(all->context);
    free(all);
}

const struct lane_kind LANE_ZMQ = {start,           open_publisher,   publish, flush,
                                   close_publisher, open_subscribers, receive, close_subscribers};
