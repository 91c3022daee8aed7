#include "agents/federation/inbound.h"

#include "agents/federation/cargo.h"
#include "agents/federation/crossed.h"
#include "agents/federation/recent.h"
#include "bus/client/config.h"
#include "bus/client/log.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_MAX   256
#define PUBLISH_MS 10000

/* A message of the batch. */
struct row {
    struct link *link;
    int64_t offset, time_ms;
    char origin[RULES_NAME_SIZE];
    uint64_t number, incarnation; /* at its origin */
    bool settled;                 /* on the bus here, or not for it */
};

struct inbound {
    struct bb_pending *pending; /* who is to be told */
    bool busy;
    int64_t stream;
    struct row rows[ROWS_MAX];
    size_t count, open; /* of the rows, and how many the broker has not answered */
    enum status failed; /* why the first unsettled row is; BB_OK */
    uint64_t received, again, unwanted, refused;
    struct bb_reason reason; /* of the last failure; "" */
};

void inbound_begin(struct agent *agent, const char *home)
{
    struct bb_reason reason = {"there is no home"};
    char path[BB_PATH_MAX];
    agent->recent = calloc(1, sizeof *agent->recent);
    agent->crossed = calloc(1, sizeof *agent->crossed);
    CHECK(agent->recent != NULL && agent->crossed != NULL);
    enum status status = config_home(home, "federation-crossed.json", path, sizeof path);
    if (status == BB_OK)
        status = crossed_load(agent->crossed, path, &reason);
    if (status != BB_OK)
        log_warning("crossed-not-read", LOG_TEXT("reason", reason.text),
                    LOG_TEXT("hint", "durable messages that are here already may come again"));
}

void inbound_end(struct agent *agent)
{
    free(agent->recent);
    free(agent->crossed);
}

struct inbound *inbound_open(struct link *link)
{
    struct inbound *in = calloc(1, sizeof *in);
    CHECK(in != NULL);
    for (size_t i = 0; i < ROWS_MAX; i++)
        in->rows[i].link = link;
    return in;
}

void inbound_close(struct inbound *in)
{
    free(in);
}

/* -- the end of a batch --------------------------------------------------------------------------------- */

/* Notes how far it came without a gap. */
static void note_position(struct link *link)
{
    struct inbound *in = link->inbound;
    struct agent *agent = link->agent;
    struct crossed_mark *mark = crossed_of(agent->crossed, link->set->platform);
    struct bb_reason reason = {""};
    size_t settled = 0;
    for (; settled < in->count && in->rows[settled].settled; settled++)
        if (!crossed_knows(mark, in->stream, in->rows[settled].offset, in->rows[settled].time_ms))
            crossed_note(mark, in->stream, in->rows[settled].offset, in->rows[settled].time_ms);
    if (settled > 0 && crossed_save(agent->crossed, &reason) != BB_OK && !agent->told_unsaved) {
        log_warning("crossed-not-saved", LOG_TEXT("reason", reason.text),
                    LOG_TEXT("hint", "after a restart durable messages may come again"));
        agent->told_unsaved = true;
    }
}

static void answer(struct inbound *in, enum status status, const char *text)
{
    struct bb_pending *pending = in->pending;
    in->pending = NULL;
    if (pending != NULL)
        bb_answer(pending, status, text);
}

static void end_batch(struct link *link)
{
    struct inbound *in = link->inbound;
    note_position(link);
    in->busy = false;
    if (in->failed == BB_OK) {
        in->reason.text[0] = '\0';
        answer(in, BB_OK, "true");
    } else {
        answer(in, in->failed, in->reason.text);
    }
}

/* -- publishing ----------------------------------------------------------------------------------------- */

/* What does not go on by itself is told as it is; the rest is to be tried again. */
static void fail(struct link *link, enum status status)
{
    struct inbound *in = link->inbound;
    const char *why = bb_client_reason(link->agent->own);
    bool refused = status == BB_DENIED || status == BB_REMOTE;
    in->failed = refused ? BB_DENIED : BB_UNREACHABLE;
    if (refused && strcmp(in->reason.text, why) != 0)
        log_warning("durable-refused", LOG_TEXT("platform", link->set->platform), LOG_TEXT("reason", why));
    bb_reason_say(&in->reason, "%s", why);
}

static void on_told(void *context, enum status status, const char *json)
{
    struct row *row = context;
    struct link *link = row->link;
    struct inbound *in = link->inbound;
    (void)json;
    row->settled = status == BB_OK;
    if (status == BB_OK) {
        in->received++;
        if (row->number > 0)
            recent_add(link->agent->recent, row->origin, row->number, row->incarnation);
    } else {
        fail(link, status);
    }
    if (--in->open == 0)
        end_batch(link);
}

/* True when the message is being published at this moment, having come over another link. */
static bool is_on_its_way(const struct agent *agent, const struct link *link, const struct cargo *cargo)
{
    for (size_t i = 0; i < agent->link_count && cargo->number > 0; i++) {
        const struct inbound *in = agent->links[i].inbound;
        for (size_t k = 0; in->busy && &agent->links[i] != link && k < in->count; k++)
            if (in->rows[k].number == cargo->number && in->rows[k].incarnation == cargo->incarnation &&
                strcmp(in->rows[k].origin, cargo->origin) == 0)
                return true;
    }
    return false;
}

/* Publishes; false: the broker does not take more, the rest of the batch must come again. */
static bool publish(struct link *link, const struct cargo *cargo, struct row *row)
{
    struct inbound *in = link->inbound;
    char *headers = cargo_headers(cargo, true);
    enum status status = headers == NULL ? BB_RANGE
                                         : bb_publish_told(link->agent->own, cargo->sender, cargo->topic,
                                                           headers, cargo->message, PUBLISH_MS, on_told, row);
    free(headers);
    in->open += status == BB_OK;
    if (status == BB_RANGE) {
        in->refused++;
        row->settled = true;
    } else if (status != BB_OK) {
        fail(link, status);
    }
    return status == BB_OK || status == BB_RANGE;
}

/* -- receiving ------------------------------------------------------------------------------------------ */

/* What is not to be published counts as settled. */
static bool is_for_us(struct link *link, const struct cargo *cargo, const struct row *row)
{
    struct inbound *in = link->inbound;
    struct agent *agent = link->agent;
    const struct crossed_mark *mark = crossed_of(agent->crossed, link->set->platform);
    uint64_t *count = NULL;
    if (cargo == NULL)
        count = &in->refused;
    else if (!rules_covers(&link->set->imports, cargo->topic))
        count = &in->unwanted;
    else if (crossed_knows(mark, in->stream, row->offset, row->time_ms) ||
             rules_passed(&cargo->way, agent->settings->platform) ||
             (cargo->number > 0 &&
              recent_has(agent->recent, cargo->origin, cargo->number, cargo->incarnation)))
        count = &in->again;
    if (count != NULL)
        ++*count;
    return count == NULL;
}

static bool take_row(struct link *link, const json_t *item, struct row *row)
{
    struct inbound *in = link->inbound;
    struct cargo *cargo = cargo_read(link, item);
    bool goes_on = true;
    row->settled = !is_for_us(link, cargo, row);
    if (!row->settled) {
        snprintf(row->origin, sizeof row->origin, "%s", cargo->origin);
        row->number = cargo->number;
        row->incarnation = cargo->incarnation;
        goes_on = !is_on_its_way(link->agent, link, cargo);
        if (goes_on)
            goes_on = publish(link, cargo, row);
        else
            in->failed = BB_FULL;
    }
    queue_release(cargo);
    return goes_on;
}

/* Reads where each message stands in the other side's log; false: that is no such batch. */
static bool read_positions(struct inbound *in, const json_t *batch)
{
    const json_t *list = json_object_get(batch, "messages"), *item;
    int64_t before = 0;
    size_t i;
    in->stream = json_integer_value(json_object_get(batch, "stream"));
    if (in->stream < 1 || !json_is_array(list) || json_array_size(list) > ROWS_MAX)
        return false;
    json_array_foreach(list, i, item)
    {
        struct row *row = &in->rows[i];
        row->offset = json_integer_value(json_object_get(item, "offset"));
        row->time_ms = json_integer_value(json_object_get(item, "time_ms"));
        row->settled = false;
        row->number = 0;
        if (row->offset <= before || row->time_ms < 0)
            return false;
        before = row->offset;
    }
    in->count = json_array_size(list);
    return true;
}

static void take_batch(struct link *link, const json_t *list)
{
    struct inbound *in = link->inbound;
    in->busy = true;
    in->failed = BB_OK;
    in->open = 1; /* this loop */
    for (size_t i = 0; i < in->count; i++)
        if (!take_row(link, json_array_get(list, i), &in->rows[i]))
            break;
    if (--in->open == 0)
        end_batch(link);
}

void inbound_receive(struct link *link, struct bb_pending *pending, const char *params)
{
    struct inbound *in = link->inbound;
    if (in->busy || !bb_client_is_up(link->agent->own)) {
        bb_answer(pending, BB_FULL, "the bus here cannot take more at present; try again");
        return;
    }
    json_t *root = params != NULL ? json_loads(params, 0, NULL) : NULL;
    const json_t *batch = json_array_get(root, 0);
    if (read_positions(in, batch)) {
        in->pending = pending;
        take_batch(link, json_object_get(batch, "messages"));
    } else {
        bb_answer(pending, BB_MALFORMED,
                  "carry_durable takes a stream and at most 256 messages, their offsets growing");
    }
    json_decref(root);
}

void inbound_stop(struct link *link)
{
    if (link->inbound != NULL)
        answer(link->inbound, BB_UNREACHABLE, "the federation agent here stops");
}

json_t *inbound_report(const struct link *link)
{
    const struct inbound *in = link->inbound;
    const struct crossed_mark *mark = crossed_of(link->agent->crossed, link->set->platform);
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:s}", "offset", (json_int_t)mark->offset, "received",
                     (json_int_t)in->received, "again", (json_int_t)in->again, "unwanted",
                     (json_int_t)in->unwanted, "refused", (json_int_t)in->refused, "reason", in->reason.text);
}
