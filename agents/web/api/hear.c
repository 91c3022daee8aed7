#include "agents/web/api/hear.h"

#include "agents/web/api/site.h"
#include "agents/web/api/watch.h"

#include <busbar/check.h>
#include <busbar/directory.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS 5000
/* Of a sniffed message, bytes; and how many in a second. */
#define SNIFF_BYTES 4096
#define SNIFF_MAX   2000

/* -- what is published
 * ---------------------------------------------------------------------------------------- */

static void on_data(void *context, const char *topic, const char *sender, const char *headers,
                    const char *message)
{
    (void)topic, (void)headers;
    json_t *object = json_loads(message, 0, NULL);
    if (object != NULL)
        watch_board(context, sender, object);
    json_decref(object);
}

/* A trade, the best offers, a block: only the ledger's own word counts. */
static void take_market(struct api *api, const char *topic, const char *sender, const char *message,
                        bool fresh)
{
    json_t *object = strcmp(sender, "ledger") == 0 ? json_loads(message, 0, NULL) : NULL;
    char *line = json_is_object(object) ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    if (line == NULL) {
        json_decref(object);
        return;
    }
    relay_stale(api->relay, "ledger");
    if (strcmp(topic, "market/offers") == 0) {
        stream_publish(api->with.hub, "market", "book", line);
    } else if (strcmp(topic, "market/blocks") == 0) {
        stream_publish(api->with.hub, "chain", "block", line);
    } else if (strcmp(topic, "market/trades") == 0) {
        const json_t *price = json_object_get(object, "price");
        if (json_is_integer(price) && json_integer_value(price) >= 0)
            api->price_micro = json_integer_value(price);
        if (fresh)
            stream_pass(api->with.hub, "market", "trade", line);
    }
    free(line);
    json_decref(object);
}

static void on_market(void *context, const char *topic, const char *sender, const char *headers,
                      const char *message)
{
    (void)headers;
    take_market(context, topic, sender, message, true);
}

static void tell_agent(struct api *api, const json_t *agent)
{
    const char *name = json_string_value(json_object_get(agent, "name"));
    const char *state = json_string_value(json_object_get(agent, "state"));
    char topic[ALARMS_TOPIC_SIZE];
    char *line =
        name == NULL || state == NULL ? NULL : json_dumps(agent, JSON_COMPACT | JSON_REAL_PRECISION(15));
    if (line == NULL)
        return;
    snprintf(topic, sizeof topic, "alerts/agent/%.100s", name);
    if (strcmp(state, "crashed") == 0 && !alarms_stands(&api->alarms, topic, "crash-loop"))
        watch_raise(api,
                    &(struct alarm_event){topic, name, "crash-loop", "it is not started any more", true});
    else if (strcmp(state, "running") == 0 || strcmp(state, "stopped") == 0 || strcmp(state, "removed") == 0)
        watch_clear(api, topic, "crash-loop");
    if (strcmp(state, "removed") == 0) {
        stream_forget(api->with.hub, "agents", name);
        stream_pass(api->with.hub, "agents", name, line);
    } else {
        stream_publish(api->with.hub, "agents", name, line);
    }
    free(line);
}

static void on_agent(void *context, const char *topic, const char *sender, const char *headers,
                     const char *message)
{
    struct api *api = context;
    (void)topic, (void)headers;
    json_t *agent = strcmp(sender, "agentd") == 0 ? json_loads(message, 0, NULL) : NULL;
    if (agent != NULL) {
        relay_stale(api->relay, "agentd");
        tell_agent(api, agent);
    }
    json_decref(agent);
}

static void on_log(void *context, const char *topic, const char *sender, const char *headers,
                   const char *message)
{
    struct api *api = context;
    char channel[STREAM_CHANNEL_MAX + 1];
    (void)headers;
    json_t *line = strcmp(sender, "agentd") == 0 ? json_loads(message, 0, NULL) : NULL;
    char *text = line == NULL ? NULL : json_dumps(line, JSON_COMPACT);
    const char *name = topic + strlen("agents/log/");
    if (text != NULL && strlen(name) + 4 <= STREAM_CHANNEL_MAX) {
        snprintf(channel, sizeof channel, "log:%s", name);
        stream_pass(api->with.hub, channel, name, text);
    }
    free(text);
    json_decref(line);
}

/* Alerts that tell of a condition; the others are over when they are told. */
static bool stands(const char *topic, const char *alert)
{
    static const char *const conditions[][2] = {
        {"alerts/dispatch/", "link-lost"}, {"alerts/agent/", "crash-loop"}, {"alerts/modbus/", "lost"}};
    for (size_t i = 0; i < sizeof conditions / sizeof *conditions; i++)
        if (strncmp(topic, conditions[i][0], strlen(conditions[i][0])) == 0 &&
            strcmp(alert, conditions[i][1]) == 0)
            return true;
    return false;
}

/* An alert, now (fresh) or kept from before we were there: then it counts when it tells of what may last. */
static void take_alert(struct api *api, const char *topic, const char *message, bool fresh)
{
    json_t *object = json_loads(message, 0, NULL), *plain = json_string(topic);
    const char *name = json_string_value(json_object_get(object, "name")),
               *alert = json_string_value(json_object_get(object, "alert")),
               *text = json_string_value(json_object_get(object, "text"));
    bool good = alert != NULL && plain != NULL;
    if (good && strcmp(alert, "returned") == 0)
        watch_clear(api, topic, "lost");
    else if (good && (fresh || (stands(topic, alert) && !alarms_stands(&api->alarms, topic, alert))))
        watch_raise(api, &(struct alarm_event){topic, name == NULL ? "" : name, alert,
                                               text == NULL ? "" : text, stands(topic, alert)});
    json_decref(object);
    json_decref(plain);
}

static void on_alert(void *context, const char *topic, const char *sender, const char *headers,
                     const char *message)
{
    (void)sender, (void)headers;
    take_alert(context, topic, message, true);
}

/* -- the sniffer
 * ---------------------------------------------------------------------------------------------- */

/* How many bytes of the text are kept: whole characters. */
static size_t cut_at(const char *text, size_t length)
{
    size_t kept = length > SNIFF_BYTES ? SNIFF_BYTES : length;
    while (kept < length && kept > 0 && ((unsigned char)text[kept] & 0xc0) == 0x80)
        kept--;
    return kept;
}

/* True when one more may be told in this second; what may not is counted, and the count is told. */
static bool within_rate(struct api *api)
{
    int64_t second = bb_loop_mono_ms() / 1000;
    char text[48];
    if (second != api->sniffed_second) {
        snprintf(text, sizeof text, "{\"skipped\":%u}", api->skipped);
        if (api->skipped > 0)
            stream_publish(api->with.hub, "bus", "skipped", text);
        api->sniffed_second = second;
        api->sniffed = api->skipped = 0;
    }
    bool room = api->sniffed < SNIFF_MAX;
    *(room ? &api->sniffed : &api->skipped) += 1;
    return room;
}

static void on_any(void *context, const char *topic, const char *sender, const char *headers,
                   const char *message)
{
    struct api *api = context;
    (void)headers;
    if (!within_rate(api))
        return;
    size_t length = strlen(message), kept = cut_at(message, length);
    json_t *said = json_pack("{s:s, s:s, s:I, s:o, s:b}", "topic", topic, "sender", sender, "time_ms",
                             (json_int_t)bb_loop_wall_ms(), "message", json_stringn(message, kept), "cut",
                             kept < length);
    char *text = said == NULL ? NULL : json_dumps(said, JSON_COMPACT);
    if (text != NULL)
        stream_pass(api->with.hub, "bus", topic, text);
    free(text);
    json_decref(said);
}

static void listen_to(struct api *api, bool wanted, const char *prefix, bb_on_message *on_message)
{
    (void)!(wanted ? bb_subscribe(api->with.client, prefix, on_message, api)
                   : bb_unsubscribe(api->with.client, prefix));
}

void hear_interest(void *context, const char *channel, bool wanted)
{
    struct api *api = context;
    if (strcmp(channel, "bus") == 0 && wanted != api->sniffs) {
        api->sniffs = wanted;
        listen_to(api, wanted, "", on_any);
    } else if (strncmp(channel, "log:", 4) == 0 && (wanted || api->logs > 0)) {
        size_t before = api->logs;
        api->logs = wanted ? before + 1 : before - 1;
        if ((before == 0) != (api->logs == 0))
            listen_to(api, wanted, "agents/log/", on_log);
    }
}

/* -- who is there, and what it knows
 * -------------------------------------------------------------------------- */

/* The answer of whom `context` points to: its name is in the objects. */
static void on_boards(void *context, const struct relay_answer *answer)
{
    size_t i;
    json_t *board;
    if (answer->status != BB_OK)
        return;
    json_array_foreach((json_t *)(uintptr_t)answer->json, i, board)
    {
        const char *agent = json_string_value(json_object_get(board, "agent"));
        if (agent != NULL)
            watch_board(context, agent, board);
    }
}

static void on_agents(void *context, const struct relay_answer *answer)
{
    const json_t *agents = json_object_get(answer->json, "agents");
    for (size_t i = 0; answer->status == BB_OK && i < json_array_size(agents); i++)
        tell_agent(context, json_array_get(agents, i));
}

/* What the broker has kept of the ledger's last words, and of alerts that may last. */
static void on_kept(void *context, const struct relay_answer *answer)
{
    const json_t *rows = json_object_get(answer->json, "messages");
    for (size_t i = 0; answer->status == BB_OK && i < json_array_size(rows); i++) {
        const json_t *row = json_array_get(rows, i);
        const char *topic = json_string_value(json_object_get(row, "topic")),
                   *sender = json_string_value(json_object_get(row, "sender")),
                   *message = json_string_value(json_object_get(row, "message"));
        if (topic == NULL || sender == NULL || message == NULL)
            continue;
        if (strncmp(topic, "market/", 7) == 0)
            take_market(context, topic, sender, message, false);
        else
            take_alert(context, topic, message, false);
    }
}

static void ask_kept(struct api *api, const char *prefix)
{
    relay_ask(api->relay,
              (struct relay_question){.peer = "busbar.broker",
                                      .method = "retained",
                                      .params = json_pack("{s:s}", "prefix", prefix),
                                      .timeout_ms = ASK_MS},
              on_kept, api);
}

static void greet(struct api *api, const char *peer)
{
    char topic[128];
    json_t *agents = site_agents(api);
    json_object_set_new(api->present, peer, json_true());
    snprintf(topic, sizeof topic, "web/agent/%.100s", peer);
    watch_clear(api, topic, "agent-away");
    relay_stale(api->relay, peer);
    struct relay_question question = {.peer = peer, .method = "boards", .timeout_ms = ASK_MS};
    if (json_object_get(agents, peer) != NULL)
        relay_ask(api->relay, question, on_boards, api);
    question.method = "agent.list";
    if (strcmp(peer, "agentd") == 0)
        relay_ask(api->relay, question, on_agents, api);
    if (strcmp(peer, "ledger") == 0)
        ask_kept(api, "market/");
    json_decref(agents);
}

static void part(struct api *api, const char *peer)
{
    json_object_del(api->present, peer);
    relay_stale(api->relay, peer);
    watch_agent_left(api, peer);
}

/* After a new connection: who has gone meanwhile, and who is there. */
static void take_list(struct api *api, const char *text)
{
    json_t *list = json_loads(text, 0, NULL), *before = api->present, *value;
    const char *peer;
    size_t i;
    api->present = json_object();
    ask_kept(api, "alerts/modbus/");
    json_array_foreach(list, i, value)
    {
        if (json_is_string(value))
            greet(api, json_string_value(value));
    }
    json_object_foreach(before, peer, value)
    {
        if (json_object_get(api->present, peer) == NULL)
            part(api, peer);
    }
    json_decref(before);
    json_decref(list);
}

static void on_peers(void *context, enum bb_peers_change change, const char *text)
{
    struct api *api = context;
    switch (change) {
    case BB_PEERS_LIST:
        take_list(api, text);
        break;
    case BB_PEERS_CAME:
        greet(api, text);
        break;
    case BB_PEERS_LEFT:
        part(api, text);
        break;
    }
}

enum status hear_start(struct api *api)
{
    static const struct {
        const char *prefix;
        bb_on_message *on_message;
    } topics[] = {
        {"Data/", on_data}, {"market/", on_market}, {"agents/state/", on_agent}, {"alerts/", on_alert}};
    enum status status = bb_watch_peers(api->with.client, on_peers, api);
    for (size_t i = 0; i < sizeof topics / sizeof *topics && status == BB_OK; i++)
        status = bb_subscribe(api->with.client, topics[i].prefix, topics[i].on_message, api);
    stream_on_interest(api->with.hub, hear_interest, api);
    return status;
}
