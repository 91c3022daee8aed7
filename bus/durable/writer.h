/* Writes the durable log in a thread of its own, because a disk takes milliseconds and the broker's loop has
 * none to give. What waits while one batch is written becomes the next batch: one commit for all of it. */
#ifndef BUS_DURABLE_WRITER_H
#define BUS_DURABLE_WRITER_H

#include "bus/durable/log.h"

/* One batch, at most. */
#define DURABLE_BATCH_JOBS  4096
#define DURABLE_BATCH_BYTES (8 * 1024 * 1024)

enum durable_kind { DURABLE_APPEND, DURABLE_REGISTER, DURABLE_ACKNOWLEDGE, DURABLE_DROP };

/* Something to be done, in the memory of who wants it, until it is done. */
struct durable_job {
    struct durable_job *next;
    enum durable_kind kind;
    struct durable_message message; /* DURABLE_APPEND; its texts stay where they are */
    struct durable_name *name;      /* all others: at least its name */
    enum durable_from from;         /* DURABLE_REGISTER */
    int64_t value;
    uint64_t offset;    /* DURABLE_ACKNOWLEDGE */
    enum status status; /* then: how it went */
    char reason[160];
};

/* How the log stands. */
struct durable_view {
    struct durable_name names[DURABLE_NAMES_MAX];
    struct durable_stream streams[4 * DURABLE_POLICIES_MAX];
    size_t name_count, stream_count;
    uint64_t last, commits, failures;
};

struct durable_writer;

/* Opens the log and starts the thread, with the signals blocked that the caller has blocked. As
 * durable_log_open. */
BB_MUST_CHECK enum status durable_writer_open(const char *path, const struct durable_policy *policies,
                                              size_t count, struct durable_writer **out,
                                              struct bb_reason *reason);

/* Does what waits and ends the thread. */
void durable_writer_stop(struct durable_writer *writer);

/* Closes the log; stopped before. Accepts NULL. */
void durable_writer_close(struct durable_writer *writer);

/* A descriptor that can be read when something is done. */
int durable_writer_fd(const struct durable_writer *writer);

/* Hands over a job. */
void durable_writer_put(struct durable_writer *writer, struct durable_job *job);

/* Takes what is done, in the order in which it was handed over; NULL: nothing. */
struct durable_job *durable_writer_done(struct durable_writer *writer);

/* A copy of a name's state as of the last commit; false: there is none. */
bool durable_writer_find(struct durable_writer *writer, const char *name, struct durable_name *out);

/* A copy of everything as of the last commit, malloc'd. */
struct durable_view *durable_writer_view(struct durable_writer *writer);

#endif
