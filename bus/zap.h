/* The ZAP handler: answers libzmq whether a CURVE key may connect. A key without an entry in access.json is
 * refused, logged once with its fingerprint, and remembered as pending. Source: ZeroMQ RFC 27 (ZAP 1.0). */
#ifndef BUS_ZAP_H
#define BUS_ZAP_H

#include "bus/client/keys.h"
#include "bus/guard.h"

#define ZAP_PENDING_MAX 64

/* A key that was refused. */
struct zap_pending {
    char key[KEY_BASE64_SIZE];
    char address[64];
    uint64_t times;
};

struct zap {
    void *socket;
    int fd;
    struct zap_pending pending[ZAP_PENDING_MAX];
    uint32_t pending_count;
    uint64_t accepted, refused;
};

/* Binds the handler in `context`; before any door is opened. BB_IO. */
BB_MUST_CHECK enum status zap_open(void *context, struct zap *out);

/* Accepts a zeroed handler. */
void zap_close(struct zap *zap);

/* Answers all requests that are there; `guard` may let an agent wait. */
void zap_serve(struct zap *zap, const struct access *access, struct guard *guard, int64_t now_ms);

#endif
