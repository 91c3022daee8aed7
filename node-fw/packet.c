#include "node-fw/packet.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum status packet_send(int fd, uint8_t type, struct bytes payload)
{
    struct iovec parts[2] = {{&type, 1}, {(void *)(uintptr_t)payload.data, payload.size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    if (sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
        return BB_OK;
    return errno == EAGAIN || errno == ENOBUFS ? BB_FULL : BB_CLOSED;
}

enum status packet_receive(int fd, uint8_t *buffer, size_t capacity, struct bytes *packet_out)
{
    ssize_t n = recv(fd, buffer, capacity, MSG_DONTWAIT);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? BB_NOT_FOUND : BB_CLOSED;
    if (n == 0)
        return BB_CLOSED;
    *packet_out = (struct bytes){buffer, (size_t)n};
    return BB_OK;
}
