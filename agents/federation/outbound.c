#include "agents/federation/outbound.h"

#include "agents/federation/cargo.h"
#include "agents/federation/carry.h"
#include "agents/federation/link.h"
#include "bus/client/log.h"

#include <busbar/check.h>
#include <busbar/traffic.h>
#include <stdlib.h>
#include <string.h>

#define BROKER     "busbar.broker"
#define ROWS       256
#define WAIT_MS    20000
#define READ_MS    30000
#define ASK_MS     10000
#define CARRY_MS   20000
#define BUSY_MS    20
#define TROUBLE_MS 1000
/* When the own broker has no time for this key. */
#define SHARE_MS 50

struct outbound {
    char name[80]; /* of the durable subscriber */
    bool opened, opening, reading, carrying, acknowledging;
    uint64_t connections; /* to the own broker, when it was opened */
    int64_t stream;
    uint64_t position;     /* across up to here */
    uint64_t acknowledged; /* and the own broker knows */
    char *batch;           /* the parameters of the next carry; NULL: none read */
    uint64_t next, count;  /* where the position is when it is across; its messages */
    uint64_t errand;       /* the batch on its way; older answers do not count */
    int64_t retry_ms;      /* nothing before that time */
    uint32_t pause_ms;     /* when the other side asks to be tried again */
    uint64_t sent, unwanted, too_large, lost;
    struct bb_reason reason; /* why it does not go on; "" */
};

/* A batch on its way. */
struct errand {
    struct link *link;
    uint64_t serial;
};

struct outbound *outbound_open(struct link *link)
{
    if (link->set->durable.count == 0)
        return NULL;
    struct outbound *o = calloc(1, sizeof *o);
    CHECK(o != NULL);
    o->pause_ms = BUSY_MS;
    snprintf(o->name, sizeof o->name, "federation.%s", link->set->platform);
    return o;
}

void outbound_close(struct outbound *o)
{
    if (o != NULL)
        free(o->batch);
    free(o);
}

/* -- trouble -------------------------------------------------------------------------------------------- */

static void stumble(struct link *link, const char *why)
{
    struct outbound *o = link->outbound;
    o->retry_ms = bb_loop_mono_ms() + TROUBLE_MS;
    if (strcmp(o->reason.text, why) == 0)
        return;
    bb_reason_say(&o->reason, "%s", why);
    log_warning("durable-waits", LOG_TEXT("platform", link->set->platform), LOG_TEXT("reason", why));
}

static void on_again(void *context)
{
    outbound_go_on(context);
}

static void try_soon(struct link *link, uint32_t pause_ms)
{
    int timer;
    link->outbound->retry_ms = bb_loop_mono_ms() + pause_ms;
    /* Without a timer the next tick goes on. */
    (void)!bb_loop_after(link->agent->loop, pause_ms, on_again, link, &timer);
}

/* True when the own broker says that this key has taken its share of the time: that is so while much crosses.
 */
static bool is_busy(enum status status, const char *json)
{
    json_t *error = status == BB_REMOTE ? json_loads(json, 0, NULL) : NULL;
    const json_t *exception = json_object_get(json_object_get(error, "data"), "exception.py");
    const char *type = json_string_value(json_object_get(exception, "exc_type"));
    bool busy = type != NULL && strcmp(type, "RuntimeError") == 0;
    json_decref(error);
    return busy;
}

/* What went wrong, from an answer: the sentence in it, or the status's. */
static void stumble_over(struct link *link, enum status status, const char *json)
{
    if (is_busy(status, json)) {
        try_soon(link, SHARE_MS);
        return;
    }
    json_t *root = json != NULL ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
    const char *text = json_string_value(json_object_get(root, status == BB_OK ? "refused" : "message"));
    stumble(link, text != NULL ? text : bb_status_text(status == BB_OK ? BB_MALFORMED : status));
    json_decref(root);
}

/* The result of the broker's answer, new; NULL: there is none, or it refuses. */
static json_t *result_of(enum status status, const char *json)
{
    json_t *result = status == BB_OK && json != NULL ? json_loads(json, JSON_DECODE_ANY, NULL) : NULL;
    if (json_is_object(result) && json_object_get(result, "refused") == NULL)
        return result;
    json_decref(result);
    return NULL;
}

static uint64_t number_of(const json_t *object, const char *key)
{
    json_int_t value = json_integer_value(json_object_get(object, key));
    return value < 0 ? 0 : (uint64_t)value;
}

/* Calls the own broker; `params` is taken over. */
static bool ask(struct link *link, const char *method, json_t *params, uint32_t timeout_ms,
                bb_on_reply *on_reply)
{
    char *text = json_dumps(params, JSON_COMPACT);
    CHECK(text != NULL);
    json_decref(params);
    bool asked = bb_request(link->agent->own, BROKER, method, text, timeout_ms, on_reply, link) == BB_OK;
    free(text);
    return asked;
}

/* -- the name ------------------------------------------------------------------------------------------- */

static void on_opened(void *context, enum status status, const char *json)
{
    struct link *link = context;
    struct outbound *o = link->outbound;
    json_t *result = result_of(status, json);
    o->opening = false;
    o->opened = result != NULL;
    if (result == NULL) {
        stumble_over(link, status, json);
        return;
    }
    o->stream = json_integer_value(json_object_get(result, "created_ms"));
    o->position = o->acknowledged = number_of(result, "acknowledged");
    o->reason.text[0] = '\0';
    free(o->batch);
    o->batch = NULL;
    json_decref(result);
    outbound_go_on(link);
}

static void open_name(struct link *link)
{
    struct outbound *o = link->outbound;
    json_t *prefixes = json_array();
    for (size_t i = 0; i < link->set->durable.count; i++)
        json_array_append_new(prefixes, json_string(link->set->durable.items[i]));
    o->opening =
        ask(link, "durable.open", json_pack("[s,o,s,b]", o->name, prefixes, "start", 0), ASK_MS, on_opened);
}

/* A new connection may be to a broker that was begun anew, or brought back from a copy: it says where the
 * name stands. */
static void check_connection(struct link *link)
{
    struct outbound *o = link->outbound;
    struct bb_traffic traffic;
    bb_traffic(link->agent->own, &traffic);
    if (traffic.connections == o->connections || o->carrying || o->reading || o->opening)
        return;
    o->connections = traffic.connections;
    o->opened = false;
}

/* -- acknowledging -------------------------------------------------------------------------------------- */

static void on_acknowledged(void *context, enum status status, const char *json)
{
    struct link *link = context;
    struct outbound *o = link->outbound;
    json_t *result = result_of(status, json);
    o->acknowledging = false;
    if (result != NULL && number_of(result, "acknowledged") > o->acknowledged)
        o->acknowledged = number_of(result, "acknowledged");
    if (result == NULL)
        stumble_over(link, status, json);
    json_decref(result);
    outbound_go_on(link);
}

static void acknowledge(struct link *link)
{
    struct outbound *o = link->outbound;
    o->acknowledging = ask(link, "durable.ack", json_pack("[s,I]", o->name, (json_int_t)o->position), ASK_MS,
                           on_acknowledged);
}

/* -- reading -------------------------------------------------------------------------------------------- */

/* Fills in the way, and what the message is called at its origin, which is `here` or beyond another link;
 * false: it does not go over this link. */
static bool trace(const struct link *link, const json_t *row, bool here, struct cargo *cargo)
{
    struct agent *agent = link->agent;
    size_t hops = (size_t)agent->settings->hops;
    int64_t time_ms = (int64_t)number_of(row, "time_ms");
    cargo->number = number_of(row, "offset");
    if (!here) {
        uint64_t offset = 0;
        int64_t then_ms = 0;
        bool known = cargo_trace(cargo->headers, hops, &cargo->way, &offset, &then_ms);
        const struct link *from = known ? link_of(agent, cargo->way.names[cargo->way.count - 1]) : NULL;
        if (from == NULL || !from->set->relay || !link->set->relay)
            return false;
        cargo->number = offset;
        time_ms = then_ms > 0 ? then_ms : time_ms;
    }
    cargo->incarnation = (uint64_t)(time_ms > 0 ? time_ms : 1);
    return rules_pass(&cargo->way, agent->settings->platform, hops) &&
           !rules_passed(&cargo->way, link->set->platform);
}

/* The row as the other side takes it, new; NULL: it does not cross. */
static json_t *item_of(struct link *link, const json_t *row)
{
    struct outbound *o = link->outbound;
    char name[BB_IDENTITY_MAX + RULES_NAME_SIZE + 2];
    const char *topic = json_string_value(json_object_get(row, "topic"));
    const char *sender = json_string_value(json_object_get(row, "sender"));
    const char *headers = json_string_value(json_object_get(row, "headers"));
    const char *message = json_string_value(json_object_get(row, "message"));
    json_t *item = NULL;
    if (topic == NULL || sender == NULL || headers == NULL || message == NULL)
        return NULL;
    bool here = strchr(sender, '@') == NULL;
    snprintf(name, sizeof name, here ? "%s@%s" : "%s", sender, link->agent->settings->platform);
    struct cargo *cargo = queue_cargo(topic, name, headers, message);
    bool goes = strlen(name) <= BB_IDENTITY_MAX && trace(link, row, here, cargo);
    if (goes && cargo->size > CARRY_MESSAGE_MAX)
        o->too_large++;
    else if (goes && !carry_is_wanted(link, topic))
        o->unwanted++;
    else if (goes)
        item = cargo_json(cargo);
    queue_release(cargo);
    if (item != NULL) {
        json_object_set(item, "offset", json_object_get(row, "offset"));
        json_object_set(item, "time_ms", json_object_get(row, "time_ms"));
    }
    return item;
}

static void note_lost(struct link *link, uint64_t lost)
{
    struct outbound *o = link->outbound;
    if (lost > o->lost)
        log_warning(
            "durable-lost", LOG_TEXT("platform", link->set->platform), LOG_INT("messages", lost),
            LOG_TEXT("hint", "they went by keep_days or keep_bytes before the link could carry them"));
    o->lost = lost;
}

static void take_page(struct link *link, const json_t *page)
{
    struct outbound *o = link->outbound;
    const json_t *row;
    size_t i;
    json_t *list = json_array();
    note_lost(link, number_of(page, "lost"));
    json_array_foreach(json_object_get(page, "messages"), i, row)
    {
        json_t *item = item_of(link, row);
        if (item != NULL)
            json_array_append_new(list, item);
    }
    o->next = number_of(page, "next");
    o->count = json_array_size(list);
    json_t *params = json_pack("[{s:I,s:o}]", "stream", (json_int_t)o->stream, "messages", list);
    if (o->count > 0)
        o->batch = json_dumps(params, JSON_COMPACT);
    else if (o->next > o->position)
        o->position = o->next;
    json_decref(params);
}

static void on_page(void *context, enum status status, const char *json)
{
    struct link *link = context;
    struct outbound *o = link->outbound;
    json_t *page = result_of(status, json);
    o->reading = false;
    if (page != NULL) {
        o->reason.text[0] = '\0';
        take_page(link, page);
    } else {
        /* The name is gone, or somebody else reads it. */
        if (status == BB_OK || (status == BB_REMOTE && !is_busy(status, json)))
            o->opened = false;
        stumble_over(link, status, json);
    }
    json_decref(page);
    outbound_go_on(link);
}

static void read_page(struct link *link)
{
    struct outbound *o = link->outbound;
    o->reading =
        ask(link, "durable.read", json_pack("[s,i,I,i]", o->name, ROWS, (json_int_t)o->position, WAIT_MS),
            READ_MS, on_page);
}

/* -- across --------------------------------------------------------------------------------------------- */

static void across(struct link *link)
{
    struct outbound *o = link->outbound;
    o->sent += o->count;
    o->position = o->next;
    o->pause_ms = BUSY_MS;
    o->reason.text[0] = '\0';
    free(o->batch);
    o->batch = NULL;
}

static void on_carried(void *context, enum status status, const char *json)
{
    struct errand errand = *(struct errand *)context;
    struct link *link = errand.link;
    struct outbound *o = link->outbound;
    free(context);
    if (errand.serial != o->errand)
        return;
    o->carrying = false;
    if (status == BB_OK) {
        across(link);
    } else if (status == BB_REMOTE && carry_is_later(json)) {
        try_soon(link, o->pause_ms);
        o->pause_ms = 2 * o->pause_ms < TROUBLE_MS ? 2 * o->pause_ms : TROUBLE_MS;
    } else if (status == BB_REMOTE) {
        stumble_over(link, status, json);
    } else {
        link_cut(link, bb_status_text(status));
    }
    outbound_go_on(link);
}

static void carry(struct link *link)
{
    struct outbound *o = link->outbound;
    struct errand *errand = malloc(sizeof *errand);
    CHECK(errand != NULL);
    *errand = (struct errand){link, ++o->errand};
    o->carrying = link_request(link, "carry_durable", o->batch, CARRY_MS, on_carried, errand) == BB_OK;
    if (!o->carrying)
        free(errand);
}

void outbound_cut(struct link *link)
{
    struct outbound *o = link->outbound;
    if (o == NULL)
        return;
    o->carrying = false;
    o->errand++;
}

void outbound_go_on(struct link *link)
{
    struct outbound *o = link->outbound;
    if (o == NULL || link->agent->closing || !bb_client_is_up(link->agent->own))
        return;
    check_connection(link);
    if (bb_loop_mono_ms() < o->retry_ms)
        return;
    if (!o->opened) {
        if (!o->opening)
            open_name(link);
        return;
    }
    if (o->position > o->acknowledged && !o->acknowledging)
        acknowledge(link);
    if (!link->up)
        return;
    if (o->batch == NULL && !o->reading)
        read_page(link);
    if (o->batch != NULL && !o->carrying)
        carry(link);
}

json_t *outbound_report(const struct link *link)
{
    const struct outbound *o = link->outbound;
    if (o == NULL)
        return json_null();
    return json_pack("{s:s,s:b,s:I,s:I,s:I,s:I,s:I,s:I,s:s}", "name", o->name, "opened", o->opened,
                     "acknowledged", (json_int_t)o->acknowledged, "sent", (json_int_t)o->sent, "unwanted",
                     (json_int_t)o->unwanted, "too_large", (json_int_t)o->too_large, "lost",
                     (json_int_t)o->lost, "waiting", (json_int_t)(o->batch != NULL ? o->count : 0), "reason",
                     o->reason.text);
}
