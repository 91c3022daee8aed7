#include "agents/federation/carry.h"

#include "agents/federation/cargo.h"
#include "agents/federation/link.h"
#include "bus/client/log.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Messages and bytes that cross in one batch. Escaped they grow; a frame has at most BB_FRAME_MAX. */
#define BATCH_MESSAGES 256
#define BATCH_BYTES    (512 * 1024)
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

bool carry_is_wanted(const struct link *link, const char *topic)
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

/* What crosses durably is taken from the disk, not here. */
static void offer(struct link *link, struct cargo *cargo)
{
    if (!rules_covers(&link->set->exports, cargo->topic) || !carry_is_wanted(link, cargo->topic) ||
        rules_passed(&cargo->way, link->set->platform) || rules_covers(&link->set->durable, cargo->topic))
        return;
    if (cargo->size > CARRY_MESSAGE_MAX) {
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

bool carry_is_later(const char *error)
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
    else if (status == BB_REMOTE && !carry_is_later(json))
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
    char *headers = cargo_headers(cargo, false);
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
    struct cargo *cargo = cargo_read(link, item);
    if (cargo == NULL || cargo->number == 0) {
        queue_release(cargo);
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
