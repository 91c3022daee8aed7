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
static enum status name_slave(const struct end *e, const char *slave)
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

static void lose_all(struct cable *c)
{
    line_cut(&c->ends[0].line);
    line_cut(&c->ends[1].line);
}

void cable_unplug(struct cable *c, int at)
{
    struct end *e = &c->ends[at];
    if (e->master < 0)
        return;
    unlink(e->name);
    close_pty(e);
    lose_all(c);
}

bool cable_takes(const struct cable *c, int from)
{
    return !c->ends[from].stalled && line_room(&c->ends[!from].line) > 0;
}

/* A tty that is not raw yet. Where there is no room the echo is lost. */
static void echo(struct end *e, struct bytes said, int64_t now_ns)
{
    size_t room = line_room(&e->line);
    if (said.size > room)
        said.size = room;
    line_push(&e->line, said, now_ns);
}

void cable_collect(struct cable *c, int from, int64_t now_ns)
{
    struct end *e = &c->ends[from], *other = &c->ends[!from];
    uint8_t buffer[LINE_BYTES];
    if (!cable_takes(c, from))
        return;
    ssize_t n = read(e->master, buffer, line_room(&other->line));
    if (n <= 0)
        return;
    struct bytes said = {buffer, (size_t)n};
    if (other->master >= 0)
        line_push(&other->line, said, now_ns);
    if (e->echo)
        echo(e, said, now_ns);
}

/* A UART does not wait for its reader: what does not fit is gone. */
static void put(struct end *e, const uint8_t *data, size_t size)
{
    ssize_t n = write(e->master, data, size);
    size_t taken = n > 0 ? (size_t)n : 0;
    e->arrived += taken;
    e->overrun += size - taken;
}

void cable_deliver(struct cable *c, int to, int64_t now_ns)
{
    struct end *e = &c->ends[to];
    uint8_t buffer[512];
    size_t size = line_take(&e->line, now_ns, buffer, sizeof buffer);
    if (size > 0 && e->master >= 0)
        put(e, buffer, size);
    if (line_blown(&e->line))
        cable_unplug(c, to);
}

void cable_garbage(struct end *e, uint32_t count)
{
    for (; e->master >= 0 && count > 0; count--) {
        uint8_t byte = noise_byte(&e->line.babble);
        put(e, &byte, 1);
    }
}

void cable_swap(struct cable *a, int end_a, struct cable *b, int end_b)
{
    static struct end kept;
    lose_all(a);
    lose_all(b);
    kept = a->ends[end_a];
    a->ends[end_a] = b->ends[end_b];
    b->ends[end_b] = kept;
}
