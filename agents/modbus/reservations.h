/* Reservations on the bus: asked for, announced, preempted, ended. */
#ifndef AGENTS_MODBUS_RESERVATIONS_H
#define AGENTS_MODBUS_RESERVATIONS_H

#include <busbar/serve.h>
#include <jansson.h>

struct agent;

/* Begins to watch who leaves the bus. BB_EXISTS. */
BB_MUST_CHECK enum status reservations_open(struct agent *agent);

/* request_new_schedule: {"result":"SUCCESS" or "FAILURE","info","data"}; who calls is the owner. */
void reservations_request(struct agent *agent, struct bb_pending *pending, const char *caller,
                          const json_t *task_id, const json_t *priority, const json_t *requests);

/* request_cancel_schedule. */
void reservations_cancel(struct agent *agent, struct bb_pending *pending, const char *caller,
                         const json_t *task_id);

/* Looks who holds what now: tells, puts back what is over, and sets the timer for the next change. */
void reservations_update(struct agent *agent);

/* Ends all of them without a word, and the timer. */
void reservations_close(struct agent *agent);

#endif
