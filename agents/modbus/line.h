/* A line: one connection, or one fake device, with a thread of its own that does the jobs of its devices, one
 * after the other. A device that is slow or dead delays those on its own line at most. Jobs come from and go
 * back to the loop's thread; nothing else is shared. */
#ifndef AGENTS_MODBUS_LINE_H
#define AGENTS_MODBUS_LINE_H

#include "agents/modbus/fake.h"
#include "agents/modbus/port.h"

#include <busbar/loop.h>

/* Jobs that wait, beyond the one that is done, and steps in all of them (270 bytes each). */
#define LINE_JOBS_MAX  1024
#define LINE_STEPS_MAX 65536

struct line;

/* Where the jobs of all lines come back. */
struct line_harbour;

/* BB_IO, BB_FULL. */
BB_MUST_CHECK enum status line_harbour_open(struct bb_loop *loop, struct line_harbour **out);

/* Gives back what is left. Lines must be closed before. Accepts NULL. */
void line_harbour_close(struct line_harbour *harbour);

/* Starts the thread of a line; a fake (taken over) or a place. BB_IO, BB_FULL: no thread, no memory. */
BB_MUST_CHECK enum status line_open(struct line_harbour *harbour, const struct port_place *place,
                                    struct fake *fake, struct line **out);

/* Asks the thread to end, so that those of several lines end at one time. */
void line_stop(struct line *line);

/* Ends the thread once the step that is under way is over; jobs that wait come back undone. Accepts NULL. */
void line_close(struct line *line);

/* A job with room for `count` steps, zeroed. NULL: no memory. */
struct job *line_job(size_t count);

/* Hands a job over; it comes back by its `done`, exactly once. BB_FULL: it is still the caller's. */
BB_MUST_CHECK enum status line_submit(struct line *line, struct job *job);

/* Does a job in the caller's thread, without a line. */
void line_run(struct port *port, struct job *job);

#endif
