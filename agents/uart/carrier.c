#include "agents/uart/carrier.h"

#include "agents/uart/core.h"
#include "bus/client/base64.h"
#include "bus/client/log.h"

#include <jansson.h>
#include <string.h>

static void hand_down(struct board *board, uint16_t source, struct bytes payload)
{
    if (!board->online)
        return;
    if (board->core != NULL) {
        core_receive(board, payload);
        return;
    }
    struct link_message message = {.type = LINK_DISPATCH, .source = source};
    message.dispatch.payload = payload;
    (void)!line_send(board->line, &message); /* a datagram: the line has counted what does not fit */
}

void carrier_spread(struct agent *agent, uint16_t source, struct bytes payload)
{
    for (size_t i = 0; i < agent->board_count; i++)
        if (site_are_neighbours(agent->boards[i].site, source))
            hand_down(&agent->boards[i], source, payload);
}

static const struct site_board *by_topic(const struct site *site, const char *topic)
{
    for (size_t i = 0; i < site->count; i++)
        if (strcmp(site->boards[i].topic, topic) == 0)
            return &site->boards[i];
    return NULL;
}

/* Only the agent that serves the board may speak for it, and only under the board's own id. */
static void on_frame(struct agent *agent, const struct site_board *from, const char *text)
{
    uint8_t bytes[BB_LINK_PAYLOAD_MAX];
    size_t size = 0;
    uint16_t source = 0, incarnation, depth;
    struct bytes payload = {bytes, 0};
    enum status status = base64_decode(text, strlen(text), bytes, sizeof bytes, &size);
    payload.size = size;
    if (status == BB_OK)
        status = dispatch_peek(payload, &source, &incarnation, &depth);
    if (status == BB_OK && source == from->id)
        carrier_spread(agent, source, payload);
    else
        log_debug("frame-dropped", LOG_TEXT("board", from->name), LOG_INT("source", source));
}

/* A prefix also brings the topics that go on ("consumer1" brings "consumer10"), and one topic may come under
 * two prefixes: `context` is the subscription's own board, and only its very topic counts. */
static void on_message(void *context, const char *topic, const char *sender, const char *headers,
                       const char *message)
{
    (void)headers;
    const struct carried *c = context;
    if (by_topic(&c->agent->site, topic) != c->board || strcmp(sender, c->board->agent) != 0)
        return;
    json_t *object = json_loads(message, 0, NULL);
    const char *frame = json_string_value(json_object_get(object, "frame"));
    if (frame != NULL) {
        on_frame(c->agent, c->board, frame);
        agent_settle(c->agent);
    }
    json_decref(object);
}

static bool wanted(const struct agent *agent, const struct site_board *other)
{
    bool neighbour = false;
    for (size_t i = 0; i < agent->board_count; i++)
        neighbour = neighbour || site_are_neighbours(agent->boards[i].site, other->id);
    return neighbour && strcmp(other->agent, agent->settings->identity) != 0;
}

enum status carrier_start(struct agent *agent)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < agent->site.count && status == BB_OK; i++) {
        const struct site_board *other = &agent->site.boards[i];
        agent->carried[i] = (struct carried){agent, other};
        if (wanted(agent, other))
            status = bb_subscribe(agent->client, other->topic, on_message, &agent->carried[i]);
    }
    return status;
}
