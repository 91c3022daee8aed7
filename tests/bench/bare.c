#include "tests/bench/bare.h"

#include "bus/door.h"

#include <busbar/check.h>
#include <string.h>

#define PUBLISH_FRAMES 9

static void *bind_socket(void *context, const struct site *site, int type, enum conns_door kind,
                         const char *door)
{
    int yes = 1, no = 0;
    char endpoint[256];
    size_t size = sizeof endpoint;
    void *socket = zmq_socket(context, type);
    CHECK(socket != NULL && door_configure(socket, kind));
    if (type == ZMQ_XPUB)
        CHECK(zmq_setsockopt(socket, ZMQ_XPUB_MANUAL, &no, sizeof no) == 0);
    if (site->secure)
        CHECK(zmq_setsockopt(socket, ZMQ_CURVE_SERVER, &yes, sizeof yes) == 0 &&
              zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, site->broker.secret_key, KEY_Z85_SIZE) == 0);
    CHECK(zmq_bind(socket, "tcp://127.0.0.1:*") == 0);
    CHECK(zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) == 0);
    child_announce(site, door, endpoint);
    return socket;
}

/* A frame with the contents of `from`, as cheaply as libzmq allows. */
static void send_copy(void *socket, zmq_msg_t *from, int more)
{
    zmq_msg_t copy;
    zmq_msg_init(&copy);
    CHECK(zmq_msg_copy(&copy, from) == 0);
    CHECK(zmq_msg_send(&copy, socket, more) >= 0);
}

static void relay(void *socket, zmq_msg_t *in)
{
    static const uint8_t COUNT[4] = {1, 0, 0, 0};
    CHECK(zmq_send(socket, "bb", 2, ZMQ_SNDMORE) >= 0);
    zmq_send(socket, "", 0, ZMQ_SNDMORE);
    for (int i = 2; i < PUBLISH_FRAMES - 1; i++)
        send_copy(socket, &in[i], ZMQ_SNDMORE);
    zmq_msg_send(&in[PUBLISH_FRAMES - 1], socket, 0);
    zmq_msg_send(&in[0], socket, ZMQ_SNDMORE);
    for (int i = 1; i < 6; i++)
        zmq_msg_send(&in[i], socket, ZMQ_SNDMORE);
    zmq_send(socket, "request_response", 16, ZMQ_SNDMORE);
    zmq_send(socket, COUNT, sizeof COUNT, 0);
}

/* The sender becomes the recipient's address, as in VIP; a message for the router itself goes nowhere. */
static void forward(void *socket, zmq_msg_t *in, int count)
{
    if (zmq_msg_size(&in[1]) == 0)
        return;
    CHECK(zmq_msg_send(&in[1], socket, ZMQ_SNDMORE) >= 0);
    send_copy(socket, &in[0], ZMQ_SNDMORE);
    zmq_msg_send(&in[2], socket, ZMQ_SNDMORE);
    zmq_msg_send(&in[0], socket, ZMQ_SNDMORE);
    for (int i = 4; i < count; i++)
        zmq_msg_send(&in[i], socket, i + 1 < count ? ZMQ_SNDMORE : 0);
}

/* Receives one message; frames beyond PUBLISH_FRAMES overwrite the last. */
static int receive(void *socket, zmq_msg_t *in)
{
    int count = 0;
    int more = 1;
    while (more) {
        zmq_msg_t *frame = &in[count < PUBLISH_FRAMES ? count : PUBLISH_FRAMES - 1];
        zmq_msg_init(frame);
        CHECK(zmq_msg_recv(frame, socket, 0) >= 0);
        more = zmq_msg_more(frame);
        count++;
    }
    return count;
}

static void *router(void *context, const struct site *site)
{
    void *socket = bind_socket(context, site, ZMQ_ROUTER, DOOR_VIP, "vip");
    child_announce(site, "sub", "tcp://none");
    child_announce(site, "pub", "tcp://none");
    return socket;
}

void bare_router(const struct site *site)
{
    zmq_msg_t in[PUBLISH_FRAMES];
    void *socket = router(zmq_ctx_new(), site);
    for (;;) {
        int count = receive(socket, in);
        if (count == PUBLISH_FRAMES)
            relay(socket, in);
        for (int i = 0; i < count && i < PUBLISH_FRAMES; i++)
            zmq_msg_close(&in[i]);
    }
}

void bare_forward(const struct site *site)
{
    zmq_msg_t in[PUBLISH_FRAMES];
    void *socket = router(zmq_ctx_new(), site);
    for (;;) {
        int count = receive(socket, in);
        if (count > 5 && count <= PUBLISH_FRAMES)
            forward(socket, in, count);
        for (int i = 0; i < count && i < PUBLISH_FRAMES; i++)
            zmq_msg_close(&in[i]);
    }
}

void bare_proxy(const struct site *site)
{
    void *context = zmq_ctx_new();
    void *front = bind_socket(context, site, ZMQ_XSUB, DOOR_PUB, "pub");
    void *back = bind_socket(context, site, ZMQ_XPUB, DOOR_SUB, "sub");
    child_announce(site, "vip", "tcp://none");
    zmq_proxy(front, back, NULL);
    fprintf(stderr, "the proxy ended: %s\n", zmq_strerror(zmq_errno()));
}
