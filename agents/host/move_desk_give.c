#include "agents/host/move_desk_state.h"

#include <busbar/check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Bytes of the bundle and the state: what the other side must have room for. */
static enum status measure(const struct hosted *agent, struct bb_reason *reason, int64_t *bytes_out)
{
    const struct paths *paths = &agent->host->paths;
    char path[BB_PATH_MAX];
    struct stat about;
    int64_t state = 0;
    enum status status =
        parcel_measure(paths_agent(paths, agent->row.name, PATH_STATE, path), reason, &state);
    if (status != BB_OK)
        return status;
    if (stat(paths_archive(paths, agent->row.digest, path), &about) != 0) {
        bb_reason_say(reason, "%.400s: %s", path, strerror(errno));
        return BB_IO;
    }
    *bytes_out = state + about.st_size;
    return BB_OK;
}

static bool runs(const struct hosted *agent)
{
    return agent->life.state != LIFE_STOPPED && agent->life.state != LIFE_CRASHED &&
           (agent->life.state != LIFE_STOPPING || agent->life.again);
}

static enum status offer(void *context, const char *name, bool *runs_out, json_t **about_out,
                         struct bb_reason *reason)
{
    const struct move_desk *desk = context;
    const struct hosted *agent = host_find(desk->host, name);
    int64_t bytes = 0;
    if (agent == NULL) {
        bb_reason_say(reason, "no agent %.63s is installed", name);
        return BB_NOT_FOUND;
    }
    if (agent->row.hold != HOLD_FREE) {
        bb_reason_say(reason, "%.63s is %s (move.list)", name, host_state_word(agent));
        return BB_EXISTS;
    }
    enum status status = measure(agent, reason, &bytes);
    if (status != BB_OK)
        return status;
    *runs_out = runs(agent);
    *about_out = json_pack("{s:s,s:s,s:s,s:s,s:s,s:I}", "agent", agent->manifest.name, "identity",
                           agent->row.identity, "release", agent->row.release, "digest", agent->row.digest,
                           "signer", agent->row.signer, "size", (json_int_t)bytes);
    CHECK(*about_out != NULL);
    return BB_OK;
}

/* What goes along with the bundle, and may be seen by the other platform's operator. */
static json_t *about(const struct hosted *agent)
{
    char path[BB_PATH_MAX];
    json_t *config =
               json_load_file(paths_agent(&agent->host->paths, agent->row.name, PATH_CONFIG, path), 0, NULL),
           *grant = NULL;
    if (install_grant(agent, NULL, &grant) != BB_OK)
        grant = json_object();
    return json_pack("{s:i,s:s,s:s,s:b,s:i,s:o,s:o}", "version", 1, "name", agent->row.name, "identity",
                     agent->row.identity, "enabled", agent->row.enabled, "priority", agent->row.priority,
                     "config", config != NULL ? config : json_object(), "grant", grant);
}

static void pack(void *context, const struct move *move)
{
    struct move_desk *desk = context;
    const struct hosted *agent = host_find(desk->host, move->name);
    char bundle[BB_PATH_MAX], state[BB_PATH_MAX], parcel[BB_PATH_MAX];
    struct bb_reason reason = {"no thread can be started"};
    if (agent == NULL) {
        moves_packed(desk->moves, move->id, 0, "", "it was removed meanwhile");
        return;
    }
    json_t *json = about(agent);
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    CHECK(text != NULL);
    paths_archive(&desk->host->paths, agent->row.digest, bundle);
    paths_agent(&desk->host->paths, move->name, PATH_STATE, state);
    enum status status = move_desk_sweep(desk, move->id, &reason);
    if (status == BB_OK)
        status = move_job_pack(desk->jobs, move->id, bundle, text, state,
                               move_desk_path(desk, move->id, ".parcel", parcel));
    free(text);
    json_decref(json);
    if (status != BB_OK)
        moves_packed(desk->moves, move->id, 0, "", reason.text);
}

void move_desk_packed(struct move_desk *desk, const struct move_job_end *end)
{
    moves_packed(desk->moves, end->id, end->size, end->sha256,
                 end->status == BB_OK ? NULL : end->reason.text);
}

static enum status read_piece(void *context, const struct move *move, int64_t offset, uint8_t *piece_out,
                              size_t *size_out, struct bb_reason *reason)
{
    const struct move_desk *desk = context;
    char path[BB_PATH_MAX];
    int file = open(move_desk_path(desk, move->id, ".parcel", path), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    ssize_t got = file >= 0 ? pread(file, piece_out, desk->world.piece_bytes, offset) : -1;
    if (got < 0)
        bb_reason_say(reason, "%.400s: %s", path, strerror(errno));
    if (file >= 0)
        close(file);
    if (got < 0)
        return BB_IO;
    *size_out = (size_t)got;
    return BB_OK;
}

static void discard(void *context, const struct move *move)
{
    (void)!move_desk_sweep(context, move->id, NULL);
}

void move_desk_give(struct moves_world *world)
{
    world->offer = offer;
    world->pack = pack;
    world->read = read_piece;
    world->discard = discard;
}
