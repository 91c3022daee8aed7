/* The two threads beside the historian's loop, because disks and servers take their time and the loop has
 * none to give. The keeper writes batches to the spool: what it has written is safe. The other one takes the
 * spool's batches in their order to the target, answers questions in between, and does the maintenance when
 * nothing waits. Both share the spool alone, which has a lock of its own. */
#ifndef AGENTS_HISTORIAN_WORKER_H
#define AGENTS_HISTORIAN_WORKER_H

#include "agents/historian/answer.h"
#include "agents/historian/spool.h"

struct worker;

struct worker_settings {
    const struct target_ops *ops;
    const struct target_settings *target;
    const struct rules *rules;
    const char *spool;
    uint64_t spool_bytes, memory_bytes;
    uint32_t series_max, retry_min_ms, retry_max_ms;
    uint64_t seed;
};

/* A question under way, malloc'd by who asks. */
struct worker_question {
    struct worker_question *next;
    answer_method *method;
    char *params; /* malloc'd; NULL: none */
    void *context;
    enum status status;
    char *json; /* NULL before; BB_OK: malloc'd */
    struct bb_reason reason;
};

/* How it stands. */
struct worker_view {
    uint64_t memory_batches, memory_bytes, memory_dropped; /* the last in readings */
    struct spool_counts spool;
    bool connected, spool_failing;
    struct bb_reason target_reason, spool_reason; /* of the last failure */
    uint64_t written, too_old, too_many, refused, aggregated, trimmed, series, connections, failures;
    int64_t safe_mark; /* of the newest batch that is on the disk, with all before it */
};

/* Opens the spool and starts the threads, with the signals blocked that the caller has blocked. As
 * spool_open; the target may be away. Everything in the settings is borrowed. */
BB_MUST_CHECK enum status worker_open(const struct worker_settings *settings, struct worker **out,
                                      struct bb_reason *reason);

/* Writes to the spool what waits, unless the spool refuses it, ends the threads and closes. Questions that
 * nobody has taken are freed. Accepts NULL. */
void worker_close(struct worker *worker);

/* A descriptor that can be read when something has changed. */
int worker_fd(const struct worker *worker);

/* Hands over a batch, whose data is taken over; `mark` grows from batch to batch, 0: none. False: there is no
 * room in memory, and it still belongs to the caller. With `force` the oldest waiting one goes instead. */
BB_MUST_CHECK bool worker_put(struct worker *worker, uint8_t *data, size_t size, uint32_t readings,
                              int64_t mark, bool force);

/* Hands over a question, until worker_answered gives it back. */
void worker_ask(struct worker *worker, struct worker_question *question);

/* A question that is answered; NULL: none. */
struct worker_question *worker_answered(struct worker *worker);

/* How it stands now. */
void worker_look(struct worker *worker, struct worker_view *out);

#endif
