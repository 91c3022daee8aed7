#include "agents/web/api/watch.h"

#include "agents/views/boards.h"
#include "agents/views/views.h"
#include "agents/web/api/film.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

/* A board that is offline so long is an alarm, also when nobody has alerted. */
#define OFFLINE_MS 5000
/* Frames of a run in one piece. */
#define PIECE_MAX 400

static void publish(struct api *api, const char *channel, const char *key, json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(15));
    if (text != NULL)
        stream_publish(api->with.hub, channel, key, text);
    free(text);
    json_decref(value);
}

/* -- alarms
 * --------------------------------------------------------------------------------------------------- */

json_t *watch_alarm_json(const struct alarm *a)
{
    json_t *object =
        json_pack("{s:I, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:s, s:b, s:s}", "id", (json_int_t)a->id, "topic",
                  a->topic, "name", a->name, "alert", a->alert, "text", a->text, "since_ms",
                  (json_int_t)a->since_ms, "last_ms", (json_int_t)a->last_ms, "count", (json_int_t)a->count,
                  "state", alarms_word(a->state), "standing", a->standing, "by", a->by);
    if (object != NULL)
        json_object_set_new(object, "until_ms", a->until_ms == 0 ? json_null() : json_integer(a->until_ms));
    return object;
}

void watch_tell_alarm(struct api *api, const struct alarm *alarm)
{
    char key[16];
    snprintf(key, sizeof key, "%u", alarm->id);
    publish(api, "alarms", key, watch_alarm_json(alarm));
}

void watch_raise(struct api *api, const struct alarm_event *event)
{
    const struct alarm *alarm = alarms_raise(&api->alarms, event, bb_loop_wall_ms());
    char key[16];
    if (api->alarms.pushed_out != 0) {
        snprintf(key, sizeof key, "%u", api->alarms.pushed_out);
        stream_forget(api->with.hub, "alarms", key);
    }
    watch_tell_alarm(api, alarm);
}

void watch_clear(struct api *api, const char *topic, const char *alert)
{
    const struct alarm *alarm = alarms_clear(&api->alarms, topic, alert, bb_loop_wall_ms());
    if (alarm != NULL)
        watch_tell_alarm(api, alarm);
}

/* Raises a condition of our own, once, or ends it. */
static void condition(struct api *api, bool holds, const char *topic, const char *name, const char *alert,
                      const char *text)
{
    bool stands = alarms_stands(&api->alarms, topic, alert);
    if (holds && !stands)
        watch_raise(api, &(struct alarm_event){topic, name, alert, text, true});
    else if (!holds && stands)
        watch_clear(api, topic, alert);
}

/* -- boards
 * --------------------------------------------------------------------------------------------------- */

static struct known_board *board_named(struct api *api, const char *name)
{
    size_t i = 0;
    while (i < api->board_count && strcmp(api->boards[i].name, name) != 0)
        i++;
    if (i == BB_BOARDS_MAX)
        return NULL;
    if (i == api->board_count) {
        api->boards[i] = (struct known_board){.offline_mono = bb_loop_mono_ms()};
        memcpy(api->boards[i].name, name, strlen(name) + 1);
        api->board_count++;
    }
    return &api->boards[i];
}

static void tell_live_run(struct api *api)
{
    const struct run *run = runs_find(&api->runs, api->run_id);
    char *text = run == NULL ? NULL : film_summary(&api->runs, run);
    if (text != NULL)
        stream_publish(api->with.hub, "run", "live", text);
    free(text);
}

/* Frames that have not gone out yet, of the run that they belong to. */
static void send_frames(struct api *api)
{
    char key[16];
    const struct run *run = runs_find(&api->runs, api->run_id);
    while (run != NULL && api->run_told < run->frames) {
        uint32_t to = run->frames - api->run_told > PIECE_MAX ? api->run_told + PIECE_MAX : run->frames;
        snprintf(key, sizeof key, "%u", run->id);
        if (stream_listeners(api->with.hub, "run") > 0) {
            char *text = film_piece(&api->runs, run, api->run_told, to);
            stream_pass(api->with.hub, "run", key, text);
            free(text);
        }
        api->run_told = to;
    }
}

static void record(struct api *api, const struct board_line *line)
{
    const struct runs_board board = {line->name,         line->consumer,    line->online,   line->certified,
                                     line->lambda_micro, line->setpoint_mw, line->power_mw, line->mismatch_mw,
                                     line->exchange,     line->incarnation};
    if (runs_take(&api->runs, &board, bb_loop_wall_ms()) != RUNS_BEGAN)
        return;
    send_frames(api); /* of the run before */
    api->run_id = runs_live(&api->runs)->id;
    api->run_told = 0;
    api->run_open = true;
    tell_live_run(api);
}

/* The frames that have come since, and the end, when it is there. */
static void show_run(struct api *api)
{
    (void)runs_tick(&api->runs, bb_loop_wall_ms());
    send_frames(api);
    const struct run *run = runs_find(&api->runs, api->run_id);
    if (!api->run_open || run == NULL || run->ended_ms == 0)
        return;
    api->run_open = false;
    tell_live_run(api);
}

static void take_object(struct api *api, struct known_board *board, const struct board_line *line,
                        json_t *object)
{
    char topic[64];
    snprintf(topic, sizeof topic, "alerts/dispatch/%s", board->name);
    if (line->online) {
        board->offline_mono = 0;
        watch_clear(api, topic, "link-lost");
    } else if (board->online) {
        board->offline_mono = bb_loop_mono_ms();
    }
    board->online = line->online;
    snprintf(board->agent, sizeof board->agent, "%s", line->agent);
    json_decref(board->object);
    board->object = object;
    publish(api, "dispatch", board->name, json_incref(object));
}

void watch_board(struct api *api, const char *agent, const json_t *object)
{
    struct board_line line;
    if (!boards_line(object, &line) || strcmp(line.agent, agent) != 0 || strlen(agent) >= API_AGENT_MAX ||
        strlen(line.name) >= BB_NAME_MAX || !json_is_boolean(json_object_get(object, "online")))
        return;
    struct known_board *board = board_named(api, line.name);
    json_t *copy = board == NULL ? NULL : json_copy((json_t *)(uintptr_t)object);
    if (copy == NULL)
        return;
    json_object_del(copy, "frame");
    api->heard_ms = bb_loop_wall_ms();
    record(api, &line);
    take_object(api, board, &line, copy);
}

void watch_agent_left(struct api *api, const char *agent)
{
    char topic[128], text[160];
    bool any = false;
    for (size_t i = 0; i < api->board_count; i++) {
        struct known_board *board = &api->boards[i];
        if (strcmp(board->agent, agent) != 0)
            continue;
        any = true;
        json_t *object = board->online ? json_copy(board->object) : NULL;
        if (object == NULL)
            continue;
        json_object_set_new(object, "online", json_false());
        json_object_set_new(object, "certified", json_false());
        json_object_set_new(object, "mode", json_string("link-lost"));
        watch_board(api, agent, object);
        json_decref(object);
    }
    if (!any)
        return;
    snprintf(topic, sizeof topic, "web/agent/%s", agent);
    snprintf(text, sizeof text, "%s has left the bus: nothing is known of its boards", agent);
    condition(api, true, topic, agent, "agent-away", text);
}

/* Boards that have been away for a while although their agent is there. */
static void look_at_boards(struct api *api, int64_t now)
{
    for (size_t i = 0; i < api->board_count; i++) {
        const struct known_board *board = &api->boards[i];
        char topic[64], text[160];
        if (board->offline_mono == 0 || now - board->offline_mono < OFFLINE_MS ||
            json_object_get(api->present, board->agent) == NULL)
            continue;
        snprintf(topic, sizeof topic, "alerts/dispatch/%s", board->name);
        snprintf(text, sizeof text, "%s does not answer to %s", board->name, board->agent);
        condition(api, true, topic, board->name, "link-lost", text);
    }
}

/* -- the overview
 * --------------------------------------------------------------------------------------------- */

struct overview watch_overview(const struct api *api)
{
    struct api_state state = api_state(api);
    json_t *boards = json_array();
    for (size_t i = 0; i < api->board_count; i++)
        json_array_append(boards, api->boards[i].object);
    struct board_totals totals = boards_total(boards);
    json_decref(boards);
    return (struct overview){.generation_mw = totals.generation_mw,
                             .load_mw = totals.load_mw,
                             .lambda_min = totals.lambda_min,
                             .lambda_max = totals.lambda_max,
                             .price_micro = api->price_micro,
                             .boards = totals.boards,
                             .online = totals.online,
                             .certified = totals.certified,
                             .alarms = alarms_open(&api->alarms),
                             .bus = state.bus,
                             .ledger = state.ledger,
                             .simulated = api->with.simulated,
                             .updated_ms = api->heard_ms};
}

json_t *watch_overview_json(const struct overview *o)
{
    json_t *document = views_document();
    json_object_set_new(document, "generation_kw", views_millionths(o->generation_mw));
    json_object_set_new(document, "load_kw", views_millionths(o->load_mw));
    json_object_set_new(document, "mismatch_kw", views_millionths(o->load_mw - o->generation_mw));
    json_object_set_new(document, "lambda", views_millionths(overview_lambda(o)));
    json_object_set_new(document, "lambda_min", views_millionths(o->lambda_min));
    json_object_set_new(document, "lambda_max", views_millionths(o->lambda_max));
    json_object_set_new(document, "price_cents_per_kwh",
                        o->price_micro < 0 ? json_null() : json_real((double)o->price_micro / 1e4));
    json_object_set_new(document, "boards_online", json_integer((json_int_t)o->online));
    json_object_set_new(document, "boards", json_integer((json_int_t)o->boards));
    json_object_set_new(document, "certified", json_integer((json_int_t)o->certified));
    json_object_set_new(document, "alarms", json_integer((json_int_t)o->alarms));
    json_object_set_new(document, "bus", json_string(o->bus ? "up" : "down"));
    json_object_set_new(document, "ledger", json_string(o->ledger ? "up" : "down"));
    json_object_set_new(document, "simulated", json_boolean(o->simulated));
    json_object_set_new(document, "updated_ms", json_integer(o->updated_ms));
    return document;
}

static void look_at_balance(struct api *api, const struct overview *o, int64_t now)
{
    char text[160];
    overview_balance(&api->balance, o, now);
    snprintf(text, sizeof text, "load and generation have been %.3f kW apart for %d s",
             (double)llabs(o->load_mw - o->generation_mw) / 1e6, OVERVIEW_APART_MS / 1000);
    condition(api, api->balance.apart, "web/mismatch", "balance", "mismatch", text);
}

/* The bus and the ledger: an alarm when one that was there has gone. */
static void look_at_links(struct api *api)
{
    struct api_state state = api_state(api);
    if (api->bus != state.bus)
        condition(api, !state.bus, "web/bus", "bus", "bus-down", "there is no connection to the broker");
    if (state.bus && api->ledger != state.ledger)
        condition(api, !state.ledger, "web/ledger", "ledger", "ledger-down", "the ledger has left the bus");
    if (api->bus != state.bus || api->ledger != state.ledger)
        relay_stale(api->relay, NULL);
    api->bus = state.bus;
    if (state.bus)
        api->ledger = state.ledger;
}

void watch_tick(void *context)
{
    struct api *api = context;
    int64_t now = bb_loop_mono_ms();
    const struct alarm *alarm;
    relay_sweep(api->relay);
    look_at_links(api);
    if (api->bus)
        look_at_boards(api, now);
    while ((alarm = alarms_tick(&api->alarms, bb_loop_wall_ms())) != NULL)
        watch_tell_alarm(api, alarm);
    show_run(api);
    struct overview overview = watch_overview(api);
    look_at_balance(api, &overview, now);
    if (overview_tell(&api->telling, &overview, now))
        publish(api, "overview", "overview", watch_overview_json(&overview));
}
