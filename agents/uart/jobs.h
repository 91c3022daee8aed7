/* What is asked of a machine and answered when the machine has done it: a restart, another file of its own,
 * its log. One at a time for each machine. */
#ifndef AGENTS_UART_JOBS_H
#define AGENTS_UART_JOBS_H

#include "agents/uart/machine.h"

#include <busbar/serve.h>

/* Begins a job for a call on a machine that is up; `job` has kind and particulars, its text is then the
 * machine's. Answers the call at once when the machine has a job already or no card. */
void jobs_start(struct machine *m, struct bb_pending *pending, const struct job *job);

/* Sends what is due, and ends what has taken too long. */
void jobs_pump(struct machine *m);
int64_t jobs_due(const struct machine *m);

/* A HELLO has come on `line`: the restart that a machine's job waits for, when the session is another. */
void jobs_hello(struct machine *m, const struct line *line, const struct link_hello *hello);

/* The machine has told its slots, in m->slots: whether the image of the other slot has come up. */
void jobs_slots(struct machine *m);

/* The machine has refused with this sentence: true when that was about its job, which has ended. */
bool jobs_refuse(struct machine *m, const char *sentence);

/* A line of the log: true when it belongs to what a job has asked for. One that the board says just then may
 * be among them. */
bool jobs_log(struct machine *m, const char *text);

/* Frees what a job holds; its call is not answered any more. */
void jobs_drop(struct machine *m);

#endif
