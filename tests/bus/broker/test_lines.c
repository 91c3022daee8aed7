/* The connections of the vip door over real sockets, without a broker: the owner here echoes every message.
 * libzmq's own client is on the other side, or bare bytes. */
#include "bus/lines.h"
#include "bus/zmtp/frame.h"
#include "tests/link/cm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#define PATIENCE_MS 20000

static struct {
    struct lines *lines;
    struct zmtp_pair pair;
    char server[41], endpoint[512], tcp[512];
    void *context;
    uint32_t messages, closed, refused, excess;
    bool deny, hold;
    struct line *held;
    char why[200], identity[256];
    int64_t shift_ms; /* the clock of the lines is ahead by so much */
} world;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + world.shift_ms;
}

static bool on_asked(void *context, struct line *line, const uint8_t key[ZMTP_KEY])
{
    (void)context;
    snprintf(line->user, sizeof line->user, "%02x", key[0]);
    return !world.deny;
}

static void echo(struct line *line, const struct bytes *frames, size_t count)
{
    size_t wire = 0;
    for (size_t i = 0; i < count; i++)
        wire += zmtp_header_size(frames[i].size) + frames[i].size;
    struct packet *packet = packet_new(wire);
    uint8_t *to = packet->data;
    for (size_t i = 0; i < count; i++) {
        to += zmtp_header_write(to, i + 1 < count ? ZMTP_MORE : 0, frames[i].size);
        if (frames[i].size > 0)
            memcpy(to, frames[i].data, frames[i].size);
        to += frames[i].size;
    }
    packet->count = (uint32_t)count;
    if (line_ready(line))
        line_put(line, packet);
    packet_free(packet);
}

static void on_message(void *context, struct line *line, const struct bytes *frames, size_t count)
{
    (void)context;
    if (world.hold) {
        world.hold = false;
        world.held = line;
        line_hold(line, frames, count);
        return;
    }
    world.messages++;
    line->peer = 1;
    snprintf(world.identity, sizeof world.identity, "%.*s", (int)frames[0].size,
             (const char *)frames[0].data);
    echo(line, frames + 1, count - 1);
}

static void on_excess(void *context, struct line *line)
{
    (void)context, (void)line;
    world.excess++;
}

static void on_closed(void *context, struct line *line)
{
    (void)context, (void)line;
    world.closed++;
}

static void on_refused(void *context, struct line *line, const char *why)
{
    (void)context, (void)line;
    world.refused++;
    snprintf(world.why, sizeof world.why, "%s", why);
}

static void turn(void)
{
    struct pollfd ready = {world.lines->epoll, POLLIN, 0};
    (void)poll(&ready, 1, 1);
    lines_serve(world.lines, now_ms());
    lines_flush(world.lines);
    lines_tick(world.lines, now_ms());
}

/* Turns until `count` reaches `least`, or fails. */
static void turn_until(const uint32_t *count, uint32_t least)
{
    int64_t end = now_ms() + PATIENCE_MS;
    while (*count < least) {
        assert_true(now_ms() < end);
        turn();
    }
}

static void begin(bool curve)
{
    static char ipc[64];
    static char *items[2], any[] = "tcp://127.0.0.1:*";
    struct setting_list endpoints = {items, 2};
    const struct lines_owner owner = {&world, on_asked, on_message, on_excess, on_closed, on_refused};
    struct bb_reason reason = {""};
    void *context = world.context;
    memset(&world, 0, sizeof world);
    world.context = context;
    snprintf(ipc, sizeof ipc, "ipc:///tmp/lines.%d.sock", (int)getpid());
    items[0] = ipc;
    items[1] = any;
    if (curve) {
        char secret[41];
        uint8_t raw[ZMTP_KEY];
        assert_int_equal(zmq_curve_keypair(world.server, secret), 0);
        assert_non_null(zmq_z85_decode(raw, secret));
        zmtp_curve_pair(raw, &world.pair);
    }
    world.lines = calloc(1, sizeof *world.lines);
    assert_non_null(world.lines);
    enum status status = lines_open(world.lines, &endpoints, curve ? &world.pair : NULL, &owner, &reason);
    if (status != BB_OK)
        fail_msg("%s", reason.text);
    snprintf(world.endpoint, sizeof world.endpoint, "%s", ipc);
    snprintf(world.tcp, sizeof world.tcp, "%s", world.lines->listeners[1].endpoint);
}

static void end(void)
{
    lines_close(world.lines);
    assert_int_equal(world.lines->pool.bytes, 0);
    assert_int_equal(world.lines->input_bytes, 0);
    free(world.lines);
    world.lines = NULL;
}

/* A socket of libzmq, connected when `endpoint` is given. */
static void *client(const char *endpoint, const char *identity)
{
    int none = 0, interval = 5, patience = PATIENCE_MS;
    void *socket = zmq_socket(world.context, ZMQ_DEALER);
    assert_non_null(socket);
    zmq_setsockopt(socket, ZMQ_LINGER, &none, sizeof none);
    zmq_setsockopt(socket, ZMQ_IDENTITY, identity, strlen(identity));
    zmq_setsockopt(socket, ZMQ_HEARTBEAT_IVL, &interval, sizeof interval);
    zmq_setsockopt(socket, ZMQ_HEARTBEAT_TIMEOUT, &patience, sizeof patience);
    if (world.server[0] != '\0') {
        char public_key[41], secret_key[41];
        assert_int_equal(zmq_curve_keypair(public_key, secret_key), 0);
        zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, world.server, 41);
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, public_key, 41);
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, secret_key, 41);
    }
    if (endpoint != NULL)
        assert_int_equal(zmq_connect(socket, endpoint), 0);
    return socket;
}

static void send_frames(void *socket, const uint8_t *data, const size_t *sizes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_int_equal(zmq_send(socket, data, sizes[i], i + 1 < count ? ZMQ_SNDMORE : 0), sizes[i]);
}

/* The echo of what was sent, or fails. */
static void hear_frames(void *socket, const uint8_t *data, const size_t *sizes, size_t count)
{
    int64_t until = now_ms() + PATIENCE_MS;
    for (size_t i = 0; i < count; i++) {
        zmq_msg_t frame;
        zmq_msg_init(&frame);
        while (zmq_msg_recv(&frame, socket, ZMQ_DONTWAIT) < 0) {
            assert_int_equal(errno, EAGAIN);
            assert_true(now_ms() < until);
            turn();
        }
        assert_int_equal(zmq_msg_size(&frame), sizes[i]);
        assert_memory_equal(zmq_msg_data(&frame), data, sizes[i]);
        assert_int_equal(zmq_msg_more(&frame) != 0, i + 1 < count);
        zmq_msg_close(&frame);
    }
}

/* libzmq's client over tcp and ipc, with heartbeats of ZMTP in between, frames of every size. */
static void exchange(bool curve)
{
    static const size_t SIZES[] = {0, 1, 200, 221, 222, 223, 255, 256, 4000, 65536, 0, 300000, 5, 3000000, 1};
    const size_t count = sizeof SIZES / sizeof *SIZES;
    uint8_t *data = malloc(BB_FRAME_MAX);
    assert_non_null(data);
    for (size_t i = 0; i < BB_FRAME_MAX; i++)
        data[i] = (uint8_t)(i * 2654435761u >> 11);
    begin(curve);
    const char *endpoints[] = {world.endpoint, world.tcp};
    for (size_t e = 0; e < 2; e++) {
        void *socket = client(endpoints[e], "agent.one");
        for (int round = 0; round < 3; round++) {
            for (size_t i = 1; i <= count; i++) {
                send_frames(socket, data, SIZES, i);
                hear_frames(socket, data, SIZES, i);
            }
            for (int i = 0; i < 200; i++)
                send_frames(socket, data, SIZES, 8);
            for (int i = 0; i < 200; i++)
                hear_frames(socket, data, SIZES, 8);
        }
        size_t largest = BB_FRAME_MAX;
        send_frames(socket, data, &largest, 1);
        hear_frames(socket, data, &largest, 1);
        /* Heartbeats go on, and the connection is the same. */
        for (int i = 0; i < 50; i++)
            turn();
        assert_int_equal(world.lines->accepted, e + 1);
        assert_string_equal(world.identity, "agent.one");
        /* Between messages a connection holds nothing. */
        assert_null(world.lines->last->input);
        assert_null(world.lines->last->outbox.first);
        zmq_close(socket);
        turn_until(&world.closed, (uint32_t)e + 1);
    }
    assert_int_equal(world.refused, 0);
    end();
    free(data);
}

static void test_null_with_libzmq(void **state)
{
    (void)state;
    exchange(false);
}

static void test_curve_with_libzmq(void **state)
{
    (void)state;
    exchange(true);
}

static int64_t failed_handshake(void *monitor)
{
    int64_t until = now_ms() + PATIENCE_MS;
    while (now_ms() < until) {
        zmq_msg_t event, address;
        zmq_msg_init(&event);
        zmq_msg_init(&address);
        int32_t value = 0;
        bool got = zmq_msg_recv(&event, monitor, ZMQ_DONTWAIT) >= 0;
        if (got) {
            memcpy(&value, (char *)zmq_msg_data(&event) + 2, sizeof value);
            (void)zmq_msg_recv(&address, monitor, 0);
        }
        zmq_msg_close(&event);
        zmq_msg_close(&address);
        if (got)
            return value;
        turn();
    }
    return -1;
}

/* A client that is refused learns the code, as from a server with ZAP. */
static void test_a_refusal_reaches_the_client(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"inproc://monitor.null", "inproc://monitor.curve"};
    for (int curve = 0; curve <= 1; curve++) {
        begin(curve == 1);
        world.deny = true;
        void *socket = client(NULL, "agent.one");
        void *monitor = zmq_socket(world.context, ZMQ_PAIR);
        assert_int_equal(zmq_socket_monitor(socket, NAMES[curve], ZMQ_EVENT_HANDSHAKE_FAILED_AUTH), 0);
        assert_int_equal(zmq_connect(monitor, NAMES[curve]), 0);
        assert_int_equal(zmq_connect(socket, world.endpoint), 0);
        assert_int_equal(failed_handshake(monitor), 400);
        turn_until(&world.closed, 1);
        zmq_close(monitor);
        zmq_close(socket);
        end();
    }
}

/* -- bare bytes ------------------------------------------------------------------------------------------ */

static int dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.100s", world.endpoint + 6);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static size_t greet(uint8_t *to)
{
    static const uint8_t READY[] = "\x04\x26\x05READY\x0bSocket-Type\0\0\0\x06"
                                   "DEALER\x08Identity\0\0\0\1x";
    memset(to, 0, 64);
    to[0] = 0xff;
    to[9] = 0x7f;
    to[10] = 3;
    memcpy(to + 12, "NULL", 4);
    memcpy(to + 64, READY, sizeof READY - 1);
    to[65] = (uint8_t)(sizeof READY - 3);
    return 64 + sizeof READY - 1;
}

/* A stream that comes byte by byte, and one that ends in the middle of a message. */
static void test_a_stream_in_single_bytes(void **state)
{
    (void)state;
    uint8_t stream[4096], heard[4096];
    begin(false);
    size_t size = greet(stream), got = 0;
    size_t hello = size;
    for (int i = 0; i < 3; i++) {
        memcpy(stream + size, "\1\3one\0\0", 7);
        size += 7;
    }
    int fd = dial();
    for (size_t i = 0; i < size; i++) {
        assert_int_equal(write(fd, stream + i, 1), 1);
        turn();
    }
    turn_until(&world.messages, 3);
    while (got < 64 + 43 + (size - hello)) {
        turn();
        ssize_t here = read(fd, heard + got, sizeof heard - got);
        got += here > 0 ? (size_t)here : 0;
    }
    assert_memory_equal(heard + got - (size - hello), stream + hello, size - hello);
    assert_int_equal(write(fd, "\1\3on", 4), 4);
    turn();
    close(fd);
    turn_until(&world.closed, 1);
    assert_int_equal(world.messages, 3);
    end();
}

/* What is held back is taken later, and what came behind it, in their order. */
static void test_a_message_that_is_held_back(void **state)
{
    (void)state;
    uint8_t stream[512];
    begin(false);
    size_t size = greet(stream);
    memcpy(stream + size, "\0\1a\0\1b\0\1c", 9);
    int fd = dial();
    world.hold = true;
    assert_int_equal(write(fd, stream, size + 9), size + 9);
    for (int i = 0; i < 20; i++)
        turn();
    assert_non_null(world.held);
    assert_int_equal(world.messages, 0);
    line_resume(world.held);
    assert_int_equal(world.messages, 3);
    world.hold = true;
    world.held = NULL;
    assert_int_equal(write(fd, "\0\1d\0\1e", 6), 6);
    while (world.held == NULL)
        turn();
    /* It goes while its message waits. */
    close(fd);
    turn_until(&world.closed, 1);
    assert_int_equal(world.messages, 3);
    end();
}

static void test_bad_bytes_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
        const char *why;
    } CASES[] = {{"GET / HTTP/1.1\r\n\r\n", 18, "speaks no ZMTP"},
                 {"\x08", 1, "do not follow"},
                 {"\x02\0\0\0\0\x7f\0\0\0", 9, "beyond the limits"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        uint8_t stream[512];
        begin(false);
        size_t size = i == 0 ? 0 : greet(stream);
        memcpy(stream + size, CASES[i].bytes, CASES[i].size);
        int fd = dial();
        assert_int_equal(write(fd, stream, size + CASES[i].size), size + CASES[i].size);
        turn_until(&world.closed, 1);
        assert_int_equal(world.refused, 1);
        assert_non_null(strstr(world.why, CASES[i].why));
        close(fd);
        end();
    }
}

static void test_too_many_frames(void **state)
{
    (void)state;
    uint8_t stream[2048];
    begin(false);
    size_t size = greet(stream);
    for (int frames = BB_FRAMES_MAX - 1; frames <= BB_FRAMES_MAX + 1; frames++)
        for (int i = 0; i < frames; i++) {
            stream[size++] = i + 1 < frames ? 1 : 0;
            stream[size++] = 0;
        }
    int fd = dial();
    assert_int_equal(write(fd, stream, size), size);
    turn_until(&world.excess, 2);
    assert_int_equal(world.messages, 1);
    close(fd);
    turn_until(&world.closed, 1);
    end();
}

/* -- limits ---------------------------------------------------------------------------------------------- */

static void test_silence_is_over_some_time(void **state)
{
    (void)state;
    uint8_t stream[512];
    begin(false);
    size_t size = greet(stream);
    int mute = dial(), silent = dial(), speaks = dial();
    memcpy(stream + size, "\0\1a", 3);
    assert_int_equal(write(silent, stream, size), size);
    assert_int_equal(write(speaks, stream, size + 3), size + 3);
    turn_until(&world.messages, 1);
    world.shift_ms = LINES_HANDSHAKE_MS - 1000;
    turn();
    assert_int_equal(world.closed, 0);
    world.shift_ms = LINES_HANDSHAKE_MS + 1000;
    turn();
    assert_int_equal(world.closed, 1);
    world.shift_ms = LINES_SILENCE_MS + 1000;
    turn();
    assert_int_equal(world.closed, 2);
    assert_int_equal(world.lines->count, 1);
    assert_int_equal(write(speaks, "\0\1b", 3), 3);
    turn_until(&world.messages, 2);
    close(mute);
    close(silent);
    close(speaks);
    end();
}

/* Without descriptors nothing is accepted and nothing spins; with some again, who waited gets in. */
static void test_descriptors_run_out(void **state)
{
    (void)state;
    struct rlimit before, few;
    uint8_t stream[512];
    begin(false);
    size_t size = greet(stream);
    memcpy(stream + size, "\0\1a", 3);
    int fd = dial();
    assert_int_equal(write(fd, stream, size + 3), size + 3);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    few = before;
    int next = dup(fd);
    few.rlim_cur = (rlim_t)next;
    close(next);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    for (int i = 0; i < 10; i++)
        turn();
    assert_true(world.lines->full);
    struct pollfd ready = {world.lines->epoll, POLLIN, 0};
    assert_int_equal(poll(&ready, 1, 0), 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    turn_until(&world.messages, 1);
    close(fd);
    end();
}

/* Messages that are never whole: what they take in all is bounded, and the largest goes. */
static void test_unfinished_messages_are_bounded(void **state)
{
    (void)state;
    enum { CROWD = 24 };
    static uint8_t block[1 << 20];
    uint8_t stream[512];
    int crowd[CROWD];
    begin(false);
    size_t size = greet(stream);
    memcpy(stream + size, "\x02\0\0\0\0\x01\0\0\0", 9);
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = dial();
        assert_int_equal(write(crowd[i], stream, size + 9), size + 9);
    }
    int64_t until = now_ms() + PATIENCE_MS;
    while (world.refused == 0 && now_ms() < until) {
        for (int i = 0; i < CROWD; i++)
            (void)!send(crowd[i], block, sizeof block, MSG_NOSIGNAL);
        turn();
        assert_true(world.lines->input_bytes <= LINES_INPUT_MAX);
    }
    assert_true(world.refused > 0);
    assert_non_null(strstr(world.why, "too much"));
    for (int i = 0; i < CROWD; i++)
        close(crowd[i]);
    turn_until(&world.closed, CROWD);
    assert_int_equal(world.lines->input_bytes, 0);
    end();
}

static void test_endpoints(void **state)
{
    (void)state;
    static const struct {
        const char *endpoint, *bound;
        enum status status;
    } CASES[] = {{"tcp://127.0.0.1:*", "tcp://127.0.0.1:", BB_OK},
                 {"tcp://*:*", "tcp://0.0.0.0:", BB_OK},
                 {"tcp://localhost:0", "tcp://127.0.0.1:", BB_OK},
                 {"tcp://[::1]:*", "tcp://[::1]:", BB_OK},
                 {"ipc://@busbar.lines.test", "ipc://@busbar.lines.test", BB_OK},
                 {"tcp://127.0.0.1", "", BB_RANGE},
                 {"tcp://:5", "", BB_RANGE},
                 {"tcp://127.0.0.1:x", "", BB_RANGE},
                 {"tcp://256.0.0.1:5", "", BB_RANGE},
                 {"udp://127.0.0.1:5", "", BB_RANGE},
                 {"ipc://", "", BB_RANGE},
                 {"ipc:///nonexistent/x.sock", "", BB_IO}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct listener listener, second;
        struct bb_reason reason = {""};
        enum status status = listener_open(CASES[i].endpoint, &listener, &reason);
        if (status == BB_IO && strstr(CASES[i].endpoint, "[::1]") != NULL)
            continue; /* a machine without IPv6 */
        assert_int_equal(status, CASES[i].status);
        if (status != BB_OK) {
            assert_true(reason.text[0] != '\0');
            continue;
        }
        assert_int_equal(strncmp(listener.endpoint, CASES[i].bound, strlen(CASES[i].bound)), 0);
        assert_int_equal(listener_open(listener.endpoint, &second, &reason), BB_EXISTS);
        listener_close(&listener);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_null_with_libzmq),
                                       cmocka_unit_test(test_curve_with_libzmq),
                                       cmocka_unit_test(test_a_refusal_reaches_the_client),
                                       cmocka_unit_test(test_a_stream_in_single_bytes),
                                       cmocka_unit_test(test_a_message_that_is_held_back),
                                       cmocka_unit_test(test_bad_bytes_are_refused),
                                       cmocka_unit_test(test_too_many_frames),
                                       cmocka_unit_test(test_silence_is_over_some_time),
                                       cmocka_unit_test(test_descriptors_run_out),
                                       cmocka_unit_test(test_unfinished_messages_are_bounded),
                                       cmocka_unit_test(test_endpoints)};
    world.context = zmq_ctx_new();
    if (world.context == NULL || !zmtp_curve_start())
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    zmq_ctx_term(world.context);
    return failed;
}
