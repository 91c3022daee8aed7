#include "bus/zap.h"

#include "bus/client/log.h"

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

static void remember(struct zap *zap, const char *z85, const char *key, const char *address)
{
    char fingerprint[KEY_FINGERPRINT_SIZE] = "";
    for (uint32_t i = 0; i < zap->pending_count; i++) {
        if (strcmp(zap->pending[i].key, key) == 0) {
            zap->pending[i].times++;
            return;
        }
    }
    if (zap->pending_count == ZAP_PENDING_MAX)
        return;
    struct zap_pending *pending = &zap->pending[zap->pending_count++];
    snprintf(pending->key, sizeof pending->key, "%s", key);
    snprintf(pending->address, sizeof pending->address, "%s", address);
    pending->times = 1;
    (void)!keys_fingerprint(z85, fingerprint);
    log_warning("key-refused", LOG_TEXT("fingerprint", fingerprint), LOG_TEXT("key", key),
                LOG_TEXT("address", address), LOG_TEXT("hint", "to admit it: busbar access add"));
}

/* True when the request's key has an entry; key_out gets it in base64url. */
static bool admit(struct zap *zap, const struct access *access, zmq_msg_t *frames, char *key_out)
{
    char z85[KEY_Z85_SIZE], address[64];
    uint32_t entry;
    zmq_msg_t *key = &frames[AT_KEY];
    if (zmq_msg_size(&frames[AT_MECHANISM]) != 5 ||
        memcmp(zmq_msg_data(&frames[AT_MECHANISM]), "CURVE", 5) != 0 || zmq_msg_size(key) != CURVE_KEY_SIZE)
        return false;
    CHECK(zmq_z85_encode(z85, zmq_msg_data(key), CURVE_KEY_SIZE) != NULL);
    if (keys_to_base64(z85, key_out) != BB_OK)
        return false;
    if (access_find(access, bytes_of(key_out), &entry) == BB_OK)
        return true;
    snprintf(address, sizeof address, "%.*s", (int)zmq_msg_size(&frames[AT_ADDRESS]),
             (const char *)zmq_msg_data(&frames[AT_ADDRESS]));
    remember(zap, z85, key_out, address);
    return false;
}

static void answer(struct zap *zap, zmq_msg_t *frames, const char *user_or_null)
{
    const char *texts[] = {"1.0",
                           NULL,
                           user_or_null ? "200" : "400",
                           user_or_null ? "OK" : "this key has no entry in access.json",
                           user_or_null ? user_or_null : "",
                           ""};
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

void zap_serve(struct zap *zap, const struct access *access)
{
    zmq_msg_t frames[FRAMES];
    char key[KEY_BASE64_SIZE];
    int count;
    do {
        for (int i = 0; i < FRAMES; i++)
            zmq_msg_init(&frames[i]);
        count = receive(zap, frames);
        if (count > AT_REQUEST) {
            bool admitted = count == FRAMES && admit(zap, access, frames, key);
            *(admitted ? &zap->accepted : &zap->refused) += 1;
            answer(zap, frames, admitted ? key : NULL);
        }
        for (int i = 0; i < FRAMES; i++)
            zmq_msg_close(&frames[i]);
    } while (count > 0);
}
