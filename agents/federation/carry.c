#include "agents/federation/carry.h"

#include "agents/federation/link.h"
#include "bus/client/log.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Messages and bytes that cross in one batch, and the largest single message. Escaped they grow; a frame has
 * at most BB_FRAME_MAX. */
#define BATCH_MESSAGES 256
#define BATCH_BYTES    (512 * 1024)
#define MESSAGE_MAX    (2 * 1024 * 1024)
#define CARRY_MS       10000
/* The own bus has not acknowledged so many yet: the other side waits. */
#define BACKLOG_MAX 2000
#define BUSY_MS     20
/* Pause between two log lines about refused publishes. */
#define DENIED_LOG_MS 60000

/* A batch on its way. */
struct errand {
    struct link *link;
    uint64_t serial;
    size_t count;
};

/* -- out ------------------------------------------------------------------------------------------------ */

/* True when the other side imports the topic, as far as is known. */
static bool is_wanted(const struct link *link, const char *topic)
{
    const json_t *prefix;
    size_t i;
    if (link->wants == NULL)
        return true;
    json_array_foreach(link->wants, i, prefix)
    {
        const char *text = json_string_value(prefix);
        if (text != NULL && strncmp(topic, text, strlen(text)) == 0)
            return true;
    }
    return false;
}

static void offer(struct link *link, struct cargo *cargo)
{
    if (!rules_covers(&link->set->exports, cargo->topic) || !is_wanted(link, cargo->topic) ||
        rules_passed(&cargo->way, link->set->platform))
        return;
    if (cargo->size > MESSAGE_MAX) {
        link->counts.too_large++;
        return;
    }
    queue_push(&link->queue, cargo);
    carry_pump(link);
}

void carry_take(void *context, const char *topic, const char *sender, const char *headers,
                const char *message)
{
    struct agent *agent = context;
    char name[BB_IDENTITY_MAX + RULES_NAME_SIZE + 2];
    /* What came over a link was handed on to the others when it came. */
    if (strchr(sender, '@') != NULL)
        return;
    /* No name of a peer has more than BB_IDENTITY_MAX bytes, its platform included. */
    if (snprintf(name, sizeof name, "%s@%s", sender, agent->settings->platform) > BB_IDENTITY_MAX)
        return;
    struct cargo *cargo = queue_cargo(topic, name, headers, message);
    snprintf(cargo->origin, sizeof cargo->origin, "%s", agent->settings->platform);
    cargo->incarnation = agent->incarnation;
    cargo->number = ++agent->number;
    CHECK(rules_pass(&cargo->way, agent->settings->platform, RULES_HOPS_MAX));
    for (size_t i = 0; i < agent->link_count; i++)
        offer(&agent->links[i], cargo);
    queue_release(cargo);
}

static json_t *way_json(const struct rules_way *way)
{
    json_t *list = json_array();
    for (size_t i = 0; i < way->count; i++)
        json_array_append_new(list, json_string(way->names[i]));
    return list;
}

/* NULL when one of its texts is not UTF-8. Message and headers go as texts, so that they arrive byte for
 * byte. */
static json_t *cargo_json(const struct cargo *cargo)
{
    return json_pack("{s:o,s:I,s:I,s:s,s:s,s:s,s:s}", "way", way_json(&cargo->way), "incarnation",
                     (json_int_t)cargo->incarnation, "number", (json_int_t)cargo->number, "topic",
                     cargo->topic, "sender", cargo->sender, "headers", cargo->headers, "message",
                     cargo->message);
}

/* What an error of the other side says about trying again. */
static bool is_later(const char *error)
{
    json_t *root = json_loads(error, 0, NULL);
    const char *word = json_string_value(json_object_get(json_object_get(root, "data"), "status"));
    bool later = word != NULL && (strcmp(word, bb_status_word(BB_FULL)) == 0 ||
                                  strcmp(word, bb_status_word(BB_UNREACHABLE)) == 0);
    json_decref(root);
    return later;
}

static void on_again(void *context)
{
    carry_pump(context);
}

static void try_later(struct link *link)
{
    int timer;
    queue_again(&link->queue);
    /* Without a timer the next tick pumps. */
    (void)!bb_loop_after(link->agent->loop, BUSY_MS, on_again, link, &timer);
}

static void arrived(struct link *link, size_t count)
{
    queue_done(&link->queue);
    link->counts.sent += count;
    carry_pump(link);
}

static void refused(struct link *link, size_t count, const char *error)
{
    queue_done(&link->queue);
    link->counts.refused += count;
    if (!link->told_refused)
        log_warning("carry-refused", LOG_TEXT("platform", link->set->platform), LOG_TEXT("error", error));
    link->told_refused = true;
    carry_pump(link);
}

static void on_carried(void *context, enum status status, const char *json)
{
    struct errand errand = *(struct errand *)context;
    struct link *link = errand.link;
    free(context);
    if (errand.serial != link->errand)
        return;
    link->carrying = false;
    if (status == BB_OK)
        arrived(link, errand.count);
    else if (status == BB_REMOTE && !is_later(json))
        refused(link, errand.count, json);
    else if (status == BB_REMOTE)
        try_later(link);
    else
        link_cut(link, bb_status_text(status));
}

static char *next_batch(struct link *link, size_t *count_out)
{
    json_t *list = json_array();
    size_t bytes = 0, count = 0;
    for (const struct cargo *next = queue_peek(&link->queue);
         next != NULL && count < BATCH_MESSAGES && (count == 0 || bytes + next->size <= BATCH_BYTES);
         next = queue_peek(&link->queue), count++) {
        const struct cargo *cargo = queue_take(&link->queue);
        json_t *item = cargo_json(cargo);
        bytes += cargo->size;
        link->counts.refused += item == NULL;
        if (item != NULL)
            json_array_append_new(list, item);
    }
    char *text = NULL, *inner = json_dumps(list, JSON_COMPACT);
    CHECK(inner != NULL && asprintf(&text, "[%s]", inner) > 0);
    *count_out = json_array_size(list);
    free(inner);
    json_decref(list);
    return text;
}

void carry_pump(struct link *link)
{
    if (!link->up || link->carrying || queue_peek(&link->queue) == NULL)
        return;
    struct errand *errand = malloc(sizeof *errand);
    CHECK(errand != NULL);
    *errand = (struct errand){link, ++link->errand, 0};
    char *params = next_batch(link, &errand->count);
    link->carrying = link_request(link, "carry", params, CARRY_MS, on_carried, errand) == BB_OK;
    if (!link->carrying) {
        queue_again(&link->queue);
        free(errand);
    }
    free(params);
}

/* -- in ------------------------------------------------------------------------------------------------- */

/* The way of an arriving message: the platform that it comes from first, the other side last, not this one.
 */
static bool read_way(const struct link *link, const json_t *list, struct rules_way *out)
{
    const json_t *item;
    size_t i, hops = (size_t)link->agent->settings->hops;
    *out = (struct rules_way){.count = 0};
    json_array_foreach(list, i, item) if (!json_is_string(item) ||
                                          !rules_pass(out, json_string_value(item), hops)) return false;
    return out->count > 0 && strcmp(out->names[out->count - 1], link->set->platform) == 0;
}

/* The message as a cargo; NULL: something is wrong with it. */
static struct cargo *read_cargo(const struct link *link, const json_t *item)
{
    struct rules_way way;
    char peer[BB_IDENTITY_MAX + 1], platform[RULES_NAME_SIZE];
    const char *topic = json_string_value(json_object_get(item, "topic"));
    const char *sender = json_string_value(json_object_get(item, "sender"));
    const char *headers = json_string_value(json_object_get(item, "headers"));
    const char *message = json_string_value(json_object_get(item, "message"));
    json_int_t incarnation = json_integer_value(json_object_get(item, "incarnation"));
    json_int_t number = json_integer_value(json_object_get(item, "number"));
    if (topic == NULL || sender == NULL || headers == NULL || message == NULL || incarnation < 1 ||
        number < 1 || !read_way(link, json_object_get(item, "way"), &way) ||
        !rules_split(sender, peer, sizeof peer, platform) || strcmp(platform, way.names[0]) != 0)
        return NULL;
    struct cargo *cargo = queue_cargo(topic, sender, headers, message);
    snprintf(cargo->origin, sizeof cargo->origin, "%s", platform);
    cargo->incarnation = (uint64_t)incarnation;
    cargo->number = (uint64_t)number;
    cargo->way = way;
    return cargo;
}

/* The headers with the way appended: of two members with one name the last counts, so that one that was there
 * before says nothing. NULL: they are no object. malloc'd. */
static char *headers_with_way(const struct cargo *cargo)
{
    size_t size = strlen(cargo->headers);
    if (size < 2 || cargo->headers[0] != '{' || cargo->headers[size - 1] != '}')
        return NULL;
    json_t *list = way_json(&cargo->way);
    char *text = NULL, *way = json_dumps(list, JSON_COMPACT);
    bool empty = strspn(cargo->headers + 1, " \t\r\n") == size - 2;
    CHECK(way != NULL && asprintf(&text, "%.*s%s\"Busbar-Via\":%s}", (int)size - 1, cargo->headers,
                                  empty ? "" : ",", way) > 0);
    free(way);
    json_decref(list);
    return text;
}

static void note_denied(struct agent *agent)
{
    int64_t now = bb_loop_mono_ms();
    if (agent->denied_logged_ms != 0 && now - agent->denied_logged_ms < DENIED_LOG_MS)
        return;
    agent->denied_logged_ms = now;
    log_warning("publish-refused", LOG_TEXT("reason", bb_client_reason(agent->own)));
}

static void deliver(struct link *link, struct cargo *cargo)
{
    struct agent *agent = link->agent;
    char *headers = headers_with_way(cargo);
    enum status status =
        headers == NULL ? BB_RANGE
                        : bb_publish_as(agent->own, cargo->sender, cargo->topic, headers, cargo->message);
    free(headers);
    if (status == BB_RANGE) {
        link->counts.refused++;
        return;
    }
    if (status == BB_DENIED)
        note_denied(agent);
    link->counts.received++;
    if (!link->set->relay ||
        !rules_pass(&cargo->way, agent->settings->platform, (size_t)agent->settings->hops))
        return;
    for (size_t i = 0; i < agent->link_count; i++)
        if (agent->links[i].set->relay && &agent->links[i] != link)
            offer(&agent->links[i], cargo);
}

static void receive_one(struct link *link, const json_t *item)
{
    struct agent *agent = link->agent;
    struct cargo *cargo = read_cargo(link, item);
    if (cargo == NULL) {
        link->counts.refused++;
        return;
    }
    if (!rules_covers(&link->set->imports, cargo->topic))
        link->counts.unwanted++;
    else if (rules_passed(&cargo->way, agent->settings->platform))
        link->counts.again++;
    else
        switch (seen_take(agent->seen, cargo->origin, cargo->incarnation, cargo->number)) {
        case SEEN_NEW:
            deliver(link, cargo);
            break;
        case SEEN_AGAIN:
            link->counts.again++;
            break;
        case SEEN_LATE:
            link->counts.late++;
            break;
        }
    queue_release(cargo);
}

void carry_receive(struct link *link, struct bb_pending *pending, const char *params)
{
    struct bb_client *own = link->agent->own;
    if (!bb_client_is_up(own) || bb_client_backlog(own) > BACKLOG_MAX) {
        bb_answer(pending, BB_FULL, "the bus here cannot take more at present; try again");
        return;
    }
    json_t *root = json_loads(params, 0, NULL);
    const json_t *list = json_array_get(root, 0), *item;
    size_t i;
    if (!json_is_array(list) || json_array_size(list) > BATCH_MESSAGES)
        bb_answer(pending, BB_MALFORMED, "carry takes one list of at most 256 messages");
    else {
        json_array_foreach(list, i, item) receive_one(link, item);
        bb_answer(pending, BB_OK, "true");
    }
    json_decref(root);
}
