#include "bus/zap.h"

#include <busbar/check.h>
#include <string.h>
#include <zmq.h>

/* Frames of a request after the envelope: version, request id, domain, address, identity, mechanism,
 * credentials. */
enum {
    AT_ROUTE,
    AT_EMPTY,
    AT_VERSION,
    AT_REQUEST,
    AT_DOMAIN,
    AT_ADDRESS,
    AT_IDENTITY,
    AT_MECHANISM,
    AT_KEY,
    FRAMES
};

#define CURVE_KEY_SIZE 32

enum status zap_open(void *context, struct zap *out)
{
    size_t size = sizeof out->fd;
    memset(out, 0, sizeof *out);
    out->socket = zmq_socket(context, ZMQ_ROUTER);
    if (out->socket == NULL || zmq_bind(out->socket, "inproc://zeromq.zap.01") != 0 ||
        zmq_getsockopt(out->socket, ZMQ_FD, &out->fd, &size) != 0) {
        zap_close(out);
        return BB_IO;
    }
    return BB_OK;
}

void zap_close(struct zap *zap)
{
    if (zap->socket != NULL)
        zmq_close(zap->socket);
    zap->socket = NULL;
}

static bool equals(zmq_msg_t *frame, const char *text)
{
    return zmq_msg_size(frame) == strlen(text) && memcmp(zmq_msg_data(frame), text, strlen(text)) == 0;
}

/* The door that a request is for. */
static enum conns_door door_of(zmq_msg_t *domain)
{
    static const char *const DOMAINS[DOOR_COUNT] = {"", "", "busbar.sub", "busbar.pub"};
    for (size_t i = DOOR_SUB; i < DOOR_COUNT; i++)
        if (equals(domain, DOMAINS[i]))
            return (enum conns_door)i;
    return DOOR_NONE;
}

static void tell(struct zap *zap, zmq_msg_t *frames, const char *key)
{
    char address[PENDING_ADDRESS_MAX];
    snprintf(address, sizeof address, "%.*s", (int)zmq_msg_size(&frames[AT_ADDRESS]),
             (const char *)zmq_msg_data(&frames[AT_ADDRESS]));
    const struct pending_asked asked = {
        .key = key, .unknown = true, .address = address, .door = door_of(&frames[AT_DOMAIN])};
    zap->on_refused(zap->context, &asked);
}

/* What a request is answered with. */
static const struct reply {
    const char *status, *text;
} ADMITTED = {"200", "OK"}, REFUSED = {"400", "this key has no entry in access.json"};

/* Looks a request's key up; key_out gets it in base64url. */
static const struct reply *admit(struct zap *zap, const struct access *access, zmq_msg_t *frames,
                                 char *key_out)
{
    uint32_t entry;
    char z85[KEY_Z85_SIZE];
    zmq_msg_t *key = &frames[AT_KEY];
    if (!equals(&frames[AT_MECHANISM], "CURVE") || zmq_msg_size(key) != CURVE_KEY_SIZE)
        return &REFUSED;
    CHECK(zmq_z85_encode(z85, zmq_msg_data(key), CURVE_KEY_SIZE) != NULL);
    if (keys_to_base64(z85, key_out) != BB_OK)
        return &REFUSED;
    if (access_find(access, bytes_of(key_out), &entry) == BB_OK)
        return &ADMITTED;
    tell(zap, frames, key_out);
    return &REFUSED;
}

static void answer(struct zap *zap, zmq_msg_t *frames, const struct reply *reply, const char *user)
{
    const char *texts[] = {"1.0", NULL, reply->status, reply->text, user, ""};
    size_t count = sizeof texts / sizeof *texts;
    zmq_msg_send(&frames[AT_ROUTE], zap->socket, ZMQ_SNDMORE);
    zmq_msg_send(&frames[AT_EMPTY], zap->socket, ZMQ_SNDMORE);
    for (size_t i = 0; i < count; i++) {
        int more = i + 1 < count ? ZMQ_SNDMORE : 0;
        if (texts[i] == NULL)
            zmq_msg_send(&frames[AT_REQUEST], zap->socket, more);
        else
            zmq_send(zap->socket, texts[i], strlen(texts[i]), more);
    }
}

/* Receives one request into frames[FRAMES]; the number of frames, 0 if there was none. More than FRAMES are
 * cut. */
static int receive(struct zap *zap, zmq_msg_t *frames)
{
    int count = 0;
    zmq_msg_t frame;
    bool more = true;
    while (more) {
        zmq_msg_init(&frame);
        if (zmq_msg_recv(&frame, zap->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&frame);
            return count;
        }
        more = zmq_msg_more(&frame) != 0;
        if (count < FRAMES)
            zmq_msg_move(&frames[count++], &frame);
        zmq_msg_close(&frame);
    }
    return count;
}

static void serve(struct zap *zap, const struct access *access, zmq_msg_t *frames)
{
    char key[KEY_BASE64_SIZE];
    const struct reply *reply = admit(zap, access, frames, key);
    *(reply == &ADMITTED ? &zap->accepted : &zap->refused) += 1;
    answer(zap, frames, reply, reply == &ADMITTED ? key : "");
}

void zap_serve(struct zap *zap, const struct access *access)
{
    zmq_msg_t frames[FRAMES];
    int count;
    do {
        for (int i = 0; i < FRAMES; i++)
            zmq_msg_init(&frames[i]);
        count = receive(zap, frames);
        if (count == FRAMES)
            serve(zap, access, frames);
        else if (count > AT_REQUEST)
            answer(zap, frames, &REFUSED, "");
        for (int i = 0; i < FRAMES; i++)
            zmq_msg_close(&frames[i]);
    } while (count > 0);
}
