#include "agents/uart/port.h"

#include <errno.h>
#include <fcntl.h>
#include <libserialport.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static enum status refuse(const char *path, int error, struct bb_reason *reason)
{
    bool held = error == EWOULDBLOCK || error == EBUSY;
    const char *advice = error == EACCES ? "; join the group that owns it (dialout)"
                         : held          ? "; another process holds it"
                                         : "";
    bb_reason_say(reason, "%.200s: %s%s", path, strerror(error), advice);
    if (held)
        return BB_EXISTS;
    return error == EACCES || error == EPERM                      ? BB_DENIED
           : error == ENOENT || error == ENXIO || error == ENODEV ? BB_NOT_FOUND
                                                                  : BB_IO;
}

/* flock is the lock that counts (root passes TIOCEXCL); TIOCEXCL also keeps out what does not ask. */
static bool hold(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) == 0 && ioctl(fd, TIOCEXCL) == 0;
}

static bool make_raw(int fd)
{
    struct termios t;
    if (tcgetattr(fd, &t) != 0)
        return false;
    cfmakeraw(&t);
    t.c_cflag |= CLOCAL | CREAD;
    t.c_cflag &= ~(tcflag_t)(CRTSCTS | CSTOPB);
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    cfsetspeed(&t, B115200);
    return tcsetattr(fd, TCSANOW, &t) == 0;
}

static enum status open_termios(const char *path, struct port *out, struct bb_reason *reason)
{
    int fd = open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return refuse(path, errno, reason);
    if (!hold(fd) || !make_raw(fd)) {
        int error = errno;
        close(fd);
        return refuse(path, error, reason);
    }
    *out = (struct port){fd, NULL};
    return BB_OK;
}

static bool settle(struct sp_port *serial)
{
    return sp_set_baudrate(serial, PORT_BAUD) == SP_OK && sp_set_bits(serial, 8) == SP_OK &&
           sp_set_parity(serial, SP_PARITY_NONE) == SP_OK && sp_set_stopbits(serial, 1) == SP_OK &&
           sp_set_flowcontrol(serial, SP_FLOWCONTROL_NONE) == SP_OK;
}

static enum status open_named(const char *path, struct port *out, struct bb_reason *reason)
{
    struct sp_port *serial = NULL;
    struct port port = PORT_CLOSED;
    if (sp_get_port_by_name(path, &serial) != SP_OK) {
        bb_reason_say(reason, "%.200s: not a serial port that the system knows", path);
        return BB_NOT_FOUND;
    }
    int error = 0;
    if (sp_open(serial, SP_MODE_READ_WRITE) != SP_OK)
        error = sp_last_error_code();
    else if (sp_get_port_handle(serial, &port.fd) != SP_OK || !hold(port.fd))
        error = errno;
    else if (!settle(serial))
        error = EIO;
    if (error == 0) {
        *out = (struct port){port.fd, serial};
        return BB_OK;
    }
    sp_close(serial);
    sp_free_port(serial);
    return refuse(path, error, reason);
}

/* Names below /dev/serial and udev's are links, which libserialport 0.1.1 does not follow. */
static enum status open_serial(const char *path, struct port *out, struct bb_reason *reason)
{
    char *real = realpath(path, NULL);
    if (real == NULL)
        return refuse(path, errno, reason);
    enum status status = open_named(real, out, reason);
    free(real);
    return status;
}

enum status port_open(const char *spec, struct port *out, struct bb_reason *reason)
{
    enum status status =
        strncmp(spec, "pty:", 4) == 0 ? open_termios(spec + 4, out, reason) : open_serial(spec, out, reason);
    /* What waits there was said to whoever had it before, perhaps by another board: each piece of it could be
     * one more refusal, and the port be given back for it. */
    if (status == BB_OK)
        (void)tcflush(out->fd, TCIFLUSH);
    return status;
}

void port_close(struct port *port)
{
    if (port->serial != NULL) {
        sp_close(port->serial);
        sp_free_port(port->serial);
    } else if (port->fd >= 0) {
        close(port->fd);
    }
    *port = PORT_CLOSED;
}

/* A read of nothing: an unplugged device says so in poll only. */
static enum status quiet(const struct port *port)
{
    struct pollfd p = {port->fd, POLLIN, 0};
    bool gone = poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
    return gone ? BB_CLOSED : BB_TIMEOUT;
}

static enum status outcome(const struct port *port, ssize_t count, size_t *count_out)
{
    if (count < 0)
        return errno == EAGAIN || errno == EINTR ? BB_TIMEOUT : BB_CLOSED;
    if (count == 0)
        return quiet(port);
    *count_out = (size_t)count;
    return BB_OK;
}

enum status port_read(struct port *port, uint8_t *data, size_t size, size_t *count_out)
{
    if (port->serial == NULL)
        return outcome(port, read(port->fd, data, size), count_out);
    errno = EIO;
    return outcome(port, sp_nonblocking_read(port->serial, data, size), count_out);
}

enum status port_write(struct port *port, struct bytes data, size_t *count_out)
{
    if (port->serial == NULL)
        return outcome(port, write(port->fd, data.data, data.size), count_out);
    errno = EIO;
    return outcome(port, sp_nonblocking_write(port->serial, data.data, data.size), count_out);
}
