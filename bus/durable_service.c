#include "bus/durable_service.h"

#include "bus/client/log.h"
#include "bus/core/held.h"
#include "bus/durable_state.h"
#include "bus/plain.h"
#include "bus/settings.h"
#include "bus/state.h"

#include <busbar/check.h>
#include <busbar/loop.h>
#include <stdlib.h>

/* errno values of Linux, as VIP's error frames have them. */
#define NUMBER_IO      "5"
#define NUMBER_NOSPACE "28"
#define NUMBER_NOBUFS  "105"

/* A publish that waits for the disk. */
struct held {
    struct durable_job job; /* first: what the writer gives back is it */
    bool plain;
    uint32_t count;
    size_t size;
    char sender[BB_IDENTITY_MAX + 1];
    struct bytes frames[]; /* count, and behind them their bytes */
};

/* -- opening -------------------------------------------------------------------------------------------- */

static enum status read_policies(struct durable *d, const struct setting_list *list, struct bb_reason *reason)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < list->count && status == BB_OK; i++)
        status = durable_policy_read(list->items[i], &d->policies[d->policy_count++], reason);
    return status;
}

enum status durable_open(struct broker *broker, struct durable **out, struct bb_reason *reason)
{
    const struct setting_list *list = &broker->settings->durable;
    char path[BB_PATH_MAX];
    if (list->count == 0)
        return BB_OK;
    CHECK(list->count <= DURABLE_POLICIES_MAX);
    struct durable *d = calloc(1, sizeof *d);
    CHECK(d != NULL);
    d->broker = broker;
    enum status status = read_policies(d, list, reason);
    if (status == BB_OK)
        status = config_home(broker->settings->home, "durable.db", path, sizeof path);
    if (status == BB_OK)
        status = durable_writer_open(path, d->policies, d->policy_count, &d->writer, reason);
    if (status == BB_OK)
        status = durable_reader_open(path, &d->reader, reason);
    if (status != BB_OK) {
        durable_close(d);
        return status;
    }
    for (size_t i = 0; i < d->policy_count; i++)
        held_add(broker->router, (struct bytes){d->policies[i].prefix, d->policies[i].size});
    *out = d;
    return BB_OK;
}

static void free_held(struct durable *d, struct held *held)
{
    d->held--;
    d->held_bytes -= held->size;
    free(held);
}

void durable_close(struct durable *d)
{
    if (d == NULL)
        return;
    if (d->writer != NULL) {
        durable_writer_stop(d->writer);
        struct durable_job *job = durable_writer_done(d->writer);
        while (job != NULL) {
            struct durable_job *next = job->next;
            if (job->kind == DURABLE_APPEND)
                free_held(d, (struct held *)(void *)job);
            else
                free(job);
            job = next;
        }
    }
    durable_reader_close(d->reader);
    durable_writer_close(d->writer);
    free(d);
}

int durable_fd(const struct durable *d)
{
    return d == NULL ? -1 : durable_writer_fd(d->writer);
}

/* -- holding -------------------------------------------------------------------------------------------- */

/* A copy of frames[count] in one block. */
static struct held *held_of(const struct bytes *frames, uint32_t count)
{
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++)
        size += frames[i].size;
    struct held *held = malloc(sizeof *held + count * sizeof *held->frames + size);
    CHECK(held != NULL);
    *held = (struct held){.count = count, .size = size};
    uint8_t *to = (uint8_t *)(held->frames + count);
    for (uint32_t i = 0; i < count; i++) {
        if (frames[i].size > 0)
            memcpy(to, frames[i].data, frames[i].size);
        held->frames[i] = (struct bytes){to, frames[i].size};
        to += frames[i].size;
    }
    return held;
}

/* The copy of `part`, which lies within the frame `before`, in the copy of that frame. */
static struct bytes copied(struct bytes copy, struct bytes before, struct bytes part)
{
    if (part.size == 0)
        return (struct bytes){NULL, 0};
    return (struct bytes){copy.data + (part.data - before.data), part.size};
}

/* Copies frames[count], of which `topic` and `envelope` are two, and hands the publish to the writer. */
static void hold(struct durable *d, const struct bytes *frames, uint32_t count, uint32_t topic,
                 uint32_t envelope, bool plain)
{
    const struct router_out *out = d->broker->out;
    struct held *held = held_of(frames, count);
    held->plain = plain;
    snprintf(held->sender, sizeof held->sender, "%.*s", (int)out->sender.size,
             (const char *)out->sender.data);
    held->job.kind = DURABLE_APPEND;
    held->job.message = (struct durable_message){
        .time_ms = bb_loop_wall_ms(),
        .topic = held->frames[topic],
        .sender = bytes_of(held->sender),
        .headers = copied(held->frames[envelope], frames[envelope], out->envelope.headers),
        .message = copied(held->frames[envelope], frames[envelope], out->envelope.message)};
    d->held++;
    d->held_bytes += held->size;
    durable_writer_put(d->writer, &held->job);
}

static bool has_room(const struct durable *d)
{
    return d->held < DURABLE_HELD_MAX && d->held_bytes < DURABLE_HELD_BYTES;
}

static void refuse(struct durable *d, const struct router_in *in, const char *number, const char *why)
{
    struct broker *b = d->broker;
    d->refused++;
    held_refuse(b->router, in, number, bytes_of(why), b->out);
    (void)post_send(b->post, b->out, in->frames);
}

void durable_hold(struct durable *d, const struct router_in *in)
{
    enum { TOPIC = 7, ENVELOPE = 8 };
    CHECK(in->count > ENVELOPE);
    if (has_room(d))
        hold(d, in->frames, (uint32_t)in->count, TOPIC, ENVELOPE, false);
    else
        refuse(d, in, NUMBER_NOBUFS, "too many messages wait for the disk");
}

void durable_hold_plain(struct durable *d, struct bytes topic, struct bytes body)
{
    const struct bytes frames[] = {topic, body};
    if (has_room(d)) {
        hold(d, frames, 2, 0, 1, true);
        return;
    }
    d->refused++;
    d->broker->plain_refused++;
}

/* -- going on ------------------------------------------------------------------------------------------- */

/* Those who wait for such a message are due. */
static void mark_due(struct durable *d, struct bytes topic)
{
    for (uint32_t i = 0; i < d->waiting_count; i++) {
        struct durable_waiting *waiting = &d->waiting[i];
        waiting->due = waiting->due || durable_prefixes_match(&waiting->name.prefixes, topic);
    }
}

static void publish(struct durable *d, struct held *held, const struct router_in *in)
{
    struct broker *b = d->broker;
    d->kept++;
    mark_due(d, held->job.message.topic);
    if (held->plain)
        held_deliver(b->router, held->frames[0], held->frames[1], bytes_of(held->sender), b->out);
    else
        held_resume(b->router, in, b->out);
    (void)post_send(b->post, b->out, held->frames);
    if (b->out->published)
        plain_published(b);
}

/* Says once that the disk does not take messages, and once that it does again. */
static void tell(struct durable *d, const struct durable_job *job)
{
    bool failing = job->status != BB_OK;
    if (failing != d->failing && failing)
        log_error("durable-refused", LOG_TEXT("reason", job->reason),
                  LOG_TEXT("hint", "publishes to durable topics are refused until the disk takes them"));
    else if (failing != d->failing)
        log_info("durable-kept", LOG_TEXT("reason", "the disk takes messages again"));
    d->failing = failing;
}

static void go_on(struct durable *d, struct held *held)
{
    struct router_in in = {held->frames, held->count, ACCESS_OPEN, d->broker->now_ms, true};
    tell(d, &held->job);
    if (held->job.status == BB_OK) {
        publish(d, held, &in);
    } else if (held->plain) {
        d->refused++;
        d->broker->plain_refused++;
    } else {
        char why[256];
        bool full = held->job.status == BB_FULL;
        snprintf(why, sizeof why, "the message could not be kept: %s", held->job.reason);
        refuse(d, &in, full ? NUMBER_NOSPACE : NUMBER_IO, why);
    }
    free_held(d, held);
}

void durable_serve(struct durable *d)
{
    struct durable_job *job = durable_writer_done(d->writer);
    while (job != NULL) {
        struct durable_job *next = job->next;
        if (job->kind == DURABLE_APPEND)
            go_on(d, (struct held *)(void *)job);
        else
            durable_methods_done(d, job);
        job = next;
    }
    durable_methods_wake(d);
}

bool durable_is_failing(const struct durable *d)
{
    return d->failing;
}

void durable_tick(struct durable *d)
{
    if (d != NULL)
        durable_methods_wake(d);
}
