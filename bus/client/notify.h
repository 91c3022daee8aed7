/* What a process tells the service manager that started it: ready, reloading, stopping, a line of status, and
 * that its main loop still turns. One datagram each to the socket that NOTIFY_SOCKET names; nothing at all
 * without it.
 *
 * Source: sd_notify(3), "Standalone Implementations". It is sent without libsystemd, so that a program needs
 * no library more on a machine without systemd, and the firmware's host tools can use it too.
 *
 * The first call takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of the environment: what this
 * process starts does not speak for it. Not for threads: call it from the main loop alone, which is the point
 * of the watchdog. */
#ifndef BUS_CLIENT_NOTIFY_H
#define BUS_CLIENT_NOTIFY_H

#include <busbar/loop.h>
#include <stdbool.h>
#include <stdint.h>

/* Everything for a program whose loop is `loop`: tells that it is ready, with a line of status, and feeds the
 * watchdog from the loop at half its interval. Call it when the doors are open, before bb_loop_run; call
 * notify_stopping behind. */
void notify_start(struct bb_loop *loop, const char *status);

/* Ready, for the first time or after a reload. `status` is one line for people; NULL leaves the last one. */
void notify_ready(const char *status);

/* Reads its settings anew; notify_ready follows. */
void notify_reloading(void);

/* Ends; nothing is fed any more. */
void notify_stopping(void);

/* Another line of status. */
void notify_status(const char *status);

/* Half the watchdog's interval in milliseconds, at least 1; 0 when there is none, or it is not this
 * process's. */
int64_t notify_feed_ms(void);

/* Feeds the watchdog when half its interval has gone by since the last time: for loops that are not a
 * bb_loop. `now_ms` is of the monotonic clock, from 1. */
void notify_feed(int64_t now_ms);

#endif
