/* The ZAP handler of the plain doors: answers libzmq whether a CURVE key may connect. A key without an entry
 * in access.json is refused and told to whom it may concern. Source: ZeroMQ RFC 27 (ZAP 1.0). */
#ifndef BUS_ZAP_H
#define BUS_ZAP_H

#include "bus/client/keys.h"
#include "bus/pending.h"

struct zap {
    void *socket;
    int fd;
    /* Told of every key that was refused. */
    void (*on_refused)(void *context, const struct pending_asked *asked);
    void *context;
    uint64_t accepted, refused;
};

/* Binds the handler in `context`; before any door is opened. The caller sets on_refused. BB_IO. */
BB_MUST_CHECK enum status zap_open(void *context, struct zap *out);

/* Accepts a zeroed handler. */
void zap_close(struct zap *zap);

/* Answers all requests that are there. */
void zap_serve(struct zap *zap, const struct access *access);

#endif
