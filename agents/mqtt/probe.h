/* Whether a host answers on a port, without waiting for it: libmosquitto's own connect with MQTT 5 properties
 * blocks for as long as the kernel tries. Its addresses are tried one after the other. */
#ifndef AGENTS_MQTT_PROBE_H
#define AGENTS_MQTT_PROBE_H

#include <busbar/loop.h>
#include <busbar/reason.h>

struct addrinfo;

/* Told once: BB_OK, or BB_UNREACHABLE and why. */
typedef void probe_on_end(void *context, enum status status);

struct probe {
    struct bb_loop *loop;
    struct addrinfo *addresses, *next;
    int fd, timer; /* -1, 0: none */
    struct bb_reason *reason;
    probe_on_end *on_end;
    void *context;
};

/* Starts. The host's name is resolved at once, which may wait for a name server. `on_end` may come before
 * this returns. `reason` receives the sentence. */
void probe_start(struct probe *probe, struct bb_loop *loop, const char *host, int port,
                 struct bb_reason *reason, probe_on_end *on_end, void *context);

/* Ends it untold; also when none is under way (of a zeroed probe, fd = -1). */
void probe_stop(struct probe *probe);

#endif
