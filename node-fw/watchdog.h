/* The watchdog: a timer of the hardware that starts the machine again when nobody feeds it. */
#ifndef NODE_FW_WATCHDOG_H
#define NODE_FW_WATCHDOG_H

#include <busbar/status.h>
#include <stdbool.h>

struct watchdog {
    int fd; /* −1: none */
};

/* Opens the watchdog at `path` and sets its time; *bit_out says whether it was what started the machine.
 * BB_IO: there is none; feeding is then nothing. */
BB_MUST_CHECK enum status watchdog_open(struct watchdog *w, const char *path, int seconds, bool *bit_out);

/* Feeds it. */
void watchdog_feed(struct watchdog *w);

/* Stops it, where the kernel lets it be stopped. */
void watchdog_stop(struct watchdog *w);

#endif
