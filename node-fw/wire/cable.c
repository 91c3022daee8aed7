#include "node-fw/wire/cable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

static bool set_raw(int fd)
{
    struct termios t;
    if (tcgetattr(fd, &t) != 0)
        return false;
    cfmakeraw(&t);
    return tcsetattr(fd, TCSANOW, &t) == 0;
}

/* The link appears only when the pty is ready: whoever waits for it can open it at once. */
static enum status name_slave(struct end *e, const char *slave)
{
    struct stat st;
    if (lstat(e->name, &st) == 0) {
        if (!S_ISLNK(st.st_mode))
            return BB_EXISTS;
        unlink(e->name);
    }
    return symlink(slave, e->name) == 0 ? BB_OK : BB_IO;
}

static enum status open_pty(struct end *e)
{
    char slave[64];
    e->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (e->master < 0 || grantpt(e->master) != 0 || unlockpt(e->master) != 0 ||
        ptsname_r(e->master, slave, sizeof slave) != 0)
        return BB_IO;
    e->slave = open(slave, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (e->slave < 0 || !set_raw(e->slave))
        return BB_IO;
    return name_slave(e, slave);
}

static void close_pty(struct end *e)
{
    if (e->slave >= 0)
        close(e->slave);
    if (e->master >= 0)
        close(e->master);
    e->master = e->slave = -1;
}

enum status cable_plug(struct end *e)
{
    e->master = e->slave = -1;
    enum status status = open_pty(e);
    if (status != BB_OK)
        close_pty(e);
    return status;
}

void cable_unplug(struct end *e)
{
    if (e->master < 0)
        return;
    unlink(e->name);
    close_pty(e);
    line_cut(&e->line);
}

void cable_collect(struct cable *c, int from, int64_t now_ns)
{
    struct line *line = &c->ends[!from].line;
    uint8_t buffer[LINE_BYTES];
    size_t room = line_room(line);
    if (room == 0)
        return;
    ssize_t n = read(c->ends[from].master, buffer, room);
    if (n > 0 && c->ends[!from].master >= 0)
        line_push(line, (struct bytes){buffer, (size_t)n}, now_ns);
}

/* A UART does not wait for its reader: what does not fit is gone. */
static void put(struct end *e, const uint8_t *data, size_t size)
{
    ssize_t n = write(e->master, data, size);
    if (n < (ssize_t)size)
        e->overrun += size - (n > 0 ? (size_t)n : 0);
}

void cable_deliver(struct end *e, int64_t now_ns)
{
    uint8_t buffer[512];
    size_t size = line_take(&e->line, now_ns, buffer, sizeof buffer);
    if (size > 0 && e->master >= 0)
        put(e, buffer, size);
}

void cable_garbage(struct end *e, uint32_t count)
{
    for (; e->master >= 0 && count > 0; count--) {
        uint8_t byte = line_dice_byte(&e->line);
        put(e, &byte, 1);
    }
}
