/* What the loop offers to the processes of this project beyond <busbar/loop.h>: ZeroMQ sockets, and single
 * turns for calls that wait. */
#ifndef BUS_CLIENT_TURN_H
#define BUS_CLIENT_TURN_H

#include <busbar/loop.h>
#include <stdbool.h>
#include <stdint.h>

/* Calls `handler` when a message can be read from `socket`, again in every turn until none is left: level-
 * triggered, whatever ZMQ_FD does. A handler may read a bounded number and return. BB_EXISTS, BB_FULL. */
BB_MUST_CHECK enum status bb_loop_watch_socket(struct bb_loop *loop, void *socket, bb_handler *handler,
                                               void *context);

/* Forgets a socket; must come before the socket is closed. Unknown ones are ignored. */
void bb_loop_unwatch_socket(struct bb_loop *loop, void *socket);

/* Also calls the handler of the watched `fd` when it can be written (on), or no longer (off). Unknown ones
 * are ignored. */
void bb_loop_want_output(struct bb_loop *loop, int fd, bool on);

/* One turn: waits at most `wait_ms` (0: not at all) for something to happen, and runs what is ready. May be
 * called from within a handler. BB_INTERRUPTED after SIGINT or SIGTERM (then bb_loop_run ends too). */
BB_MUST_CHECK enum status bb_loop_turn(struct bb_loop *loop, int64_t wait_ms);

#endif
