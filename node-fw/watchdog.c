#include "node-fw/watchdog.h"

#include <fcntl.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum status watchdog_open(struct watchdog *w, const char *path, int seconds, bool *bit_out)
{
    int status = 0;
    w->fd = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK);
    if (w->fd < 0)
        return BB_IO;
    (void)ioctl(w->fd, WDIOC_SETTIMEOUT, &seconds); /* one that cannot keeps its own */
    *bit_out = ioctl(w->fd, WDIOC_GETBOOTSTATUS, &status) == 0 && (status & WDIOF_CARDRESET);
    return BB_OK;
}

void watchdog_feed(struct watchdog *w)
{
    if (w->fd >= 0 && write(w->fd, "1", 1) < 0)
        return; /* it will bite, which is what it is for */
}

void watchdog_stop(struct watchdog *w)
{
    if (w->fd < 0)
        return;
    if (write(w->fd, "V", 1) == 1)
        close(w->fd);
    w->fd = -1;
}
