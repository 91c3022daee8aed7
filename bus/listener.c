#include "bus/listener.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024
/* A machine that vanished is found by the kernel's probes; and what a peer does not take for SILENCE_MS ends
 * its connection, too. */
#define PROBE_AFTER_S 2
#define PROBE_EVERY_S 2
#define PROBES        3
#define SILENCE_MS    15000

struct place {
    struct sockaddr_storage address;
    socklen_t size;
};

static void set(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

static enum status failed(int error, struct bb_reason *reason)
{
    bb_reason_say(reason, "%s", strerror(error));
    return error == EADDRINUSE ? BB_EXISTS : BB_IO;
}

static enum status wrong(struct bb_reason *reason)
{
    bb_reason_say(reason, "it must be tcp://ADDRESS:PORT or ipc://PATH");
    return BB_RANGE;
}

/* "HOST:PORT" with `*` for either. */
static enum status read_tcp(const char *text, struct place *out, struct bb_reason *reason)
{
    char host[256], port[8];
    const char *colon = strrchr(text, ':');
    size_t size = colon == NULL ? 0 : (size_t)(colon - text);
    if (size == 0 || size >= sizeof host || strlen(colon + 1) >= sizeof port || colon[1] == '\0')
        return wrong(reason);
    snprintf(host, sizeof host, "%.*s", (int)size, text);
    snprintf(port, sizeof port, "%s", colon[1] == '*' ? "0" : colon + 1);
    bool six = host[0] == '[' && host[size - 1] == ']';
    if (six) {
        memmove(host, host + 1, size - 2);
        host[size - 2] = '\0';
    }
    const struct addrinfo hints = {.ai_family = six ? AF_INET6 : AF_INET,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found;
    int error = getaddrinfo(strcmp(host, "*") == 0 ? NULL : host, port, &hints, &found);
    if (error != 0) {
        bb_reason_say(reason, "%s", gai_strerror(error));
        return BB_RANGE;
    }
    memcpy(&out->address, found->ai_addr, found->ai_addrlen);
    out->size = found->ai_addrlen;
    freeaddrinfo(found);
    return BB_OK;
}

static enum status read_ipc(const char *path, struct place *out, struct bb_reason *reason)
{
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    size_t size = strlen(path);
    if (size == 0 || size >= sizeof local.sun_path) {
        bb_reason_say(reason, "the path of an ipc endpoint has 1 to %zu bytes", sizeof local.sun_path - 1);
        return BB_RANGE;
    }
    memcpy(local.sun_path, path, size);
    bool name = path[0] == '@';
    if (name)
        local.sun_path[0] = '\0';
    else
        (void)unlink(path);
    memcpy(&out->address, &local, sizeof local);
    out->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + !name);
    return BB_OK;
}

/* The endpoint as it was bound: any port has become one. */
static void name_tcp(struct listener *listener)
{
    struct place place = {.size = sizeof place.address};
    char host[INET6_ADDRSTRLEN + IF_NAMESIZE + 1], port[8];
    if (getsockname(listener->fd, (struct sockaddr *)&place.address, &place.size) != 0 ||
        getnameinfo((struct sockaddr *)&place.address, place.size, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0)
        return;
    bool six = place.address.ss_family == AF_INET6;
    snprintf(listener->endpoint, sizeof listener->endpoint, "tcp://%s%s%s:%s", six ? "[" : "", host,
             six ? "]" : "", port);
}

static enum status bind_at(struct listener *listener, const struct place *place, struct bb_reason *reason)
{
    int family = place->address.ss_family;
    listener->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return failed(errno, reason);
    if (family != AF_UNIX)
        set(listener->fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (family == AF_INET6)
        set(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    if (bind(listener->fd, (const struct sockaddr *)&place->address, place->size) != 0 ||
        listen(listener->fd, BACKLOG) != 0) {
        int error = errno;
        close(listener->fd);
        return failed(error, reason);
    }
    return BB_OK;
}

enum status listener_open(const char *endpoint, struct listener *out, struct bb_reason *reason)
{
    struct listener listener = {.fd = -1, .local = strncmp(endpoint, "ipc://", 6) == 0};
    struct place place = {.size = 0};
    if (strlen(endpoint) >= sizeof listener.endpoint ||
        (!listener.local && strncmp(endpoint, "tcp://", 6) != 0))
        return wrong(reason);
    enum status status =
        listener.local ? read_ipc(endpoint + 6, &place, reason) : read_tcp(endpoint + 6, &place, reason);
    if (status == BB_OK)
        status = bind_at(&listener, &place, reason);
    if (status != BB_OK)
        return status;
    snprintf(listener.endpoint, sizeof listener.endpoint, "%s", endpoint);
    if (!listener.local)
        name_tcp(&listener);
    *out = listener;
    return BB_OK;
}

void listener_close(struct listener *listener)
{
    close(listener->fd);
    if (listener->local && listener->endpoint[6] != '@')
        (void)unlink(listener->endpoint + 6);
}

int listener_accept(const struct listener *listener, char *address, size_t size)
{
    struct place place = {.size = sizeof place.address};
    int fd =
        accept4(listener->fd, (struct sockaddr *)&place.address, &place.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 || size == 0)
        return fd;
    address[0] = '\0';
    if (listener->local)
        return fd;
    if (getnameinfo((struct sockaddr *)&place.address, place.size, address, (socklen_t)size, NULL, 0,
                    NI_NUMERICHOST) != 0)
        address[0] = '\0';
    set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set(fd, IPPROTO_TCP, TCP_KEEPIDLE, PROBE_AFTER_S);
    set(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_EVERY_S);
    set(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
    set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, SILENCE_MS);
    return fd;
}
