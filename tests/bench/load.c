#include "tests/bench/load.h"

#include <busbar/check.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

/* 100 bytes. */
static const char ENVELOPE[] = "{\"bus\":\"\",\"headers\":{\"TimeStamp\":\"2026-11-28T12:00:00.000Z\"},"
                               "\"message\":{\"kw\":52.40,\"lambda\":7.371}}";
/* What busbard makes of it for a plain subscriber, so that the yardstick carries the same bytes. */
static const char DELIVERED[] =
    "{\"sender\":\"anonymous\",\"headers\":{\"TimeStamp\":\"2026-11-28T12:00:00.000Z\"},"
    "\"message\":{\"kw\":52.40,\"lambda\":7.371},\"seq\":123456}";
#define WARM_UP    2000
#define WAIT_MS    20000
#define IDLE_PEERS 16
#define PER_PEER   16000
#define PER_CALL   1000

static double now_us(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void set(void *socket, int option, int value)
{
    CHECK(zmq_setsockopt(socket, option, &value, sizeof value) == 0);
}

void *load_socket(void *context, const struct site *site, int type, const struct keys *keys)
{
    void *socket = zmq_socket(context, type);
    CHECK(socket != NULL);
    set(socket, ZMQ_LINGER, 0);
    set(socket, ZMQ_RCVTIMEO, WAIT_MS);
    set(socket, ZMQ_SNDHWM, 8192);
    set(socket, ZMQ_RCVHWM, 0);
    if (site->secure) {
        CHECK(zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, site->broker.public_key, KEY_Z85_SIZE) == 0);
        CHECK(zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, keys->public_key, KEY_Z85_SIZE) == 0);
        CHECK(zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, keys->secret_key, KEY_Z85_SIZE) == 0);
    }
    return socket;
}

void *load_peer(void *context, const struct site *site, const char *identity, const struct keys *keys)
{
    void *socket = load_socket(context, site, ZMQ_DEALER, keys);
    CHECK(zmq_setsockopt(socket, ZMQ_IDENTITY, identity, strlen(identity)) == 0);
    CHECK(zmq_connect(socket, site->vip) == 0);
    return socket;
}

void load_send(void *socket, const char *const *frames, size_t count)
{
    for (size_t i = 0; i < count; i++)
        CHECK(zmq_send(socket, frames[i], strlen(frames[i]), i + 1 < count ? ZMQ_SNDMORE : 0) >= 0);
}

int load_skip(void *socket, int flags)
{
    int frames = 0, more = 1;
    zmq_msg_t frame;
    zmq_msg_init(&frame);
    while (more) {
        if (zmq_msg_recv(&frame, socket, frames == 0 ? flags : 0) < 0)
            break;
        more = zmq_msg_more(&frame);
        frames++;
    }
    zmq_msg_close(&frame);
    return frames;
}

void load_hello(void *socket)
{
    static const char *const FRAMES[] = {"", "VIP1", "", "1", "hello", "hello"};
    load_send(socket, FRAMES, 6);
}

static void publish(void *socket)
{
    const char *const frames[] = {"", "VIP1", "", "m.0001", "pubsub", "publish", LOAD_TOPIC, ENVELOPE};
    load_send(socket, frames, sizeof frames / sizeof *frames);
}

/* Publishes `count` times; returns when all acknowledgements and deliveries are there. */
static void publish_all(void *publisher, void *subscriber, uint32_t count, uint32_t window)
{
    zmq_pollitem_t items[] = {{publisher, 0, ZMQ_POLLIN, 0}, {subscriber, 0, ZMQ_POLLIN, 0}};
    uint32_t sent = 0, acknowledged = 0, delivered = 0;
    while (acknowledged < count || delivered < count) {
        for (; sent < count && sent - acknowledged < window; sent++)
            publish(publisher);
        CHECK(zmq_poll(items, 2, WAIT_MS) > 0);
        while (load_skip(publisher, ZMQ_DONTWAIT) > 0)
            acknowledged++;
        while (load_skip(subscriber, ZMQ_DONTWAIT) > 0)
            delivered++;
    }
}

/* Says hello and subscribes; the bare loop is silent, busbard answers and announces. */
static void join(void *publisher, void *subscriber)
{
    const char *const subscribe[] = {"",
                                     "VIP1",
                                     "",
                                     "2",
                                     "pubsub",
                                     "subscribe",
                                     "{\"prefix\":\"Data/consumer\",\"bus\":\"\",\"all_platforms\":false}"};
    load_hello(publisher);
    load_hello(subscriber);
    load_send(subscriber, subscribe, 7);
    usleep(300000);
    while (load_skip(publisher, ZMQ_DONTWAIT) > 0)
        ;
    while (load_skip(subscriber, ZMQ_DONTWAIT) > 0)
        ;
}

struct figure load_vip(struct site *site, pid_t child, uint32_t count, uint32_t window)
{
    void *context = zmq_ctx_new();
    char names[2][32] = {"aa", "bb"};
    if (site->round++ > 0)
        for (int i = 0; i < 2; i++)
            snprintf(names[i], sizeof names[i], "%s.%u", i == 0 ? "aa" : "bb", site->round);
    void *subscriber = load_peer(context, site, names[1], &site->subscriber);
    void *publisher = load_peer(context, site, names[0], &site->publisher);
    join(publisher, subscriber);
    publish_all(publisher, subscriber, WARM_UP, window);
    double start = now_us(), cpu = child_cpu_us(child);
    publish_all(publisher, subscriber, count, window);
    struct figure figure = {(child_cpu_us(child) - cpu) / count, count / (now_us() - start) * 1e6};
    zmq_close(publisher);
    zmq_close(subscriber);
    zmq_ctx_term(context);
    return figure;
}

/* Answers every call that is there. */
static void serve(void *server)
{
    static const char RESULT[] =
        "{\"jsonrpc\":\"2.0\",\"id\":\"0001.0001\",\"result\":{\"kw\":52.40,\"lambda\":7.371}}";
    char caller[64];
    for (;;) {
        int size = zmq_recv(server, caller, sizeof caller - 1, ZMQ_DONTWAIT);
        if (size < 0)
            return;
        caller[size < (int)sizeof caller - 1 ? size : (int)sizeof caller - 1] = '\0';
        const char *const frames[] = {caller, "VIP1", "", "m.0001", "RPC", RESULT};
        CHECK(load_skip(server, 0) > 0);
        if (size > 0)
            load_send(server, frames, 6);
    }
}

/* Calls `count` times; returns when all answers are there. */
static void call_all(void *caller, void *server, const char *name, uint32_t count, uint32_t window)
{
    static const char CALL[] = "{\"jsonrpc\":\"2.0\",\"id\":\"0001.0001\",\"method\":\"set_point\","
                               "\"params\":[\"dg/dg1\",52.4012345678]}";
    const char *const frames[] = {name, "VIP1", "", "m.0001", "RPC", CALL};
    zmq_pollitem_t items[] = {{caller, 0, ZMQ_POLLIN, 0}, {server, 0, ZMQ_POLLIN, 0}};
    for (uint32_t sent = 0, answered = 0; answered < count;) {
        for (; sent < count && sent - answered < window; sent++)
            load_send(caller, frames, 6);
        CHECK(zmq_poll(items, 2, WAIT_MS) > 0);
        serve(server);
        while (load_skip(caller, ZMQ_DONTWAIT) > 0)
            answered++;
    }
}

struct figure load_rpc(struct site *site, pid_t child, uint32_t count, uint32_t window)
{
    void *context = zmq_ctx_new();
    void *server = load_peer(context, site, "bb", &site->subscriber);
    void *caller = load_peer(context, site, "aa", &site->publisher);
    join(caller, server);
    call_all(caller, server, "bb", WARM_UP, window);
    double start = now_us(), cpu = child_cpu_us(child);
    call_all(caller, server, "bb", count, window);
    struct figure figure = {(child_cpu_us(child) - cpu) / count, count / (now_us() - start) * 1e6};
    zmq_close(caller);
    zmq_close(server);
    zmq_ctx_term(context);
    return figure;
}

/* A child that publishes through the pub door as fast as it is taken, until it is killed. */
static pid_t start_publisher(const struct site *site, const char *envelope)
{
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid > 0)
        return pid;
    void *context = zmq_ctx_new();
    void *socket = load_socket(context, site, ZMQ_PUB, &site->publisher);
    set(socket, ZMQ_XPUB_NODROP, 1);
    CHECK(zmq_connect(socket, site->pub) == 0);
    for (;;) {
        zmq_send(socket, LOAD_TOPIC, strlen(LOAD_TOPIC), ZMQ_SNDMORE);
        zmq_send(socket, envelope, strlen(envelope), 0);
    }
}

/* Receives what is there, from all in turn, until each has `count`. */
static void receive_all(void **sockets, uint32_t subscribers, uint32_t count)
{
    zmq_pollitem_t items[LOAD_SUBSCRIBERS_MAX] = {{0}};
    uint32_t got[LOAD_SUBSCRIBERS_MAX] = {0};
    uint32_t done = 0;
    for (uint32_t i = 0; i < subscribers; i++)
        items[i] = (zmq_pollitem_t){sockets[i], 0, ZMQ_POLLIN, 0};
    while (done < subscribers) {
        CHECK(zmq_poll(items, (int)subscribers, WAIT_MS) > 0);
        for (uint32_t i = 0; i < subscribers; i++) {
            for (int burst = 0; burst < 1000 && load_skip(sockets[i], ZMQ_DONTWAIT) > 0; burst++)
                done += ++got[i] == count;
        }
    }
}

struct figure load_plain(const struct site *site, pid_t child, bool subject, uint32_t count,
                         uint32_t subscribers)
{
    void *sockets[LOAD_SUBSCRIBERS_MAX];
    void *context = zmq_ctx_new();
    CHECK(subscribers <= LOAD_SUBSCRIBERS_MAX);
    for (uint32_t i = 0; i < subscribers; i++) {
        sockets[i] = load_socket(context, site, ZMQ_SUB, &site->subscriber);
        CHECK(zmq_setsockopt(sockets[i], ZMQ_SUBSCRIBE, "Data/", 5) == 0);
        CHECK(zmq_connect(sockets[i], site->sub) == 0);
    }
    usleep(300000);
    pid_t publisher = start_publisher(site, subject ? ENVELOPE : DELIVERED);
    receive_all(sockets, subscribers, WARM_UP);
    double start = now_us(), cpu = child_cpu_us(child);
    receive_all(sockets, subscribers, count);
    struct figure figure = {(child_cpu_us(child) - cpu) / count, count / (now_us() - start) * 1e6};
    CHECK(kill(publisher, SIGKILL) == 0 && waitpid(publisher, NULL, 0) == publisher);
    for (uint32_t i = 0; i < subscribers; i++)
        zmq_close(sockets[i]);
    zmq_ctx_term(context);
    return figure;
}

struct idle {
    void *context;
    void *peers[IDLE_PEERS];
    uint32_t count;
};

/* Skips announcements up to the answer of a request. */
static void await_answer(void *socket)
{
    bool answered = false;
    char frame[64];
    int more = 1;
    size_t size = sizeof more;
    while (!answered || more) {
        int got = zmq_recv(socket, frame, sizeof frame, 0);
        CHECK(got >= 0 && zmq_getsockopt(socket, ZMQ_RCVMORE, &more, &size) == 0);
        answered = answered || (got == 16 && memcmp(frame, "request_response", 16) == 0);
    }
}

/* One request with up to PER_CALL prefixes that match nothing, and its answer. */
static void subscribe_some(void *socket, uint32_t first, uint32_t count)
{
    static char json[PER_CALL * 48];
    size_t at = (size_t)snprintf(json, sizeof json, "{\"bus\":\"\",\"prefix\":[");
    for (uint32_t i = 0; i < count; i++)
        at += (size_t)snprintf(json + at, sizeof json - at, "%s\"devices/campus/b%u/u%u\"", i > 0 ? "," : "",
                               (first + i) / 100, (first + i) % 100);
    snprintf(json + at, sizeof json - at, "]}");
    const char *const frames[] = {"", "VIP1", "", "3", "pubsub", "subscribe", json};
    load_send(socket, frames, 7);
    await_answer(socket);
}

struct idle *load_idle_open(const struct site *site, uint32_t count)
{
    struct idle *idle = calloc(1, sizeof *idle);
    CHECK(idle != NULL);
    idle->context = zmq_ctx_new();
    for (uint32_t first = 0; first < count; idle->count++) {
        char identity[32];
        uint32_t here = count - first < PER_PEER ? count - first : PER_PEER;
        snprintf(identity, sizeof identity, "idle.%u", idle->count);
        CHECK(idle->count < IDLE_PEERS);
        void *peer = idle->peers[idle->count] = load_peer(idle->context, site, identity, &site->subscriber);
        for (uint32_t k = 0; k < here; k += PER_CALL)
            subscribe_some(peer, first + k, here - k < PER_CALL ? here - k : PER_CALL);
        first += here;
    }
    return idle;
}

void load_idle_close(struct idle *idle)
{
    for (uint32_t i = 0; i < idle->count; i++)
        zmq_close(idle->peers[i]);
    zmq_ctx_term(idle->context);
    free(idle);
}
