#include "agents/mqtt/probe.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* For each address. */
#define PROBE_MS 5000

static void try_next(struct probe *p);

static void close_socket(struct probe *p)
{
    bb_loop_cancel(p->loop, p->timer);
    p->timer = 0;
    if (p->fd >= 0) {
        bb_loop_unwatch(p->loop, p->fd);
        close(p->fd);
        p->fd = -1;
    }
}

void probe_stop(struct probe *p)
{
    if (p->loop == NULL)
        return;
    close_socket(p);
    if (p->addresses != NULL)
        freeaddrinfo(p->addresses);
    p->addresses = p->next = NULL;
}

static void end(struct probe *p, enum status status)
{
    probe_stop(p);
    p->on_end(p->context, status);
}

static void on_writable(void *context)
{
    struct probe *p = context;
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0) {
        end(p, BB_OK);
        return;
    }
    bb_reason_say(p->reason, "the MQTT broker does not take the connection: %s", strerror(error));
    close_socket(p);
    try_next(p);
}

static void on_late(void *context)
{
    struct probe *p = context;
    p->timer = 0;
    bb_reason_say(p->reason, "the MQTT broker does not answer");
    close_socket(p);
    try_next(p);
}

/* True when the address is being tried. */
static bool try_address(struct probe *p, const struct addrinfo *address)
{
    p->fd = socket(address->ai_family, address->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->fd < 0)
        return false;
    if ((connect(p->fd, address->ai_addr, address->ai_addrlen) == 0 || errno == EINPROGRESS) &&
        bb_loop_after(p->loop, PROBE_MS, on_late, p, &p->timer) == BB_OK &&
        bb_loop_watch(p->loop, p->fd, 1, on_writable, p) == BB_OK)
        return true;
    bb_reason_say(p->reason, "the MQTT broker cannot be reached: %s", strerror(errno));
    close_socket(p);
    return false;
}

static void try_next(struct probe *p)
{
    while (p->next != NULL) {
        const struct addrinfo *address = p->next;
        p->next = p->next->ai_next;
        if (try_address(p, address))
            return;
    }
    end(p, BB_UNREACHABLE);
}

void probe_start(struct probe *p, struct bb_loop *loop, const char *host, int port, struct bb_reason *reason,
                 probe_on_end *on_end, void *context)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
    char service[16];
    *p = (struct probe){.loop = loop, .fd = -1, .reason = reason, .on_end = on_end, .context = context};
    snprintf(service, sizeof service, "%d", port);
    int error = getaddrinfo(host, service, &hints, &p->addresses);
    if (error != 0) {
        p->addresses = NULL;
        bb_reason_say(reason, "the MQTT broker's name %.200s is not found: %s", host, gai_strerror(error));
    }
    p->next = p->addresses;
    try_next(p);
}
