/* The private members of the desk, shared by move_desk.c (both sides), move_desk_give.c and move_desk_take.c.
 */
#ifndef AGENTS_HOST_MOVE_DESK_STATE_H
#define AGENTS_HOST_MOVE_DESK_STATE_H

#include "agents/host/install.h"
#include "agents/host/move_desk.h"
#include "agents/host/move_job.h"

struct move_waiter;
struct move_stop;

struct move_desk {
    struct host *host;
    char name[MOVE_PLATFORM_SIZE]; /* of this platform */
    struct moves *moves;
    struct moves_world world;
    struct move_jobs *jobs;
    struct move_waiter *waiters;
    struct move_stop *stops;
    int timer, soon; /* 0: not set */
};

/* <home>/agents/moves/<id><ending>. path_out[BB_PATH_MAX]. Returns it. */
char *move_desk_path(const struct move_desk *desk, const char *id, const char *ending, char *path_out);

/* The open folder <home>/agents/moves, made when it is not there. BB_IO. */
BB_MUST_CHECK enum status move_desk_folder(const struct move_desk *desk, int *fd_out,
                                           struct bb_reason *reason);

/* Removes the parcel of a move, and what was unpacked of it. BB_IO. */
BB_MUST_CHECK enum status move_desk_sweep(const struct move_desk *desk, const char *id,
                                          struct bb_reason *reason);

/* The parts of struct moves_world that one side has; and the end of a job. */
void move_desk_give(struct moves_world *world);
void move_desk_take(struct moves_world *world);
void move_desk_packed(struct move_desk *desk, const struct move_job_end *end);
void move_desk_unpacked(struct move_desk *desk, const struct move_job_end *end);

#endif
