/* From messages to batches. */
#include "agents/historian/agent.h"

#include "bus/client/log.h"

#include <stdio.h>
#include <stdlib.h>

#define COMPLAIN_MS 10000
/* A batch is handed over when it is so large, whatever its readings. */
#define BATCH_BYTES (512 * 1024)

static void complain(struct agent *a, const char *topic, const char *why)
{
    int64_t now = bb_loop_mono_ms();
    a->counts.malformed++;
    snprintf(a->last_fault, sizeof a->last_fault, "%.120s: %.100s", topic, why);
    if (a->complained_ms != 0 && now - a->complained_ms < COMPLAIN_MS)
        return;
    log_warning("message-malformed", LOG_TEXT("topic", topic), LOG_TEXT("reason", why),
                LOG_INT("messages", a->counts.malformed - a->complaints));
    a->complained_ms = now;
    a->complaints = a->counts.malformed;
}

static void on_batch_time(void *context)
{
    struct agent *a = context;
    a->batch_timed = false;
    (void)agent_flush(a);
}

static void start_timer(struct agent *a)
{
    if (!a->batch_timed)
        a->batch_timed = bb_loop_after(a->loop, (uint32_t)a->settings->batch_ms, on_batch_time, a,
                                       &a->batch_timer) == BB_OK;
}

/* Hands over what is held. Without a durable subscriber nobody would send it again: then the oldest goes. */
static bool put_held(struct agent *a)
{
    bool force = a->settings->durable[0] == '\0';
    if (a->held.data == NULL)
        return true;
    if (!worker_put(a->worker, a->held.data, a->held.size, a->held.readings, a->held.mark, force))
        return false;
    a->held.data = NULL;
    return true;
}

bool agent_flush(struct agent *a)
{
    bool put = put_held(a);
    if (put && a->batch.readings > 0) {
        a->held.data = batch_take(&a->batch, &a->held.size, &a->held.readings);
        a->held.mark = a->batch_mark;
        a->batch_mark = 0;
        put = put_held(a);
    }
    if (!put)
        start_timer(a);
    return put;
}

/* One message may hold more than a batch: what is full is handed over in between. Its mark comes with the
 * last of it. */
static void on_reading(void *context, const struct reading *reading)
{
    struct agent *a = context;
    if (a->batch.size >= BATCH_BYTES || a->batch.series == BATCH_SERIES_MAX)
        (void)agent_flush(a);
    if (batch_add(&a->batch, reading) != BB_OK)
        a->counts.left_out++;
}

/* The batch is to be handed over now. */
static bool is_full(const struct agent *a)
{
    return a->batch.readings >= (uint32_t)a->settings->batch_readings || a->batch.size >= BATCH_BYTES;
}

enum status agent_take(struct agent *a, const struct reading_source *source, int64_t mark)
{
    if ((a->held.data != NULL || is_full(a)) && !agent_flush(a))
        return BB_FULL;
    struct reading_outcome outcome = reading_extract(source, on_reading, a);
    a->counts.messages++;
    a->counts.readings += outcome.readings;
    a->counts.left_out += outcome.left_out;
    a->counts.skipped += outcome.skipped;
    a->counts.undated += outcome.undated;
    if (outcome.fault != NULL)
        complain(a, source->topic, outcome.fault);
    if (mark > 0)
        a->batch_mark = mark;
    if (is_full(a))
        (void)agent_flush(a);
    else if (a->batch.readings > 0)
        start_timer(a);
    return BB_OK;
}
