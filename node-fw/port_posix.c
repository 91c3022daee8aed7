#include "node-fw/port_posix.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#define PAUSE_LEAST_MS 50
#define PAUSE_MOST_MS  2000
#define AHEAD_US       20000
#define BYTE_US_NUM    10000000 /* start bit, 8 bits, stop bit */

void port_init(struct port *p, const char *path, struct mono now)
{
    *p = (struct port){.path = path, .fd = -1, .pause_ms = PAUSE_LEAST_MS, .retry = now};
}

static bool set_raw(int fd)
{
    struct termios t;
    if (tcgetattr(fd, &t) != 0)
        return false;
    cfmakeraw(&t);
    t.c_cflag |= CLOCAL | CREAD;
    t.c_cflag &= (tcflag_t) ~(CSTOPB | CRTSCTS);
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    cfsetispeed(&t, B115200);
    cfsetospeed(&t, B115200);
    return tcsetattr(fd, TCSANOW, &t) == 0;
}

/* The lock that counts is flock: root passes TIOCEXCL, and others' programs know only one of the two. */
static enum status set_up(int fd)
{
    if (!isatty(fd))
        return BB_IO;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? BB_EXISTS : BB_IO;
    if (ioctl(fd, TIOCEXCL) != 0 || !set_raw(fd))
        return BB_IO;
    tcflush(fd, TCIOFLUSH); /* what was said to nobody */
    return BB_OK;
}

enum status port_open(struct port *p, struct mono now)
{
    int fd = open(p->path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    enum status status = BB_OK;
    if (fd < 0)
        status = errno == ENOENT || errno == ENXIO || errno == ENODEV ? BB_NOT_FOUND
                 : errno == EBUSY                                     ? BB_EXISTS
                                                                      : BB_IO;
    else
        status = set_up(fd);
    if (status == BB_OK) {
        p->fd = fd;
        p->pause_ms = PAUSE_LEAST_MS;
        p->wire_free_us = 0;
        return BB_OK;
    }
    if (fd >= 0)
        close(fd);
    p->retry = mono_after(now, p->pause_ms);
    p->pause_ms = p->pause_ms * 2 > PAUSE_MOST_MS ? PAUSE_MOST_MS : p->pause_ms * 2;
    return status;
}

void port_close(struct port *p, struct mono now)
{
    if (p->fd >= 0) {
        (void)ioctl(p->fd, TIOCNXCL);
        close(p->fd);
    }
    p->fd = -1;
    p->retry = mono_after(now, PAUSE_LEAST_MS);
}

enum status port_read(struct port *p, uint8_t *buffer, size_t capacity, size_t *size_out)
{
    ssize_t n = read(p->fd, buffer, capacity);
    if (n == 0)
        return BB_CLOSED;
    if (n < 0 && errno != EAGAIN && errno != EINTR)
        return BB_CLOSED;
    *size_out = n > 0 ? (size_t)n : 0;
    return BB_OK;
}

enum status port_write(struct port *p, struct bytes data, struct mono now, size_t *size_out)
{
    int64_t now_us = now.ms * 1000;
    if (p->wire_free_us < now_us)
        p->wire_free_us = now_us;
    int64_t room = (AHEAD_US - (p->wire_free_us - now_us)) * PORT_BAUD / BYTE_US_NUM;
    *size_out = 0;
    if (room <= 0)
        return BB_OK;
    if (data.size > (size_t)room)
        data.size = (size_t)room;
    ssize_t n = write(p->fd, data.data, data.size);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? BB_OK : BB_CLOSED;
    p->wire_free_us += n * BYTE_US_NUM / PORT_BAUD;
    *size_out = (size_t)n;
    return BB_OK;
}

struct mono port_due(const struct port *p)
{
    return (struct mono){(p->wire_free_us - AHEAD_US / 2) / 1000};
}
