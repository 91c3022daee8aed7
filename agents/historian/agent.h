/* The historian on the bus: takes messages, makes batches, hands them to the worker's threads, carries
 * questions to them and answers back, says what goes wrong. */
#ifndef AGENTS_HISTORIAN_AGENT_H
#define AGENTS_HISTORIAN_AGENT_H

#include "agents/historian/batch.h"
#include "agents/historian/settings.h"
#include "agents/historian/worker.h"

#include <busbar/durable.h>

enum agent_alert {
    ALERT_TARGET_AWAY,
    ALERT_CACHE_FULL,
    ALERT_CACHE_FAILED,
    ALERT_REFUSED,
    ALERT_SERIES,
    ALERTS
};

struct agent_counts {
    uint64_t messages, readings, left_out, malformed, skipped, undated;
};

struct agent {
    struct bb_loop *loop;
    struct bb_client *client;
    const struct settings *settings; /* borrowed */
    struct worker *worker;
    struct bb_durable *durable; /* NULL: plain subscriptions */
    struct batch batch;
    int64_t batch_mark; /* the newest durable offset in the batch */
    struct {
        uint8_t *data; /* NULL: nothing */
        size_t size;
        uint32_t readings;
        int64_t mark;
    } held; /* a batch for which there was no room */
    bool batch_timed, target_told;
    int batch_timer, tick_timer;
    bool closing;
    struct agent_counts counts;
    uint64_t questions;
    int64_t complained_ms, started_ms;
    uint64_t complaints; /* malformed messages when it was last told */
    struct worker_view seen;
    int64_t alerted_ms[ALERTS];
    char last_fault[256];
};

/* Opens the cache, starts the threads, serves, subscribes. The target may be away. */
BB_MUST_CHECK enum status agent_open(struct agent *agent, struct bb_loop *loop, struct bb_client *client,
                                     const struct settings *settings, const struct target_settings *target,
                                     const struct rules *rules, struct bb_reason *reason);

/* Writes what is in memory to the cache, as far as it takes it, and ends. */
void agent_close(struct agent *agent);

/* Takes a message (agent_intake.c). `mark`: its durable offset, 0: none. BB_FULL: no room, nothing was
 * taken; only with a durable subscriber. */
BB_MUST_CHECK enum status agent_take(struct agent *agent, const struct reading_source *source, int64_t mark);

/* Hands the batch over. False: there is no room, and it is held; only with a durable subscriber. */
bool agent_flush(struct agent *agent);

/* Looks at what the threads did: log, alerts (agent_watch.c). */
void agent_watch(struct agent *agent);

/* Its state as JSON, malloc'd: the answer of `status`. */
char *agent_status(struct agent *agent);

#endif
