/* Work with large files in a thread of its own, one job each, so that the loop goes on. */
#ifndef AGENTS_HOST_MOVE_JOB_H
#define AGENTS_HOST_MOVE_JOB_H

#include "agents/host/move.h"
#include "agents/host/parcel.h"

#include <busbar/limits.h>
#include <busbar/loop.h>

struct move_job;

/* What a job has come to. */
struct move_job_end {
    char id[MOVE_ID_SIZE];
    bool packs;
    enum status status;
    struct bb_reason reason;
    int64_t size; /* of a packed parcel */
    char sha256[PARCEL_SHA256_SIZE];
};

/* Called in the loop, once for each job that was not stopped. */
typedef void move_job_on_end(void *context, const struct move_job_end *end);

/* The jobs of one process. */
struct move_jobs;

/* BB_IO, BB_FULL. */
BB_MUST_CHECK enum status move_job_open(struct bb_loop *loop, move_job_on_end *on_end, void *context,
                                        struct move_jobs **out);

/* Stops all and waits for them. Accepts NULL. */
void move_job_close(struct move_jobs *jobs);

/* Packs (`about` not NULL; texts are copied): parcel_pack of bundle, about and state to `parcel`. Otherwise
 * unpacks `parcel`, which is to have `sha256`, to the folder `state`. BB_IO: no thread. */
BB_MUST_CHECK enum status move_job_pack(struct move_jobs *jobs, const char *id, const char *bundle,
                                        const char *about, const char *state, const char *parcel);
BB_MUST_CHECK enum status move_job_unpack(struct move_jobs *jobs, const char *id, const char *parcel,
                                          const char *sha256, const char *folder);

/* Stops the job of that move, if there is one, and waits for it: at most for a piece of a file or a hash. */
void move_job_stop(struct move_jobs *jobs, const char *id);

#endif
