/* The event loop of a process on the bus: timers, file descriptors and signals, in one thread. Handlers run
 * one at a time and must not block. SIGINT and SIGTERM arrive as an event that ends bb_loop_run. */
#ifndef BUSBAR_LOOP_H
#define BUSBAR_LOOP_H

#include <busbar/status.h>
#include <stdint.h>

struct bb_loop;

/* Called when a timer has come or a descriptor is ready. */
typedef void bb_handler(void *context);

/* A loop that has SIGINT, SIGTERM and SIGHUP blocked and read as events. BB_IO. One per process. */
BB_MUST_CHECK enum status bb_loop_open(struct bb_loop **out);

/* Accepts NULL. Clients and watches of the loop must be closed before. */
void bb_loop_close(struct bb_loop *loop);

/* Runs handlers until bb_loop_stop or a signal: BB_OK after stop, BB_INTERRUPTED after SIGINT or SIGTERM. */
BB_MUST_CHECK enum status bb_loop_run(struct bb_loop *loop);

/* Makes bb_loop_run return BB_OK after the present handler. */
void bb_loop_stop(struct bb_loop *loop);

/* Calls `handler` every `period_ms` (repeat) or once after it; the id for bb_loop_cancel. BB_FULL. */
BB_MUST_CHECK enum status bb_loop_every(struct bb_loop *loop, uint32_t period_ms, bb_handler *handler,
                                        void *context, int *id_out);
BB_MUST_CHECK enum status bb_loop_after(struct bb_loop *loop, uint32_t delay_ms, bb_handler *handler,
                                        void *context, int *id_out);

/* Forgets a timer; an id that has run out is ignored. */
void bb_loop_cancel(struct bb_loop *loop, int id);

/* Calls `handler` when `fd` can be read (or written, if `writable`), or has failed. One watch per fd.
 * BB_EXISTS, BB_FULL. */
BB_MUST_CHECK enum status bb_loop_watch(struct bb_loop *loop, int fd, int writable, bb_handler *handler,
                                        void *context);
void bb_loop_unwatch(struct bb_loop *loop, int fd);

/* Calls `handler` on SIGHUP (reload). NULL ignores it, as at the start. */
void bb_loop_on_hangup(struct bb_loop *loop, bb_handler *handler, void *context);

/* Milliseconds of the monotonic clock, and of the wall clock since 1970. */
int64_t bb_loop_mono_ms(void);
int64_t bb_loop_wall_ms(void);

#endif
