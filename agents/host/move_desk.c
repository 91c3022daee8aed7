#include "agents/host/move_desk_state.h"

#include "agents/bundle/folder.h"
#include "agents/host/output.h"
#include "bus/client/log.h"

#include <busbar/check.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define TICK_MS 250
/* An agent of the federation that dies takes its calls along, and nobody says so. */
#define CALL_MS  5000
#define PIECE_MS 8000

struct move_waiter {
    struct move_waiter *next;
    char id[MOVE_ID_SIZE];
    bool word;
    struct move last; /* as it was told last */
    move_desk_on_settled *on_settled;
    void *context;
};

/* -- files ------------------------------------------------------------------------------------------------
 */

char *move_desk_path(const struct move_desk *desk, const char *id, const char *ending, char *path_out)
{
    char below[128];
    snprintf(below, sizeof below, "agents/moves/%s%s", id, ending);
    return paths_below(&desk->host->paths, below, path_out);
}

enum status move_desk_folder(const struct move_desk *desk, int *fd_out, struct bb_reason *reason)
{
    char path[BB_PATH_MAX];
    return paths_folder(paths_below(&desk->host->paths, "agents/moves", path), 1, fd_out, reason);
}

enum status move_desk_sweep(const struct move_desk *desk, const char *id, struct bb_reason *reason)
{
    static const char *const endings[] = {".parcel", ".open"};
    char name[MOVE_ID_SIZE + 16];
    int folder;
    enum status status = move_desk_folder(desk, &folder, reason);
    if (status != BB_OK)
        return status;
    move_job_stop(desk->jobs, id);
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(name, sizeof name, "%s%s", id, endings[i]);
        enum status removed = folder_remove(folder, name, reason);
        if (removed != BB_OK && removed != BB_NOT_FOUND)
            status = removed;
    }
    close(folder);
    return status;
}

/* After a start no parcel is of use any more: what was received is in its place, the rest is given up. */
static void sweep_all(const struct move_desk *desk)
{
    int folder;
    if (move_desk_folder(desk, &folder, NULL) != BB_OK)
        return;
    DIR *stream = fdopendir(folder);
    const struct dirent *entry;
    while (stream != NULL && (entry = readdir(stream)) != NULL)
        if (entry->d_name[0] != '.')
            (void)!folder_remove(dirfd(stream), entry->d_name, NULL);
    if (stream != NULL)
        closedir(stream);
    else
        close(folder);
}

/* -- the world: both sides ----------------------------------------------------------------------------------
 */

static int64_t now_ms(void *context)
{
    (void)context;
    return bb_loop_wall_ms();
}

static void random_id(void *context, char id_out[MOVE_ID_SIZE])
{
    uint8_t bytes[(MOVE_ID_SIZE - 1) / 2];
    (void)context;
    CHECK(getrandom(bytes, sizeof bytes, 0) == (ssize_t)sizeof bytes);
    for (size_t i = 0; i < sizeof bytes; i++)
        snprintf(id_out + 2 * i, 3, "%02x", bytes[i]);
}

static enum status put_row(struct store *store, const struct move *move, struct bb_reason *reason)
{
    struct store_move row = {.since_ms = move->since_ms};
    json_t *data =
        json_pack("{s:s,s:b,s:b}", "ticket", move->ticket, "ran", move->ran, "undecided", move->undecided);
    char *text = json_dumps(data, JSON_COMPACT);
    CHECK(text != NULL);
    row.data = text;
    snprintf(row.id, sizeof row.id, "%s", move->id);
    snprintf(row.name, sizeof row.name, "%s", move->name);
    snprintf(row.origin, sizeof row.origin, "%s", move->from);
    snprintf(row.target, sizeof row.target, "%s", move->to);
    snprintf(row.phase, sizeof row.phase, "%s", move_word(move->phase));
    snprintf(row.reason, sizeof row.reason, "%s", move->reason.text);
    enum status status = store_put_move(store, &row, reason);
    free(text);
    json_decref(data);
    return status;
}

static enum store_hold hold_of(const struct move *move)
{
    static const enum store_hold holds[] = {[MOVE_HOLD_FREE] = HOLD_FREE,
                                            [MOVE_HOLD_MOVING] = HOLD_MOVING,
                                            [MOVE_HOLD_UNDECIDED] = HOLD_UNDECIDED,
                                            [MOVE_HOLD_MOVED] = HOLD_MOVED};
    return holds[move_hold(move)];
}

/* The move and the hold, as one; on failure the agent is held as before. */
static enum status save(void *context, const struct move *move, bool holds, struct bb_reason *reason)
{
    struct move_desk *desk = context;
    struct store *store = desk->host->store;
    struct hosted *agent = holds ? host_find(desk->host, move->name) : NULL;
    enum store_hold before = agent != NULL ? agent->row.hold : HOLD_FREE;
    enum status status = store_begin(store, reason);
    if (status != BB_OK)
        return status;
    status = put_row(store, move, reason);
    if (status == BB_OK && agent != NULL)
        status = host_hold(agent, hold_of(move), reason);
    enum status end = store_end(store, status == BB_OK ? reason : NULL);
    status = status == BB_OK ? end : status;
    if (status != BB_OK && agent != NULL && agent->row.hold != before) {
        agent->row.hold = before;
        host_tell(agent);
    }
    return status;
}

static enum status forget(void *context, const struct move *move, struct bb_reason *reason)
{
    const struct move_desk *desk = context;
    return store_drop_move(desk->host->store, move->id, reason);
}

static void call(void *context, const char *platform, const char *method, const json_t *params,
                 moves_on_reply *on_reply, void *reply_context)
{
    const struct move_desk *desk = context;
    char peer[MOVE_PLATFORM_SIZE + 16];
    char *text = json_dumps(params, JSON_COMPACT);
    CHECK(text != NULL);
    snprintf(peer, sizeof peer, HOST_IDENTITY "@%s", platform);
    uint32_t patience = strcmp(method, "move.write") == 0 ? PIECE_MS : CALL_MS;
    enum status status =
        bb_request(desk->host->client, peer, method, text, patience, on_reply, reply_context);
    free(text);
    if (status != BB_OK)
        on_reply(reply_context, status, NULL);
}

static void start(void *context, const struct move *move)
{
    const struct move_desk *desk = context;
    struct hosted *agent = host_find(desk->host, move->name);
    if (agent != NULL && agent->row.hold == HOLD_FREE)
        host_start(agent, NULL, NULL);
}

/* A stop that is waited for. */
struct move_stop {
    struct move_stop *next;
    struct move_desk *desk;
    char id[MOVE_ID_SIZE];
};

static void on_stopped(void *context, struct hosted *agent, const char *reason)
{
    struct move_stop *stop = context;
    struct move_stop **at = &stop->desk->stops;
    struct move_desk *desk = stop->desk;
    char id[MOVE_ID_SIZE];
    (void)agent;
    memcpy(id, stop->id, sizeof id);
    while (*at != stop)
        at = &(*at)->next;
    *at = stop->next;
    free(stop);
    moves_stopped(desk->moves, id, reason);
}

static void stop(void *context, const struct move *move)
{
    struct move_desk *desk = context;
    struct hosted *agent = host_find(desk->host, move->name);
    struct move_stop *waits = calloc(1, sizeof *waits);
    CHECK(waits != NULL);
    waits->desk = desk;
    memcpy(waits->id, move->id, sizeof waits->id);
    waits->next = desk->stops;
    desk->stops = waits;
    if (agent != NULL)
        host_stop(agent, on_stopped, waits);
    else
        on_stopped(waits, NULL, "it was removed meanwhile");
}

static bool is_ours(const struct hosted *agent, const struct move *move)
{
    enum store_hold hold = agent->row.hold;
    return move->phase == MOVE_MOVED ? hold == HOLD_MOVED : hold == HOLD_MOVING || hold == HOLD_UNDECIDED;
}

static enum status clear(void *context, const struct move *move, struct bb_reason *reason)
{
    struct move_desk *desk = context;
    struct hosted *agent = host_find(desk->host, move->name);
    enum status status = move_desk_sweep(desk, move->id, reason);
    if (status == BB_OK && agent != NULL && is_ours(agent, move))
        status = host_remove(agent, false, reason);
    return status;
}

static void publish(const struct move_desk *desk, const char *root, const struct move *move, json_t *object)
{
    char topic[MOVE_NAME_SIZE + 32];
    char *text = json_dumps(object, JSON_COMPACT);
    CHECK(text != NULL);
    snprintf(topic, sizeof topic, "%s/%s", root, move->name);
    (void)!bb_publish(desk->host->client, topic, NULL, text);
    free(text);
    json_decref(object);
}

static void alert(void *context, const struct move *move)
{
    const struct move_desk *desk = context;
    struct hosted *agent = host_find(desk->host, move->name);
    struct bb_reason text;
    bb_reason_say(
        &text,
        "the move from %s to %s is not decided (%s); it does not run here; decide with busbar agent "
        "move %s --resolve here or there%s%.200s",
        move->from, move->to, move_word(move->phase), move->name, move->reason.text[0] != '\0' ? ": " : "",
        move->reason.text);
    if (agent != NULL)
        host_alert(agent, "move-undecided", "%s", text.text);
    else
        publish(desk, "alerts/agent", move,
                json_pack("{s:s,s:s,s:s}", "name", move->name, "alert", "move-undecided", "text", text.text));
}

/* -- whoever waits ------------------------------------------------------------------------------------------
 */

static bool is_settled(const struct move_desk *desk, struct move_waiter *waiter)
{
    const struct move *move = moves_find(desk->moves, waiter->id);
    if (move != NULL)
        waiter->last = *move;
    if (waiter->word)
        return !moves_is_asking(desk->moves, waiter->id);
    return move == NULL || move_is_over(move) || move->undecided || !move_gives(move);
}

/* Later, since those who wait may call us, and the move's own work is to be done first. */
static void on_soon(void *context)
{
    struct move_desk *desk = context;
    struct move_waiter *waiters = desk->waiters;
    desk->soon = 0;
    desk->waiters = NULL;
    while (waiters != NULL) {
        struct move_waiter *waiter = waiters;
        waiters = waiter->next;
        if (is_settled(desk, waiter)) {
            waiter->on_settled(waiter->context, &waiter->last);
            free(waiter);
        } else {
            waiter->next = desk->waiters;
            desk->waiters = waiter;
        }
    }
}

static void look_soon(struct move_desk *desk)
{
    if (desk->soon == 0 && bb_loop_after(desk->host->loop, 1, on_soon, desk, &desk->soon) != BB_OK)
        desk->soon = 0;
}

static void changed(void *context, const struct move *move)
{
    struct move_desk *desk = context;
    log_info("move", LOG_TEXT("name", move->name), LOG_TEXT("from", move->from), LOG_TEXT("to", move->to),
             LOG_TEXT("phase", move_word(move->phase)),
             LOG_TEXT("reason", move->reason.text[0] != '\0' ? move->reason.text : NULL));
    publish(desk, "agents/move", move, moves_json(move));
    for (struct move_waiter *waiter = desk->waiters; waiter != NULL; waiter = waiter->next)
        if (strcmp(waiter->id, move->id) == 0)
            waiter->last = *move;
    look_soon(desk);
}

void move_desk_wait(struct host *host, const struct move *move, bool word, move_desk_on_settled *on_settled,
                    void *context)
{
    struct move_desk *desk = host->desk;
    struct move_waiter *waiter = calloc(1, sizeof *waiter);
    CHECK(waiter != NULL);
    *waiter = (struct move_waiter){desk->waiters, "", word, *move, on_settled, context};
    memcpy(waiter->id, move->id, sizeof waiter->id);
    desk->waiters = waiter;
    look_soon(desk);
}

/* -- opening ------------------------------------------------------------------------------------------------
 */

static void on_job(void *context, const struct move_job_end *end)
{
    struct move_desk *desk = context;
    if (end->packs)
        move_desk_packed(desk, end);
    else
        move_desk_unpacked(desk, end);
}

static void on_tick(void *context)
{
    struct move_desk *desk = context;
    moves_tick(desk->moves);
    if (desk->waiters != NULL)
        look_soon(desk);
}

static void load_row(void *context, const struct store_move *row)
{
    struct move_desk *desk = context;
    struct move move = {.since_ms = row->since_ms};
    json_t *data = row->data != NULL ? json_loads(row->data, 0, NULL) : NULL;
    const char *ticket = json_string_value(json_object_get(data, "ticket"));
    snprintf(move.id, sizeof move.id, "%.32s", row->id);
    snprintf(move.name, sizeof move.name, "%s", row->name);
    snprintf(move.from, sizeof move.from, "%s", row->origin);
    snprintf(move.to, sizeof move.to, "%s", row->target);
    snprintf(move.ticket, sizeof move.ticket, "%.32s", ticket != NULL ? ticket : "");
    snprintf(move.reason.text, sizeof move.reason.text, "%s", row->reason);
    move.ran = json_is_true(json_object_get(data, "ran"));
    move.undecided = json_is_true(json_object_get(data, "undecided"));
    if (move_phase_of(row->phase, &move.phase))
        moves_load(desk->moves, &move);
    else
        log_warning("move-unknown", LOG_TEXT("name", row->name), LOG_TEXT("phase", row->phase));
    json_decref(data);
}

/* The name that other platforms know this one by: agentd.json's, or federation.json's; "" when there is none.
 */
static void own_name(const struct host *host, char name_out[MOVE_PLATFORM_SIZE])
{
    char path[BB_PATH_MAX];
    json_t *federation = json_load_file(paths_below(&host->paths, "federation.json", path), 0, NULL);
    const char *said = json_string_value(json_object_get(federation, "platform"));
    const char *name = host->settings->platform[0] != '\0' ? host->settings->platform : said;
    snprintf(name_out, MOVE_PLATFORM_SIZE, "%s", name != NULL ? name : "");
    json_decref(federation);
}

enum status move_desk_open(struct host *host, struct bb_reason *reason)
{
    struct move_desk *desk = calloc(1, sizeof *desk);
    CHECK(desk != NULL);
    desk->host = host;
    desk->world = (struct moves_world){.context = desk,
                                       .piece_bytes = 192 * 1024,
                                       .now_ms = now_ms,
                                       .random = random_id,
                                       .save = save,
                                       .forget = forget,
                                       .call = call,
                                       .start = start,
                                       .stop = stop,
                                       .clear = clear,
                                       .alert = alert,
                                       .changed = changed};
    move_desk_give(&desk->world);
    move_desk_take(&desk->world);
    own_name(host, desk->name);
    desk->moves = moves_open(&desk->world, desk->name);
    host->desk = desk;
    enum status status = move_job_open(host->loop, on_job, desk, &desk->jobs);
    if (status == BB_OK)
        status = store_each_move(host->store, load_row, desk, reason);
    if (status == BB_OK)
        status = bb_loop_every(host->loop, TICK_MS, on_tick, desk, &desk->timer);
    return status;
}

void move_desk_wake(struct host *host)
{
    sweep_all(host->desk);
    moves_wake(host->desk->moves);
}

void move_desk_close(struct host *host)
{
    struct move_desk *desk = host->desk;
    if (desk == NULL)
        return;
    bb_loop_cancel(host->loop, desk->timer);
    bb_loop_cancel(host->loop, desk->soon);
    move_job_close(desk->jobs);
    moves_close(desk->moves);
    while (desk->stops != NULL) {
        struct move_stop *next = desk->stops->next;
        free(desk->stops);
        desk->stops = next;
    }
    while (desk->waiters != NULL) {
        struct move_waiter *waiter = desk->waiters;
        desk->waiters = waiter->next;
        waiter->on_settled(waiter->context, &waiter->last);
        free(waiter);
    }
    free(desk);
    host->desk = NULL;
}

const char *move_desk_platform(const struct host *host)
{
    return host->desk->name;
}

struct moves *move_desk_moves(const struct host *host)
{
    return host->desk->moves;
}
