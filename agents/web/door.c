#include "agents/web/door.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 511

static uint16_t *port_of(struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? &((struct sockaddr_in6 *)(void *)address)->sin6_port
                                          : &((struct sockaddr_in *)(void *)address)->sin_port;
}

static enum status find(const char *host, struct bb_reason *reason, struct sockaddr_storage *out,
                        socklen_t *size_out)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *list = NULL;
    int failed = getaddrinfo(host, NULL, &hints, &list);
    if (failed != 0 || list == NULL) {
        bb_reason_say(reason, "listen: %.200s: %s", host, gai_strerror(failed));
        return BB_NOT_FOUND;
    }
    memset(out, 0, sizeof *out);
    memcpy(out, list->ai_addr, list->ai_addrlen);
    *size_out = list->ai_addrlen;
    freeaddrinfo(list);
    return BB_OK;
}

/* Listens, or says by errno why not. */
static int listen_at(const struct sockaddr_storage *address, socklen_t size)
{
    int on = 1;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    (void)!setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (const struct sockaddr *)(const void *)address, size) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int why = errno;
    close(fd);
    errno = why;
    return -1;
}

static int try_ports(struct sockaddr_storage *address, socklen_t size, uint16_t port, unsigned tries)
{
    int fd = -1;
    for (unsigned i = 0; i < tries && fd < 0; i++) {
        if (i > 0 && errno != EADDRINUSE)
            return -1;
        if (port + i > 65535)
            break;
        *port_of(address) = htons((uint16_t)(port + i));
        fd = listen_at(address, size);
    }
    if (fd < 0 && errno == EADDRINUSE && tries > 1) {
        *port_of(address) = 0;
        fd = listen_at(address, size);
    }
    return fd;
}

/* Where a browser finds it: not at "every address". */
static void say_url(int fd, const char *host, const char *scheme, char *url)
{
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    (void)!getsockname(fd, (struct sockaddr *)(void *)&address, &size);
    bool v6 = strchr(host, ':') != NULL;
    if (strcmp(host, "0.0.0.0") == 0)
        host = "127.0.0.1";
    else if (strcmp(host, "::") == 0)
        host = "::1";
    snprintf(url, DOOR_URL_SIZE, "%s://%s%.255s%s:%u/", scheme, v6 ? "[" : "", host, v6 ? "]" : "",
             ntohs(*port_of(&address)));
}

enum status door_open(const char *host, uint16_t port, unsigned tries, const char *scheme,
                      struct bb_reason *reason, int *socket_out, char *url_out)
{
    struct sockaddr_storage address;
    socklen_t size;
    enum status status = find(host, reason, &address, &size);
    if (status != BB_OK)
        return status;
    int fd = try_ports(&address, size, port, tries);
    if (fd < 0) {
        bb_reason_say(reason, "listen: %.200s port %u: %s", host, port, strerror(errno));
        return errno == EADDRINUSE ? BB_EXISTS : errno == EACCES ? BB_DENIED : BB_IO;
    }
    say_url(fd, host, scheme, url_out);
    *socket_out = fd;
    return BB_OK;
}

enum status door_tell(const char *path, const char *url, struct bb_reason *reason)
{
    char beside[4200];
    snprintf(beside, sizeof beside, "%.4100s.new", path);
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    size_t size = strlen(url);
    bool done = fd >= 0 && write(fd, url, size) == (ssize_t)size && write(fd, "\n", 1) == 1;
    if (fd >= 0 && close(fd) != 0)
        done = false;
    if (done && rename(beside, path) == 0)
        return BB_OK;
    bb_reason_say(reason, "%.300s: %s", path, strerror(errno));
    return BB_IO;
}
