#include "tests/bench/stream.h"

#include <arpa/inet.h>
#include <busbar/check.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

uint16_t stream_free_port(void)
{
    struct sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
          getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    close(fd);
    return ntohs(address.sin_port);
}

struct stream *stream_open(uint16_t port)
{
    int yes = 1;
    struct sockaddr_in address = loopback(port);
    struct stream *stream = calloc(1, sizeof *stream);
    CHECK(stream != NULL);
    for (int i = 0; i < 1000; i++) {
        stream->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        CHECK(stream->fd >= 0);
        if (connect(stream->fd, (struct sockaddr *)&address, sizeof address) == 0) {
            CHECK(setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes) == 0);
            return stream;
        }
        close(stream->fd);
        usleep(10000);
    }
    CHECK(!"the broker did not come up");
    return NULL;
}

void stream_close(struct stream *stream)
{
    close(stream->fd);
    free(stream);
}

void stream_flush(struct stream *stream)
{
    for (size_t at = 0; at < stream->out_size;) {
        ssize_t done = send(stream->fd, stream->out + at, stream->out_size - at, MSG_NOSIGNAL);
        CHECK(done > 0);
        at += (size_t)done;
    }
    stream->out_size = 0;
}

void stream_put(struct stream *stream, const void *data, size_t size)
{
    if (size > STREAM_SIZE - stream->out_size)
        stream_flush(stream);
    CHECK(size <= STREAM_SIZE - stream->out_size);
    memcpy(stream->out + stream->out_size, data, size);
    stream->out_size += size;
}

void stream_fill(struct stream *stream, int wait_ms)
{
    struct pollfd item = {stream->fd, POLLIN, 0};
    if (wait_ms > 0 && poll(&item, 1, wait_ms) <= 0)
        return;
    memmove(stream->in, stream->in + stream->at, stream->end - stream->at);
    stream->end -= stream->at;
    stream->at = 0;
    ssize_t got = recv(stream->fd, stream->in + stream->end, STREAM_SIZE - stream->end, MSG_DONTWAIT);
    /* The end of the connection would look like silence. */
    CHECK(got != 0);
    if (got > 0)
        stream->end += (size_t)got;
}
